/**
 * Threads whose accesses are to be interleaved. A world is somewhere on its way; copies go on from
 * there on their own.
 */
import type { Access, Trace } from '../access.ts';

/** See the head of this file. */
export interface World {
  readonly threads: number;
  /** What a thread does next; undefined when it has ended. */
  next(thread: number): Access | undefined;
  /** Lets a thread do it. */
  step(thread: number): void;
  /** How many accesses a thread has left, as far as that is known: for a fair choice. */
  left(thread: number): number;
  copy(): World;
}

/** Threads that do the same whatever the others do: the accesses of each core of a program. */
export class Straight implements World {
  readonly threads: number;
  readonly #accesses: readonly (readonly Access[])[];
  readonly #done: number[];

  constructor(accesses: readonly (readonly Access[])[], done: readonly number[] = []) {
    this.threads = accesses.length;
    this.#accesses = accesses;
    this.#done = accesses.map((_, thread) => done[thread] ?? 0);
  }

  /** The threads of a program. */
  static of({ accesses }: Trace): Straight {
    const threads: Access[][] = [];
    for (const access of accesses) (threads[access.core] ??= []).push(access);
    // A core may be left out.
    return new Straight(Array.from(threads, (thread) => thread ?? []));
  }

  next(thread: number): Access | undefined {
    return this.#accesses[thread]![this.#done[thread]!];
  }

  step(thread: number): void {
    this.#done[thread]! += 1;
  }

  left(thread: number): number {
    return this.#accesses[thread]!.length - this.#done[thread]!;
  }

  copy(): Straight {
    return new Straight(this.#accesses, this.#done);
  }
}
