/** A web `WritableStream` as a sink. */
import { BaseFuture, fromPromise, PENDING } from '../future/index.ts';
import type { Context, Future, Poll } from '../future/index.ts';

/** Waits until the writable wants more, then writes; what becomes of the chunk shows later. */
class Write<T> extends BaseFuture<void> {
  readonly #writer: WritableStreamDefaultWriter<T>;
  readonly #chunk: T;
  #ready: Future<unknown> | undefined = undefined;

  constructor(writer: WritableStreamDefaultWriter<T>, chunk: T) {
    super();
    this.#writer = writer;
    this.#chunk = chunk;
  }

  poll(context: Context): Poll<void> {
    if (!context.proceed()) return PENDING;
    // Null when it has failed: then `ready` says why.
    if ((this.#writer.desiredSize ?? 0) <= 0) {
      this.#ready ??= fromPromise(this.#writer.ready);
      if (this.#ready.poll(context) === PENDING) return PENDING;
    }
    // Failing is noticed by `closed`, or by the next `ready`.
    this.#writer.write(this.#chunk).catch(() => undefined);
    return undefined;
  }

  cancel(context: Context): Poll<void> {
    return this.#ready?.cancel?.(context);
  }
}

/** Holds the lock until it is closed, aborted or released. */
export class WebSink<T> {
  readonly #writer: WritableStreamDefaultWriter<T>;

  constructor(writable: WritableStream<T>) {
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => undefined);
    this.#writer.ready.catch(() => undefined);
  }

  send(chunk: T): Future<void> {
    return new Write(this.#writer, chunk);
  }

  closed(): Future<unknown> {
    return fromPromise(this.#writer.closed);
  }

  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } finally {
      this.#writer.releaseLock();
    }
  }

  async abort(reason: unknown): Promise<void> {
    try {
      await this.#writer.abort(reason);
    } finally {
      this.#writer.releaseLock();
    }
  }

  /** What was written is in the writable's hands. */
  release(): void {
    this.#writer.releaseLock();
  }
}
