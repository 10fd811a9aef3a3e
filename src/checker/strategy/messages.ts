/**
 * What the coordinator of a parallel exploration and its workers say to each other. An attempt ends
 * when something is found out of memory that all must know; what is said of an earlier one is void.
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

/** From the coordinator. */
export type Order =
  | {
      readonly kind: 'work';
      readonly attempt: number;
      readonly words: number;
      readonly layout: Layout;
      readonly work: Uint8Array;
    }
  /** Give half of what waits away. */
  | { readonly kind: 'share'; readonly attempt: number }
  /** Stop, and give all that waits back. */
  | { readonly kind: 'stop'; readonly attempt: number };

/** What a worker has counted since the attempt began. */
export interface Counts {
  readonly tally: Uint8Array;
  readonly isTooLong: boolean;
}

/** From a worker. */
export type Report = { readonly attempt: number } & (
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'progress';
      readonly executions: number;
      readonly blocked: number;
      readonly pending: number;
    }
  /** Everything is explored that it had. */
  | ({ readonly kind: 'idle' } & Counts)
  | { readonly kind: 'shared'; readonly work: Uint8Array | undefined }
  | ({ readonly kind: 'stopped'; readonly work: Uint8Array | undefined } & Counts)
  | ({ readonly kind: 'failed'; readonly token: string } & Counts)
  /** All must begin anew: memory is laid out in another way, or graphs are larger. */
  | { readonly kind: 'again'; readonly layout: Layout; readonly isLarger: boolean }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
);
