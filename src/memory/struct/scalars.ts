/**
 * Numbers and booleans: what is stored for a value, and what a stored one means.
 *
 * The functions are small because words.ts needs them so; what is no value goes to `refuse`, which
 * makes the message.
 */
import { rangeError, typeError, valueError, type Codec } from './codec.ts';
import type { SafeDescriptor, ScalarName } from './types.ts';
import type { Views } from './views.ts';
import { prime, wordAccessors, type Accessors, type Element, type Encode } from './words.ts';

const WORD = 2 ** 32;
/** The high word of 2^53 − 1: one more is the first integer that is not safe. */
const SAFE_HIGH = 0x1fffff;

/** Throws what is wrong with a value. */
type Refuse = (value: unknown) => never;
type MakeEncode<N> = (refuse: Refuse) => Encode<N>;

/** Integers without sign that have the bits of `mask`. */
function masked(mask: number, refuse: Refuse): Encode<number> {
  return (value) => {
    if (typeof value !== 'number' || value !== (value & mask)) refuse(value);
    return value;
  };
}

const ENCODERS: Readonly<Record<ScalarName, MakeEncode<number | bigint>>> = {
  u8: (refuse: Refuse) => masked(0xff, refuse),
  u16: (refuse: Refuse) => masked(0xffff, refuse),
  u32: (refuse: Refuse) => (value) => {
    if (typeof value !== 'number' || value !== value >>> 0) refuse(value);
    return value;
  },
  i8: (refuse: Refuse) => (value) => {
    if (typeof value !== 'number' || value !== (value << 24) >> 24) refuse(value);
    return value;
  },
  i16: (refuse: Refuse) => (value) => {
    if (typeof value !== 'number' || value !== (value << 16) >> 16) refuse(value);
    return value;
  },
  i32: (refuse: Refuse) => (value) => {
    if (typeof value !== 'number' || value !== (value | 0)) refuse(value);
    return value;
  },
  u64: (refuse: Refuse) => (value) => {
    if (typeof value !== 'bigint' || value !== BigInt.asUintN(64, value)) refuse(value);
    return value;
  },
  i64: (refuse: Refuse) => (value) => {
    if (typeof value !== 'bigint' || value !== BigInt.asIntN(64, value)) refuse(value);
    return value;
  },
  f32: number,
  f64: number,
  bool: encodeBoolean,
};

function number(refuse: Refuse): Encode<number> {
  return (value) => {
    if (typeof value !== 'number') refuse(value);
    return value;
  };
}

function encodeBoolean(refuse: Refuse): Encode<number> {
  return (value) => {
    if (typeof value !== 'boolean') refuse(value);
    return value ? 1 : 0;
  };
}

function decodeBoolean(byte: number): boolean {
  return byte !== 0;
}

const RANGES: Partial<Record<ScalarName, readonly [number, number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, WORD - 1],
  i8: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  i32: [-WORD / 2, WORD / 2 - 1],
};

/** A scalar; `label` names the field in messages. */
export function scalarElement(scalar: ScalarName, label: string): Element {
  const refuse: Refuse = (value) => {
    throw refusal(scalar, label, value);
  };
  if (scalar === 'bool') {
    return { kind: 'u8', encode: encodeBoolean(refuse), decode: decodeBoolean };
  }
  return { kind: scalar, encode: ENCODERS[scalar](refuse) };
}

function refusal(scalar: ScalarName, label: string, value: unknown): Error {
  const range = RANGES[scalar];
  if (range) return wrongInteger(label, ...range, value);
  if (scalar === 'bool') return typeError(label, 'a boolean', value);
  if (scalar === 'f32' || scalar === 'f64') return typeError(label, 'a number', value);
  if (typeof value !== 'bigint') return typeError(label, 'a bigint', value);
  const expected = scalar === 'u64' ? 'from 0 to 2^64 − 1' : 'from −2^63 to 2^63 − 1';
  return rangeError(label, expected, value);
}

