/**
 * What the coordinator of a parallel exploration and its workers say to each other. An attempt ends
 * when something is found out of memory that all must know; what is said of an earlier one is void.
 *
 * Which accesses are events hangs on what a worker has found out of memory, so that goes with all
 * graphs: a report says what its worker has found, an order what all workers have, so far. If that
 * contradicts what the graphs of who takes it over are built on, the attempt ends. Thus the graphs
 * of each worker are at all times those of one exploration, and all of them together are when the
 * last worker has reported.
 */
import type { ModelName } from '../check/models.ts';
import type { Layout } from '../program/run.ts';

/** What a worker is started with. */
export interface WorkerStart {
  /** The file that declares the test, as a URL. */
  readonly file: string;
  readonly name: string;
  readonly model: ModelName;
  readonly options: {
    readonly events: number;
    readonly preemptions?: number;
    readonly races: 'fail' | 'allow';
  };
}

/** What goes with graphs. */
export interface Known {
  readonly layout: Layout;
  /** Memories and words that were read as constants: see `Constants`. */
  readonly constants: Layout['changing'];
}

/** From the coordinator. */
export type Order =
  | {
      readonly kind: 'work';
      readonly attempt: number;
      readonly words: number;
      readonly known: Known;
      readonly work: Uint8Array;
    }
  /** Give half of what waits away. */
  | { readonly kind: 'share'; readonly attempt: number }
  /** Stop, and give all that waits back. */
  | { readonly kind: 'stop'; readonly attempt: number };

/** What a worker has found since the attempt began. */
export interface Found {
  readonly known: Known;
  /** What it has counted: see `Tally`. */
  readonly tally: Uint8Array;
  /** What it has seen of loops, under the inputs of its last order; none of it was given before. */
  readonly looped: Uint8Array | undefined;
}

/** From a worker. */
export type Report = { readonly attempt: number } & (
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'progress';
      readonly executions: number;
      readonly blocked: number;
      readonly pending: number;
      /** Undefined: what it was before. */
      readonly known: Known | undefined;
    }
  /** Everything is explored that it had. */
  | ({ readonly kind: 'idle' } & Found)
  | { readonly kind: 'shared'; readonly work: Uint8Array | undefined; readonly known: Known }
  | ({ readonly kind: 'stopped'; readonly work: Uint8Array | undefined } & Found)
  | ({ readonly kind: 'failed'; readonly token: string } & Found)
  /** All must begin anew: memory is laid out in another way, or graphs are larger. */
  | { readonly kind: 'again'; readonly known: Known; readonly isLarger: boolean }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
);
