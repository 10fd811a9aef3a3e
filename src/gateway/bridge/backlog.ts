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
interface Submission<Q, QS extends string> {
  readonly connection: Connection | null;
  readonly client: number;
  readonly fill: FillRequest<Q, QS>;
  readonly resolve: (result: SubmitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** See the head of this file. */
export class Backlog<Q, QS extends string> {
  /** In their order; those of connections that end go at once, wherever they stand. */
  readonly #queue = new Set<Submission<Q, QS>>();
  readonly #byConnection = new Map<Connection, Set<Submission<Q, QS>>>();

  /** Requests that wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** Puts a request at the end. */
  wait(
    connection: Connection | null,
    client: number,
    fill: FillRequest<Q, QS>,
  ): Promise<SubmitResult> {
    return new Promise((resolve, reject) => {
      const submission = { connection, client, fill, resolve, reject };
      this.#queue.add(submission);
      if (connection === null) return;
      const own = this.#byConnection.get(connection);
      if (own === undefined) this.#byConnection.set(connection, new Set([submission]));
      else own.add(submission);
    });
  }

  /**
   * Gives each to `push`, in order, until one still finds no room. Those of connections that are
   * being closed are not for the engine any more.
   */
  retry(push: (fill: FillRequest<Q, QS>, client: number) => SubmitResult): void {
    for (const submission of this.#queue) {
      const { connection, client, fill, resolve, reject } = submission;
      try {
        const isOver = connection !== null && !connection.isOpen;
        const result = isOver ? 'closed' : push(fill, client);
        if (result === 'full') return;
        resolve(result);
      } catch (error) {
        reject(error);
      }
      this.#forget(submission);
    }
  }

  /** A connection is over: nobody waits for what it asked. */
  left(connection: Connection): void {
    const own = this.#byConnection.get(connection);
    if (own === undefined) return;
    this.#byConnection.delete(connection);
    for (const submission of own) {
      this.#queue.delete(submission);
      submission.resolve('closed');
    }
  }

  /** Answers all that wait. */
  settle(result: SubmitResult): void {
    const all = [...this.#queue];
    this.#queue.clear();
    this.#byConnection.clear();
    for (const { resolve } of all) resolve(result);
  }

  #forget(submission: Submission<Q, QS>): void {
    const { connection } = submission;
    this.#queue.delete(submission);
    if (connection === null) return;
    const own = this.#byConnection.get(connection);
    own?.delete(submission);
    if (own?.size === 0) this.#byConnection.delete(connection);
  }
}
