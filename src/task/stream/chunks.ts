/** Combinators that give several items as one. */
import { PENDING, type Context, type Future } from '../future/index.ts';
import { sleep } from '../time/sleep.ts';
import type { Cancellable } from './closing.ts';
import { Operator, PatientSource } from './operator.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

/** See `BaseStream.chunks`. An incomplete chunk is given before the source's end or error. */
export class ChunksStream<T, E> extends Operator<T[], E> {
  readonly #source: PatientSource<T, E>;
  readonly #size: number;
  #chunk: T[] = [];

  constructor(source: Stream<T, E>, size: number) {
    super();
    this.#source = new PatientSource(source);
    this.#size = size;
  }

  protected step(context: Context): StreamPoll<T[]> {
    for (;;) {
      const item = this.#source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) return this.#chunk.length > 0 ? this.#give() : this.#source.outcome();
      this.#chunk.push(item);
      if (this.#chunk.length === this.#size) return this.#give();
      if (!context.proceed()) return PENDING;
    }
  }

  protected held(): readonly Cancellable[] {
    this.#chunk = [];
    return [this.#source];
  }

  #give(): T[] {
    const chunk = this.#chunk;
    this.#chunk = [];
    return chunk;
  }
}

/** See `BaseStream.chunksTimeout`. The timer runs while there is an incomplete chunk. */
export class ChunksTimeoutStream<T, E> extends Operator<T[], E> {
  readonly #source: PatientSource<T, E>;
  readonly #size: number;
  readonly #milliseconds: number;
  #chunk: T[] = [];
  #timer: Future<void> | undefined = undefined;

  constructor(source: Stream<T, E>, size: number, milliseconds: number) {
    super();
    this.#source = new PatientSource(source);
    this.#size = size;
    this.#milliseconds = milliseconds;
  }

  protected step(context: Context): StreamPoll<T[]> {
    for (;;) {
      const item = this.#source.pollNext(context);
      if (item === PENDING) return this.#isDue(context) ? this.#give(context) : PENDING;
      if (item === END)
        return this.#chunk.length > 0 ? this.#give(context) : this.#source.outcome();
      this.#timer ??= sleep(this.#milliseconds);
      this.#chunk.push(item);
      if (this.#chunk.length === this.#size) return this.#give(context);
      if (!context.proceed()) return PENDING;
    }
  }

  protected held(): readonly Cancellable[] {
    this.#chunk = [];
    return this.#timer === undefined ? [this.#source] : [this.#source, this.#timer];
  }

  #isDue(context: Context): boolean {
    if (this.#timer === undefined || this.#timer.poll(context) === PENDING) return false;
    this.#timer = undefined;
    return true;
  }

  #give(context: Context): T[] {
    this.#timer?.cancel?.(context);
    this.#timer = undefined;
    const chunk = this.#chunk;
    this.#chunk = [];
    return chunk;
  }
}
