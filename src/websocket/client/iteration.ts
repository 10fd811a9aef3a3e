/**
 * Messages for `for await`: collected from when the iterator was made, and bounded by making reading
 * pause. Each iterator has its own; reading goes on when all of them have room.
 */
import { Fifo } from './fifo.ts';
import type { MessageData } from './types.ts';

/** What a message counts beside its bytes: so many empty ones are a limit too. */
const MESSAGE_BYTES = 64;

/** Who makes iterators. */
export interface IterationHost {
  /** Some iterator has filled up, or has room again. */
  roomChanged(): void;
  /** An iterator is not used any more. */
  left(iteration: Iteration): void;
}

interface Item {
  readonly data: MessageData;
  readonly bytes: number;
}

type Waiter = (result: IteratorResult<MessageData, undefined>) => void;

/** See the head of this file. */
export class Iteration implements AsyncIterableIterator<MessageData, undefined> {
  readonly #host: IterationHost;
  readonly #limit: number;
  readonly #items: Fifo<Item> = new Fifo();
  readonly #waiting: Fifo<{ resolve: Waiter; reject: (error: Error) => void }> = new Fifo();
  #bytes = 0;
  #full = false;
  #over = false;
  #error: Error | undefined;

  constructor(host: IterationHost, limit: number) {
    this.#host = host;
    this.#limit = limit;
  }

  /** Whether reading should pause: from the limit on, until half of it is free. */
  get isFull(): boolean {
    return this.#full;
  }

  /** A message of so many bytes. */
  push(data: MessageData, bytes: number): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value: data, done: false });
      return;
    }
    this.#items.push({ data, bytes: bytes + MESSAGE_BYTES });
    this.#bytes += bytes + MESSAGE_BYTES;
    if (this.#full || this.#bytes < this.#limit) return;
    this.#full = true;
    this.#host.roomChanged();
  }

  /** No message follows. */
  end(error: Error | undefined): void {
    this.#over = true;
    this.#error = error;
    for (const { resolve, reject } of this.#waiting.drain()) {
      if (this.#error === undefined) resolve({ value: undefined, done: true });
      else reject(this.#takeError()!);
    }
  }

  next(): Promise<IteratorResult<MessageData, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) {
      this.#bytes -= item.bytes;
      if (this.#full && this.#bytes * 2 <= this.#limit) {
        this.#full = false;
        this.#host.roomChanged();
      }
      return Promise.resolve({ value: item.data, done: false });
    }
    const error = this.#takeError();
    if (error !== undefined) return Promise.reject(error);
    if (this.#over) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Ends the iteration only: the connection stays as it is. */
  return(): Promise<IteratorResult<MessageData, undefined>> {
    this.#items.drain();
    this.#bytes = 0;
    this.#full = false;
    this.end(undefined);
    this.#host.left(this);
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Said once; afterwards the iteration is over as any other. */
  #takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }
}
