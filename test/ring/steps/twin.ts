/** A second survivor: a thread that clears up after the dead at the same moment as this one. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { loadAcquire, storeRelease } from '#atomics';
import type { SharedRings } from '../../../src/ring/index.ts';

/** What the twin is told. */
export interface TwinTask {
  /** Rings to attach to, by a number of the caller's, for a later task. */
  readonly attach?: { readonly id: number; readonly rings: SharedRings };
  /** Rings to clear up, and to leave. */
  readonly id?: number;
  /** A directory to clear up. */
  readonly directory?: string;
  /** Word 0: the twin stands ready; word 1: go. */
  readonly start: Int32Array;
}

/** See the head of this file. */
export class Twin {
  readonly #worker = new Worker(new URL('twin.worker.js', import.meta.url));
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** Joins rings, while nobody has died yet; gives what names them. */
  async attach(rings: SharedRings): Promise<number> {
    const id = this.#count++;
    await this.#inTurn({ attach: { id, rings } }, () => undefined);
    return id;
  }

  /** Runs `own` while the twin clears up what it has joined, or a directory. */
  async together(what: { id: number } | { directory: string }, own: () => void): Promise<void> {
    await this.#inTurn(what, own);
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#worker.terminate();
  }

  /** One after the other, whoever calls. */
  async #inTurn(task: Omit<TwinTask, 'start'>, own: () => void): Promise<void> {
    const turn = this.#last.then(async () => this.#together(task, own));
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  async #together(task: Omit<TwinTask, 'start'>, own: () => void): Promise<void> {
    const start = new Int32Array(new SharedArrayBuffer(8));
    this.#worker.postMessage({ ...task, start });
    const done = once(this.#worker, 'message');
    while (loadAcquire(start, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    storeRelease(start, 1, 1);
    own();
    await done;
  }
}
