/** Bodies that are produced piece by piece, whoever produces them. */
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';

/** Where the pieces of a body come from. */
export abstract class BodySource {
  /** The next piece, or undefined at the end. It stays as it is until `taken`. */
  abstract next(): Promise<unknown>;
  /** Nothing more is wanted; also while `next` waits, and after it has failed. */
  abstract close(): Promise<void>;
  /** The last piece was copied. */
  taken(): void {}
}

/** Begins to read a body. */
export function openSource(body: AsyncIterable<unknown> | BodySource): BodySource {
  if (body instanceof BodySource) return body;
  return isStream(body) ? new StreamSource(body) : new IterableSource(body);
}

class IterableSource extends BodySource {
  readonly #iterator: AsyncIterator<unknown>;

  constructor(body: AsyncIterable<unknown>) {
    super();
    this.#iterator = body[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    const { done, value } = await this.#iterator.next();
    return done === true ? undefined : value;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/** A web stream: unlike its iterator's `return`, `cancel` reaches one that waits for its source. */
class StreamSource extends BodySource {
  readonly #reader: ReadableStreamDefaultReader<unknown>;

  constructor(body: ReadableStream) {
    super();
    this.#reader = body.getReader();
  }

  async next(): Promise<unknown> {
    const { done, value } = await this.#reader.read();
    return done ? undefined : value;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }
}

function isStream(body: object): body is ReadableStream {
  return typeof (body as Partial<ReadableStream>).getReader === 'function';
}
