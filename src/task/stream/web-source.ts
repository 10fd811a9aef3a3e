/** A web `ReadableStream` as a stream. */
import { PromiseSource } from './async-source.ts';

/**
 * Reads with a reader of its own, from the first poll on; the lock is given back when the stream
 * is over. Its errors are the errors here; giving up cancels it with the task's reason, or
 * `ERR_TASK_CANCELLED`.
 */
export class WebSource<T> extends PromiseSource<T> {
  readonly #readable: ReadableStream<T>;
  #reader: ReadableStreamDefaultReader<T> | undefined = undefined;

  constructor(readable: ReadableStream<T>) {
    super();
    this.#readable = readable;
  }

  protected async ask(): Promise<IteratorResult<T, unknown>> {
    const reader = (this.#reader ??= this.#readable.getReader());
    try {
      const { done, value } = await reader.read();
      if (!done) return { done, value };
    } catch (error) {
      reader.releaseLock();
      throw error;
    }
    reader.releaseLock();
    return { done: true, value: undefined };
  }

  protected async close(_isAsked: boolean, reason: unknown): Promise<void> {
    // Without a reader it may be locked by somebody else, whose it is then.
    if (this.#reader === undefined && this.#readable.locked) return;
    const reader = this.#reader ?? this.#readable.getReader();
    try {
      await reader.cancel(reason);
    } finally {
      reader.releaseLock();
    }
  }
}
