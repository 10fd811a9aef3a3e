/**
 * Bytes of tokens and of graphs that are kept or handed on: whole numbers of any length, seven bits
 * a byte, and values of tests by a tag.
 */
import { RondoError } from '../../base/index.ts';

const TAGS = {
  UNDEFINED: 0,
  NULL: 1,
  FALSE: 2,
  TRUE: 3,
  POSITIVE: 4,
  NEGATIVE: 5,
  NUMBER: 6,
  BIG: 7,
  BIG_NEGATIVE: 8,
  TEXT: 9,
  LIST: 10,
} as const;

/** Takes values in, one behind the other. */
export class Writer {
  readonly #bytes: number[] = [];

  /** What was taken in so far. */
  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  /** A whole number from 0 to 2^53 - 1. */
  number(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }

  /** Whole numbers, with their count. */
  numbers(values: readonly number[]): void {
    this.number(values.length);
    for (const value of values) this.number(value);
  }

  raw(bytes: Uint8Array): void {
    this.number(bytes.length);
    for (const byte of bytes) this.#bytes.push(byte);
  }

  text(text: string): void {
    this.raw(new TextEncoder().encode(text));
  }

  /**
   * A value of a test.
   * @throws {RondoError} ERR_CHECKER_UNSUPPORTED when it has an identity that bytes do not have
   */
  value(value: unknown): void {
    if (value === undefined) this.number(TAGS.UNDEFINED);
    else if (value === null) this.number(TAGS.NULL);
    else if (typeof value === 'boolean') this.number(value ? TAGS.TRUE : TAGS.FALSE);
    else if (typeof value === 'number') this.#anyNumber(value);
    else if (typeof value === 'bigint') {
      this.number(value < 0n ? TAGS.BIG_NEGATIVE : TAGS.BIG);
      this.text((value < 0n ? -value : value).toString(36));
    } else if (typeof value === 'string') {
      this.number(TAGS.TEXT);
      this.text(value);
    } else if (Array.isArray(value)) {
      this.number(TAGS.LIST);
      this.number(value.length);
      for (const item of value) this.value(item);
    } else {
      throw new RondoError(
        'ERR_CHECKER_UNSUPPORTED',
        'Cannot hand an execution on whose cells hold objects: use numbers, strings or booleans',
      );
    }
  }

  #anyNumber(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      this.number(value < 0 ? TAGS.NEGATIVE : TAGS.POSITIVE);
      this.number(Math.abs(value));
      return;
    }
    this.number(TAGS.NUMBER);
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    this.raw(new Uint8Array(view.buffer));
  }
}

/** Gives back what a `Writer` took in. What is not there throws. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all was given. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('it ends too early');
      value += (byte & 127) * unit;
      if (value > max) throw new RangeError('it holds a number that is too large');
      if (byte < 128) return value;
    }
  }

  numbers(maxCount: number): number[] {
    const count = this.number(maxCount);
    return Array.from({ length: count }, () => this.number());
  }

  raw(): Uint8Array {
    const length = this.number(this.#bytes.length - this.#at);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return new TextDecoder().decode(this.raw());
  }

  value(): unknown {
    const tag = this.number();
    switch (tag) {
      case TAGS.UNDEFINED:
        return undefined;
      case TAGS.NULL:
        return null;
      case TAGS.FALSE:
      case TAGS.TRUE:
        return tag === TAGS.TRUE;
      case TAGS.POSITIVE:
        return this.number();
      case TAGS.NEGATIVE:
        return -this.number();
      case TAGS.NUMBER: {
        const bytes = this.raw();
        return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
      }
      case TAGS.BIG:
        return bigOf(this.text());
      case TAGS.BIG_NEGATIVE:
        return -bigOf(this.text());
      case TAGS.TEXT:
        return this.text();
      case TAGS.LIST:
        return Array.from({ length: this.number(1 << 20) }, () => this.value());
      default:
        throw new RangeError(`it holds a value of kind ${tag}, which is none`);
    }
  }
}

function bigOf(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(parseInt(digit, 36));
  return value;
}

/** A sum of 32 bits over text and bytes, in which one changed bit shows (FNV-1a). */
export class Fingerprint {
  #sum = 0x811c_9dc5;

  add(part: string | Uint8Array): this {
    const bytes = typeof part === 'string' ? new TextEncoder().encode(part) : part;
    for (const byte of bytes) this.#byte(byte);
    // Parts do not run into each other.
    this.#byte(0xff);
    return this;
  }

  /** From 0 to 2^32 - 1. */
  get sum(): number {
    return this.#sum >>> 0;
  }

  #byte(byte: number): void {
    this.#sum = Math.imul(this.#sum ^ byte, 0x0100_0193);
  }
}