function wrongInteger(label: string, minimum: number, maximum: number, value: unknown): Error {
  if (typeof value !== 'number') return typeError(label, 'a number', value);
  return rangeError(label, `an integer from ${minimum} to ${maximum}`, value);
}

/** A 64-bit integer in two words; the functions take the index of the first. */
interface Pair {
  readonly read: (word: number) => number;
  readonly write: (word: number, value: unknown) => void;
}

/**
 * 64-bit integers as numbers, through two words: no bigint is made. A writer in another thread
 * never shows half of a value, because messages are read after they are published; one that breaks
 * the protocol can, and then the value is one of its making, within the range like any other.
 */
function safePair({ scalar }: SafeDescriptor, views: Views, at: number, label: string): Pair {
  const low = views.u32.subarray(at / 4);
  const unsafe = (high: number, low: number): never => {
    throw valueError(label, 'within ±(2^53 − 1)', BigInt(high) * BigInt(WORD) + BigInt(low));
  };
  if (scalar === 'u64') {
    const refuse: Refuse = (value) => {
      throw wrongInteger(label, 0, Number.MAX_SAFE_INTEGER, value);
    };
    return unsignedPair(low, views.u32.subarray(at / 4 + 1), unsafe, refuse);
  }
  const refuse: Refuse = (value) => {
    throw wrongInteger(label, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, value);
  };
  return signedPair(low, views.i32.subarray(at / 4 + 1), unsafe, refuse);
}

type Unsafe = (high: number, low: number) => never;
type Join = (high: number, low: number) => number;

function unsignedPair(lows: Uint32Array, highs: Uint32Array, unsafe: Unsafe, refuse: Refuse): Pair {
  const sample = new Uint32Array(1);
  prime(readPair, (join) => readPair(sample, sample, join as Join), 0);
  return {
    read: readPair(lows, highs, joinUnsigned(SAFE_HIGH, WORD, unsafe)),
    write: (word, value) => {
      if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(value);
      lows[word] = value as number;
      highs[word] = (value as number) / WORD;
    },
  };
}

function readPair(lows: Uint32Array, highs: Uint32Array, join: Join): (word: number) => number {
  return (word) => join(highs[word]!, lows[word]!);
}

function joinUnsigned(highest: number, factor: number, unsafe: Unsafe): Join {
  return (high, low) => {
    if (high > highest) unsafe(high, low);
    return high * factor + low;
  };
}

function signedPair(lows: Uint32Array, highs: Int32Array, unsafe: Unsafe, refuse: Refuse): Pair {
  return {
    read: (word) => {
      const high = highs[word]!;
      const low = lows[word]!;
      // −2^53 itself is not safe: it is the only one with this high word and a low word of 0.
      if (high > SAFE_HIGH || high < ~SAFE_HIGH || (high === ~SAFE_HIGH && low === 0)) {
        unsafe(high, low);
      }
      return high * WORD + low;
    },
    write: (word, value) => {
      if (!Number.isSafeInteger(value)) refuse(value);
      // Both stores take their value modulo 2^32.
      lows[word] = value as number;
      highs[word] = Math.floor((value as number) / WORD);
    },
  };
}

/** The codec of `safe(u64)` and `safe(i64)`. */
export function safeCodec(type: SafeDescriptor, views: Views, label: string): Codec {
  const { read, write } = safePair(type, views, 0, label);
  return {
    read: (offset) => read(offset >>> 2),
    write: (offset, value) => write(offset >>> 2, value),
  };
}

/** The accessors of a field of `safe(u64)` and `safe(i64)`, which lies at `at`. */
export function safeAccessors(
  type: SafeDescriptor,
  views: Views,
  at: number,
  label: string,
): Accessors {
  const { read, write } = safePair(type, views, at, label);
  return wordAccessors(read, write);
}
