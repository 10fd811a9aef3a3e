/** Requests that found no room, in their order. */
import type { Cursor } from '../../memory/index.ts';
import type { Connection } from '../sockets/connection.ts';

/** What became of a request. */
export type SubmitResult =
  /** It is in the ring: the engine, or its successor, gets it. */
  | 'submitted'
  /** There is no room, and `whenFull` is to refuse. */
  | 'full'
  /** No engine is there. */
  | 'down'
  /** The connection has ended, before or while the request waited. */
  | 'closed';

/** Writes a request in place; all fields, since what was in the slot is still there. */
export type FillRequest<Q, QS extends string> = (request: Cursor<Q, QS>, client: number) => void;

/** A request that waits. */
export interface Submission<Q, QS extends string> {
  readonly connection: Connection | null;
  readonly client: number;
  readonly fill: FillRequest<Q, QS>;
  readonly resolve: (result: SubmitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** See the head of this file. */
export class Backlog<Q, QS extends string> {
  #queue: Submission<Q, QS>[] = [];

  /** Requests that wait. */
  get size(): number {
    return this.#queue.length;
  }

  /** Puts a request at the end. */
  wait(
    connection: Connection | null,
    client: number,
    fill: FillRequest<Q, QS>,
  ): Promise<SubmitResult> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ connection, client, fill, resolve, reject });
    });
  }

  /**
   * Gives each to `push`, in order, until one still finds no room. Those of connections that have
   * ended are not for the engine any more.
   */
  retry(push: (fill: FillRequest<Q, QS>, client: number) => SubmitResult): void {
    let done = 0;
    for (const { connection, client, fill, resolve, reject } of this.#queue) {
      if (connection !== null && !connection.isOpen) {
        resolve('closed');
      } else {
        try {
          const result = push(fill, client);
          if (result === 'full') break;
          resolve(result);
        } catch (error) {
          reject(error);
        }
      }
      done += 1;
    }
    this.#queue.splice(0, done);
  }

  /** Answers all that wait. */
  settle(result: SubmitResult): void {
    for (const { resolve } of this.#queue.splice(0)) resolve(result);
  }
}
