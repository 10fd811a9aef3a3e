/** The memory models by name, as exploration uses them. */
import { RondoError } from '../../base/index.ts';
import { AxiomConsistency } from '../explore/axioms.ts';
import type { Consistency } from '../explore/consistency.ts';
import { Flag, type Graph, Kind, Order } from '../explore/graph.ts';
import {
  armv8Lowering,
  esLowering,
  type Lowering,
  riscvLowering,
  v8Arm64,
} from '../explore/lowering.ts';
import { findRace, Rc11 } from '../explore/rc11.ts';
import { sequential, storeBuffers } from '../explore/sequential.ts';
import { armv8 } from '../models/armv8.ts';
import type { Model } from '../models/contract.ts';
import { es } from '../models/es.ts';
import { riscv } from '../models/riscv.ts';

/** Models that a test can be checked under. */
export type ModelName =
  'sc' | 'x86-tso' | 'armv8' | 'riscv' | 'rc11' | 'es' | 'v8-x64' | 'v8-arm64';

/** Their names. */
export const MODEL_NAMES: readonly ModelName[] = [
  'sc',
  'x86-tso',
  'armv8',
  'riscv',
  'rc11',
  'es',
  'v8-x64',
  'v8-arm64',
];

/** A model as exploration uses it. */
export interface Explored {
  readonly consistency: Consistency;
  /**
   * The first data race of an execution, of those at the locations that are asked for: plain
   * accesses that conflict and are not ordered.
   */
  races(
    graph: Graph,
    isAsked?: (location: number) => boolean,
  ): readonly [number, number] | undefined;
  /**
   * Whether the model might let a read of this execution see a write that comes after it, by way of
   * others: such executions are never built. Without data races no model of JavaScript has any
   * (Watt et al., PLDI 2020).
   */
  isBuffering(graph: Graph): boolean;
  /** Whether it does so only in tests of which some execution has a data race. */
  readonly needsRace?: boolean;
  /**
   * Whether an atomic read is a barrier to accesses around it, so that it orders them also where
   * nobody writes what it reads.
   */
  readonly hasBarriers: boolean;
  /** Whether accesses that race may be torn. */
  readonly tears?: boolean;
  /** Whether accesses that are not aligned to their size are several, of a byte each. */
  readonly splitsUnaligned?: boolean;
  /** How executions are found in which reads see what comes after them, if the test is small. */
  readonly enumeration?: { readonly lower: Lowering; readonly model: Model };
}

/** Computes what happens before what, for models that keep something else. */
const ordering = new Rc11();

function racesAfterwards(
  graph: Graph,
  isAsked?: (location: number) => boolean,
): readonly [number, number] | undefined {
  if (!hasPlain(graph)) return undefined;
  ordering.restore(graph);
  return findRace(graph, isAsked);
}

function hasPlain(graph: Graph): boolean {
  for (let event = 1; event < graph.count; event++) {
    if (graph.order(event) !== Order.PLAIN) continue;
    const kind = graph.kind(event);
    if (kind === Kind.READ || kind === Kind.WRITE) return true;
  }
  return false;
}

/** Whether some read that need not come first stands before a write that need not come later. */
function hasLooseRead(graph: Graph): boolean {
  for (let thread = 0; thread < graph.threads; thread++) {
    let isBeforeWrite = false;
    for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
      const kind = graph.kind(event);
      const order = graph.order(event);
      const isOrdered = order === Order.RELEASE || order >= Order.ACQ_REL;
      if (kind === Kind.WRITE && !isOrdered) isBeforeWrite = true;
      else if (kind === Kind.FENCE) isBeforeWrite = false;
      else if (kind === Kind.READ && isBeforeWrite && isLoose(graph, event)) return true;
    }
  }
  return false;
}

/** Of a read-modify-write that releases only the write is ordered. */
function isLoose(graph: Graph, read: number): boolean {
  const order = graph.order(read);
  return order <= Order.RELAXED || order === Order.RELEASE;
}

function inOrder(consistency: Consistency): Explored {
  return { consistency, races: racesAfterwards, isBuffering: () => false, hasBarriers: false };
}

/** What runs JavaScript: without races nothing is out of order. */
function javascript(name: string, model: Model, lower: Lowering): Explored {
  const consistency = new AxiomConsistency(name, model, lower);
  return {
    consistency,
    races: racesAfterwards,
    isBuffering: hasLooseRead,
    needsRace: true,
    hasBarriers: true,
    enumeration: { lower, model },
  };
}

/**
 * The text of the standard allows races more than machines do. What an atomic read reads of a plain
 * write orders nothing, so that every read may be loose; and a read-modify-write may read a plain
 * write that comes after it in the memory order.
 */
function ecmascript(name: string, model: Model, lower: Lowering): Explored {
  const base = javascript(name, model, lower);
  const isBuffering = (graph: Graph): boolean => hasReadBeforeWrite(graph) || hasRacyUpdate(graph);
  return { ...base, isBuffering, hasBarriers: false, tears: true };
}

function hasReadBeforeWrite(graph: Graph): boolean {
  for (let thread = 0; thread < graph.threads; thread++) {
    let isBeforeWrite = false;
    for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
      if (graph.kind(event) === Kind.WRITE) isBeforeWrite = true;
      else if (graph.kind(event) === Kind.READ && isBeforeWrite) return true;
    }
  }
  return false;
}

function hasRacyUpdate(graph: Graph): boolean {
  for (let event = 1; event < graph.count; event++) {
    if (graph.kind(event) !== Kind.WRITE || (graph.flags(event) & Flag.RMW) === 0) continue;
    for (let other = 1; other < graph.count; other++) {
      const isPlain = graph.kind(other) === Kind.WRITE && graph.order(other) === Order.PLAIN;
      if (isPlain && graph.location(other) === graph.location(event)) return true;
    }
  }
  return false;
}

function machine(name: string, model: Model, lower: Lowering): Explored {
  const consistency = new AxiomConsistency(name, model, lower);
  const enumeration = { lower, model };
  const isBuffering = hasLooseRead;
  return {
    consistency,
    races: racesAfterwards,
    isBuffering,
    hasBarriers: true,
    splitsUnaligned: true,
    enumeration,
  };
}

/** @throws {RondoError} ERR_CHECKER_MODEL */
export function consistencyOf(name: ModelName, failsOnRaces: boolean): Explored {
  switch (name) {
    case 'sc':
      return inOrder(sequential());
    case 'x86-tso':
    case 'v8-x64':
      return { ...inOrder(storeBuffers()), splitsUnaligned: true };
    case 'rc11':
      return {
        consistency: new Rc11(failsOnRaces),
        races: findRace,
        isBuffering: () => false,
        hasBarriers: false,
      };
    case 'es':
      return ecmascript(name, es, esLowering);
    case 'v8-arm64':
      return { ...javascript(name, armv8, v8Arm64), splitsUnaligned: true };
    case 'armv8':
      return machine(name, armv8, armv8Lowering);
    case 'riscv':
      return machine(name, riscv, riscvLowering);
    default:
      throw new RondoError(
        'ERR_CHECKER_MODEL',
        `Cannot check under the model ${String(name)}: there are ${MODEL_NAMES.join(', ')}`,
      );
  }
}
