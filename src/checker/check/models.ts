/** The memory models by name, as exploration uses them. */
import { RondoError } from '../../base/index.ts';
import type { Consistency } from '../explore/consistency.ts';
import type { Graph } from '../explore/graph.ts';
import { findRace, Rc11 } from '../explore/rc11.ts';
import { sequential, storeBuffers } from '../explore/sequential.ts';

/** Models that a test can be checked under. */
export type ModelName = 'sc' | 'x86-tso' | 'armv8' | 'riscv' | 'rc11' | 'es' | 'v8-x64' | 'v8-arm64';

/** A model as exploration uses it. */
export interface Explored {
  readonly consistency: Consistency;
  /** The first data race, where the model has such a thing. */
  readonly races: ((graph: Graph) => readonly [number, number] | undefined) | undefined;
}

/** @throws {RondoError} ERR_CHECKER_MODEL */
export function consistencyOf(name: ModelName): Explored {
  switch (name) {
    case 'sc':
      return { consistency: sequential(), races: undefined };
    case 'x86-tso':
    case 'v8-x64':
      return { consistency: storeBuffers(), races: undefined };
    case 'rc11':
      return { consistency: new Rc11(), races: findRace };
    default:
      throw new RondoError('ERR_CHECKER_MODEL', `Cannot check under the model ${String(name)}`);
  }
}
