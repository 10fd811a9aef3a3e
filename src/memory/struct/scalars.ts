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
  const lows = views.u32.subarray(at / 4);
  const highs = views.u32.subarray(at / 4 + 1);
  const isUnsigned = scalar === 'u64';
  const least = isUnsigned ? 0 : Number.MIN_SAFE_INTEGER;
  const refuse: Refuse = (value) => {
    throw wrongInteger(label, least, Number.MAX_SAFE_INTEGER, value);
  };
  const unsafe = (high: number, low: number): never => {
    throw valueError(label, 'within ±(2^53 − 1)', BigInt(high) * BigInt(WORD) + BigInt(low));
  };
  const isSafe: IsSafe = Number.isSafeInteger;
  primePairs();
  const encode = isUnsigned ? encodeUnsigned(isSafe, refuse) : encodeSigned(isSafe, refuse);
  const high = isUnsigned ? highUnsigned(WORD / 2 - 1, WORD) : highSigned(Math.floor, WORD);
  return {
    read: isUnsigned
      ? readPair(lows, highs, joinUnsigned(SAFE_HIGH, WORD, unsafe))
      : readSignedPair(lows, views.i32.subarray(at / 4 + 1), joinSigned(isSafe, WORD, unsafe)),
    write: writePair(encode, storePair(lows, highs, high)),
  };
}

type IsSafe = (value: unknown) => boolean;
type Unsafe = (high: number, low: number) => never;
type Join = (high: number, low: number) => number;
type Store = (word: number, value: number) => void;

function primePairs(): void {
  const words = new Uint32Array(1);
  const signed = new Int32Array(1);
  prime(readPair, (join) => readPair(words, words, join as Join), 0);
  prime(readSignedPair, (join) => readSignedPair(words, signed, join as Join), 0);
  prime(writePair, (encode) => withValue(writePair(encode as Encode<number>, () => undefined)), 0);
  prime(storePair, (high) => withValue(storePair(words, words, high as () => number)), 0);
}

function withValue(write: (word: number, value: number) => void): (word: number) => void {
  return (word) => write(word, 0);
}

function encodeUnsigned(isSafe: IsSafe, refuse: Refuse): Encode<number> {
  return (value) => {
    if (!isSafe(value) || (value as number) < 0) refuse(value);
    return value as number;
  };
}

function encodeSigned(isSafe: IsSafe, refuse: Refuse): Encode<number> {
  return (value) => {
    if (!isSafe(value)) refuse(value);
    return value as number;
  };
}

function writePair(encode: Encode<number>, store: Store): (word: number, value: unknown) => void {
  return (word, value) => store(word, encode(value));
}

/** Both stores take their value modulo 2^32, and what is behind the point away. */
function storePair(lows: Uint32Array, highs: Uint32Array, high: (value: number) => number): Store {
  return (word, value) => {
    lows[word] = value;
    highs[word] = high(value);
  };
}

/** `int`: the largest that the engine compares as an integer; what is not larger is not divided. */
function highUnsigned(int: number, factor: number): (value: number) => number {
  return (value) => (value > int ? value / factor : 0);
}

function highSigned(floor: (value: number) => number, factor: number): (value: number) => number {
  return (value) => floor(value / factor);
}

function readPair(lows: Uint32Array, highs: Uint32Array, join: Join): (word: number) => number {
  return (word) => join(highs[word]!, lows[word]!);
}

function readSignedPair(
  lows: Uint32Array,
  highs: Int32Array,
  join: Join,
): (word: number) => number {
  return (word) => join(highs[word]!, lows[word]!);
}

function joinUnsigned(highest: number, factor: number, unsafe: Unsafe): Join {
  return (high, low) => {
    if (high > highest) unsafe(high, low);
    return high * factor + low;
  };
}

/** What is out of range is so after rounding, too. */
function joinSigned(isSafe: IsSafe, factor: number, unsafe: Unsafe): Join {
  return (high, low) => {
    if (!isSafe(high * factor + low)) unsafe(high, low);
    return high * factor + low;
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
