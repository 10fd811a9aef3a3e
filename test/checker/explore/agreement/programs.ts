/** Random programs of a few accesses, run by exploration and by the enumeration of litmus tests. */
import fc from 'fast-check';
import {
  type CheckResult,
  check,
  type MemoryOrder,
  type ModelName,
} from '../../../../src/checker/check/index.ts';
import { type Access, type LitmusTest, Tag } from '../../../../src/checker/litmus/contract.ts';
import { runLitmus } from '../../../../src/checker/litmus/index.ts';
import type { Model } from '../../../../src/checker/models/index.ts';

/** Order of an access; plain has none. */
export type AccessOrder = MemoryOrder | 'plain';

/** One access, or a fence. The value of what is written is unique. */
export interface Step {
  readonly kind: 'read' | 'write' | 'exchange' | 'fence';
  readonly location: number;
  readonly order: AccessOrder;
}

/** Steps by thread. */
export type Program = readonly (readonly Step[])[];

/** What a model's programs may consist of. */
export interface Ground {
  readonly reads: readonly AccessOrder[];
  readonly writes: readonly AccessOrder[];
  readonly exchanges: readonly MemoryOrder[];
  readonly fences: readonly MemoryOrder[];
}

const LOCATIONS = 2;

/** Programs of two or three threads. */
export function programs({ reads, writes, exchanges, fences }: Ground): fc.Arbitrary<Program> {
  const location = fc.nat(LOCATIONS - 1);
  const step = (kind: Step['kind'], orders: readonly AccessOrder[]): fc.Arbitrary<Step> =>
    fc.record({ kind: fc.constant(kind), location, order: fc.constantFrom(...orders) });
  const choices = [
    { weight: 6, arbitrary: step('read', reads) },
    { weight: 6, arbitrary: step('write', writes) },
    { weight: 2, arbitrary: step('exchange', exchanges) },
  ];
  if (fences.length > 0) choices.push({ weight: 1, arbitrary: step('fence', fences) });
  const thread = (most: number): fc.Arbitrary<Step[]> =>
    fc.array(fc.oneof(...choices), { minLength: 1, maxLength: most });
  return fc.oneof(fc.tuple(thread(4), thread(4)), fc.tuple(thread(3), thread(3), thread(3)));
}

function valueOf(thread: number, index: number): number {
  return 10 * (thread + 1) + index;
}

/** What exploration finds. */
export function explored(
  model: ModelName,
  program: Program,
): { outcomes: ReadonlySet<string>; result: CheckResult } {
  const outcomes = new Set<string>();
  const result = check({ model, races: 'allow' }, ({ cell, thread, after, fence }) => {
    const cells = Array.from({ length: LOCATIONS }, (_, index) => cell(0, `x${index}`));
    const carryOut = ({ kind, location, order }: Step, value: number): number | undefined => {
      const target = cells[location]!;
      if (kind === 'fence') fence(order as MemoryOrder);
      else if (kind === 'exchange') return target.exchange(value, order as MemoryOrder);
      else if (kind === 'read') return order === 'plain' ? target.plainLoad() : target.load(order);
      else if (order === 'plain') target.plainStore(value);
      else target.store(value, order);
      return undefined;
    };
    const threads = program.map((steps, number) =>
      thread(`${number}`, () => steps.map((step, index) => carryOut(step, valueOf(number, index)))),
    );
    after(() => {
      const read = threads.flatMap(({ result: values }, number) =>
        values.map((value, index) => (value === undefined ? '' : `${number}:r${index}=${value}; `)),
      );
      const last = cells.map((target, index) => `[x${index}]=${target.plainLoad()};`);
      outcomes.add(read.join('') + last.join(' '));
    });
  });
  return { outcomes, result };
}

/** What a step is for a model: fences by their names, and bits of `Tag`. */
export interface Instruction {
  readonly before?: string;
  readonly read?: number;
  readonly write?: number;
  readonly behind?: string;
}

/** Says what a step is for a model. */
export type Assembler = (step: Step) => Instruction;

function addressOf(location: number): number {
  return 0x4000_0000 + location * 0x1_0000;
}

