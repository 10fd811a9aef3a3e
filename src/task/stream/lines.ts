/** Text by lines from a stream of bytes, whatever its pieces are: a character may lie on a seam. */
import { integerOption, rejectUnknown, RondoError } from '../../base/index.ts';
import { PENDING, type Context } from '../future/index.ts';
import type { BaseStream } from './base.ts';
import { Pipe } from './operator.ts';
import { END, type Stream, type StreamPoll } from './stream.ts';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** A piece of bytes: an array, or what must be released when it was read (chunks, leases). */
export type ByteItem = Uint8Array | { bytes(): Uint8Array; release(): void };

/** Options of `lines`. */
export interface LinesOptions {
  /** Bytes that a line may have, 1 to 2^30. A peer could send one without end. @default 65536 */
  readonly maxBytes?: number;
}

/**
 * The lines of a stream of bytes as text (UTF-8; what is none becomes U+FFFD), without their ends,
 * which are `\n` or `\r\n`. What comes after the last end is a line too, unless it is empty. Chunks
 * are released.
 *
 * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
 * @throws {RondoError} ERR_STREAM_LINE when a line is longer than allowed: ends the stream
 * @example
 * const text = lines(connection.chunks());
 * for (let line; (line = yield* text.next()) !== END; ) console.log(line);
 */
export function lines<E>(
  source: Stream<ByteItem, E>,
  options: LinesOptions = {},
): BaseStream<string, E | RondoError> {
  rejectUnknown('lines', options, ['maxBytes']);
  return new Lines<E>(source, integerOption('maxBytes', options.maxBytes, 65_536, 1, 2 ** 30));
}

class Lines<E> extends Pipe<ByteItem, string, E | RondoError> {
  readonly #limit: number;
  /** Lines of the last piece that were not asked for yet, and how many of them were given. */
  #ready: string[] = [];
  #given = 0;
  /** The beginning of a line whose end has not come. */
  #open: Uint8Array[] = [];
  #openBytes = 0;

  constructor(source: Stream<ByteItem, E>, limit: number) {
    super(source);
    this.#limit = limit;
  }

  protected step(context: Context): StreamPoll<string> {
    for (;;) {
      if (this.#given < this.#ready.length) {
        this.#given += 1;
        return this.#ready[this.#given - 1]!;
      }
      const item = this.source.pollNext(context);
      if (item === PENDING) return PENDING;
      if (item === END) return this.#openBytes > 0 ? this.#close(new Uint8Array(0)) : END;
      this.#split(bytesOf(item));
      if (!context.proceed()) return PENDING;
    }
  }

  #split(bytes: Uint8Array): void {
    this.#ready = [];
    this.#given = 0;
    let begin = 0;
    for (let end; (end = bytes.indexOf(LINE_FEED, begin)) !== -1; begin = end + 1) {
      this.#ready.push(this.#close(bytes.subarray(begin, end)));
    }
    this.#keep(bytes.subarray(begin));
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#openBytes += bytes.length;
    if (this.#openBytes > this.#limit) throw this.#tooLong();
    this.#open.push(bytes);
  }

  /** The open line, which ends with these bytes. */
  #close(bytes: Uint8Array): string {
    this.#keep(bytes);
    const line = Buffer.concat(this.#open);
    this.#open = [];
    this.#openBytes = 0;
    const length = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
    return line.toString('utf8', 0, length);
  }

  #tooLong(): RondoError {
    return new RondoError(
      'ERR_STREAM_LINE',
      `Cannot read a line: it may have ${this.#limit} bytes at most, and has more`,
    );
  }
}

/** A private copy, so that nobody can change it while it is decoded. */
function bytesOf(item: ByteItem): Uint8Array {
  if (item instanceof Uint8Array) return Uint8Array.from(item);
  const bytes = item.bytes();
  item.release();
  return bytes;
}