function litmusOf(program: Program, assemble: Assembler): LitmusTest {
  const observed: LitmusTest['observed'][number][] = [];
  program.forEach((steps, thread) => {
    steps.forEach(({ kind }, index) => {
      if (kind === 'write' || kind === 'fence') return;
      observed.push({ kind: 'register', thread, name: `r${index}`, size: 4, signed: true });
    });
  });
  for (let index = 0; index < LOCATIONS; index++) {
    const address = addressOf(index);
    observed.push({ kind: 'location', name: `x${index}`, address, size: 4, signed: true });
  }
  return {
    name: 'random',
    architecture: 'c11',
    threads: program.map((steps, thread) => ({
      run: (context) => {
        const registers = new Map<string, number>();
        steps.forEach((step, index) => {
          const { before, read, write, behind } = assemble(step);
          const access = (tag: number): Access => {
            return { address: addressOf(step.location), size: 4, tag, addressFrom: 0 };
          };
          if (before !== undefined) context.fence(before);
          const number = context.accesses;
          if (read !== undefined) {
            const value = context.read(access(read));
            if (step.kind !== 'write') registers.set(`r${index}`, Number(value));
          }
          if (write !== undefined) {
            const reads = read === undefined ? -1 : number;
            context.write(access(write), valueOf(thread, index), 0, reads);
          }
          if (behind !== undefined) context.fence(behind);
        });
        return registers;
      },
    })),
    source: program.map(() => []),
    symbols: {
      addressOf: (name) => addressOf(Number(name.slice(1))),
      nameOf: () => undefined,
    },
    initial: [],
    observed,
    quantifier: 'exists',
    condition: { kind: 'true' },
    conditionText: 'true',
    filter: undefined,
  };
}

/** What enumeration finds: states, and how many executions there are. */
export function enumerated(
  model: Model,
  assemble: Assembler,
  program: Program,
): { outcomes: ReadonlySet<string>; executions: number } {
  const { outcomes, positive, negative } = runLitmus(litmusOf(program, assemble), model, {
    mode: 'count',
  });
  return {
    outcomes: new Set(outcomes.map((text) => text.trim())),
    executions: positive + negative,
  };
}

const { ACQUIRE, ATOMIC_RMW, RELAXED, RELEASE, SEQ_CST } = Tag;

function isAcquire(order: AccessOrder): boolean {
  return order === 'acquire' || order === 'acq_rel' || order === 'seq_cst';
}

function isRelease(order: AccessOrder): boolean {
  return order === 'release' || order === 'acq_rel' || order === 'seq_cst';
}

/** x86: stores that are more than plain are exchanges. */
export const x86: Assembler = ({ kind, order }) => {
  if (kind === 'fence') return { behind: 'mfence' };
  if (kind === 'read') return { read: 0 };
  if (kind === 'write' && order === 'plain') return { write: 0 };
  return { read: ATOMIC_RMW, write: ATOMIC_RMW };
};

/** C11 as it is written. */
export const c11: Assembler = ({ kind, order }) => {
  if (kind === 'fence') return { behind: order };
  const strong = order === 'seq_cst' ? SEQ_CST : 0;
  const read = isAcquire(order) ? ACQUIRE | strong : RELAXED;
  const write = isRelease(order) ? RELEASE | strong : RELAXED;
  if (kind === 'read') return { read };
  if (kind === 'write') return { write };
  return { read: read | ATOMIC_RMW, write: write | ATOMIC_RMW };
};

/** ECMAScript; `RELAXED` is what has no coherence of its own, which is everything. */
export const ecmascript: Assembler = ({ kind, order }) => {
  const tag = RELAXED | (order === 'plain' ? 0 : SEQ_CST);
  if (kind === 'read') return { read: tag };
  if (kind === 'write') return { write: tag };
  return { read: tag | ATOMIC_RMW, write: tag | ATOMIC_RMW };
};

/** ARMv8 with LSE. */
export const aarch64: Assembler = ({ kind, order }) => {
  if (kind === 'fence') return { behind: order === 'acquire' ? 'dmb.ld' : 'dmb.sy' };
  const read = isAcquire(order) ? ACQUIRE : 0;
  const write = isRelease(order) ? RELEASE : 0;
  if (kind === 'read') return { read };
  if (kind === 'write') return { write };
  return { read: read | ATOMIC_RMW, write: write | ATOMIC_RMW };
};

/** RISC-V with the mapping that its specification recommends. */
export const riscv: Assembler = ({ kind, order }) => {
  const fences: Readonly<Record<string, string>> = {
    acquire: 'fence.r.rw',
    release: 'fence.rw.w',
    acq_rel: 'fence.tso',
    seq_cst: 'fence.rw.rw',
  };
  if (kind === 'fence') return { behind: fences[order]! };
  if (kind === 'read') {
    return {
      read: 0,
      ...(order === 'seq_cst' ? { before: 'fence.rw.rw' } : {}),
      ...(isAcquire(order) ? { behind: 'fence.r.rw' } : {}),
    };
  }
  if (kind === 'write') return isRelease(order) ? { before: 'fence.rw.w', write: 0 } : { write: 0 };
  const tag = ATOMIC_RMW | (isAcquire(order) ? ACQUIRE : 0) | (isRelease(order) ? RELEASE : 0);
  return { read: tag, write: tag };
};
