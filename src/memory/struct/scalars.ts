/**
 * Numbers and booleans.
 *
 * Each codec has its own functions, written out: one function for all would see typed arrays of
 * every kind, and cost ten times as much.
 */
import { rangeError, typeError, valueError, type Codec } from './codec.ts';
import type { SafeDescriptor, ScalarName } from './types.ts';
import type { Views } from './views.ts';

const WORD = 2 ** 32;
/** The high word of 2^53 − 1: one more is the first integer that is not safe. */
const SAFE_HIGH = 0x1fffff;

type MakeCodec = (views: Views, label: string) => Codec;

const INTEGERS = {
  u8: ({ u8 }, label) => ({
    read: (offset) => u8[offset],
    write: (offset, value) => {
      if (typeof value !== 'number' || (value & 0xff) !== value)
        throw wrongInteger(label, 0, 0xff, value);
      u8[offset] = value;
    },
  }),
  i8: ({ i8 }, label) => ({
    read: (offset) => i8[offset],
    write: (offset, value) => {
      if (typeof value !== 'number' || (value << 24) >> 24 !== value)
        throw wrongInteger(label, -0x80, 0x7f, value);
      i8[offset] = value;
    },
  }),
  u16: ({ u16 }, label) => ({
    read: (offset) => u16[offset >>> 1],
    write: (offset, value) => {
      if (typeof value !== 'number' || (value & 0xffff) !== value)
        throw wrongInteger(label, 0, 0xffff, value);
      u16[offset >>> 1] = value;
    },
  }),
  i16: ({ i16 }, label) => ({
    read: (offset) => i16[offset >>> 1],
    write: (offset, value) => {
      if (typeof value !== 'number' || (value << 16) >> 16 !== value) {
        throw wrongInteger(label, -0x8000, 0x7fff, value);
      }
      i16[offset >>> 1] = value;
    },
  }),
  u32: ({ u32 }, label) => ({
    read: (offset) => u32[offset >>> 2],
    write: (offset, value) => {
      if (typeof value !== 'number' || value >>> 0 !== value)
        throw wrongInteger(label, 0, WORD - 1, value);
      u32[offset >>> 2] = value;
    },
  }),
  i32: ({ i32 }, label) => ({
    read: (offset) => i32[offset >>> 2],
    write: (offset, value) => {
      if (typeof value !== 'number' || (value | 0) !== value) {
        throw wrongInteger(label, -WORD / 2, WORD / 2 - 1, value);
      }
      i32[offset >>> 2] = value;
    },
  }),
} satisfies Record<string, MakeCodec>;

const OTHERS = {
  u64: ({ u64 }, label) => ({
    read: (offset) => u64[offset >>> 3],
    write: (offset, value) => {
      if (typeof value !== 'bigint') throw typeError(label, 'a bigint', value);
      if (BigInt.asUintN(64, value) !== value) throw rangeError(label, 'from 0 to 2^64 − 1', value);
      u64[offset >>> 3] = value;
    },
  }),
  i64: ({ i64 }, label) => ({
    read: (offset) => i64[offset >>> 3],
    write: (offset, value) => {
      if (typeof value !== 'bigint') throw typeError(label, 'a bigint', value);
      if (BigInt.asIntN(64, value) !== value) {
        throw rangeError(label, 'from −2^63 to 2^63 − 1', value);
      }
      i64[offset >>> 3] = value;
    },
  }),
  f32: ({ f32 }, label) => ({
    read: (offset) => f32[offset >>> 2],
    write: (offset, value) => {
      if (typeof value !== 'number') throw typeError(label, 'a number', value);
      f32[offset >>> 2] = value;
    },
  }),
  f64: ({ f64 }, label) => ({
    read: (offset) => f64[offset >>> 3],
    write: (offset, value) => {
      if (typeof value !== 'number') throw typeError(label, 'a number', value);
      f64[offset >>> 3] = value;
    },
  }),
  bool: ({ u8 }, label) => ({
    read: (offset) => u8[offset] !== 0,
    write: (offset, value) => {
      if (typeof value !== 'boolean') throw typeError(label, 'a boolean', value);
      u8[offset] = value ? 1 : 0;
    },
  }),
} satisfies Record<string, MakeCodec>;

const CODECS: Readonly<Record<ScalarName, MakeCodec>> = { ...INTEGERS, ...OTHERS };

/** The codec of a scalar; `label` names the field in messages. */
export function scalarCodec(scalar: ScalarName, views: Views, label: string): Codec {
  return CODECS[scalar](views, label);
}

/**
 * 64-bit integers as numbers, through two words: no bigint is made. A writer in another thread
 * never shows half of a value, because messages are read after they are published; one that breaks
 * the protocol can, and then the value is one of its making, within the range like any other.
 */
export function safeCodec({ scalar }: SafeDescriptor, views: Views, label: string): Codec {
  const { u32, i32 } = views;
  if (scalar === 'u64') {
    return {
      read: (offset) => {
        const word = offset >>> 2;
        const high = u32[word + 1]!;
        if (high > SAFE_HIGH) throw unsafe(label, high, u32[word]!);
        return high * WORD + u32[word]!;
      },
      write: (offset, value) => {
        if (!Number.isSafeInteger(value) || (value as number) < 0) {
          throw wrongInteger(label, 0, Number.MAX_SAFE_INTEGER, value);
        }
        const word = offset >>> 2;
        u32[word] = value as number;
        u32[word + 1] = (value as number) / WORD;
      },
    };
  }
  return {
    read: (offset) => {
      const word = offset >>> 2;
      const high = i32[word + 1]!;
      const low = u32[word]!;
      // −2^53 itself is not safe: it is the only one with this high word and a low word of 0.
      if (high > SAFE_HIGH || high < ~SAFE_HIGH || (high === ~SAFE_HIGH && low === 0)) {
        throw unsafe(label, high, low);
      }
      return high * WORD + low;
    },
    write: (offset, value) => {
      if (!Number.isSafeInteger(value)) {
        throw wrongInteger(label, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, value);
      }
      const word = offset >>> 2;
      // Both stores take their value modulo 2^32.
      u32[word] = value as number;
      i32[word + 1] = Math.floor((value as number) / WORD);
    },
  };
}

function unsafe(label: string, high: number, low: number): Error {
  const value = BigInt(high) * BigInt(WORD) + BigInt(low);
  return valueError(label, 'within ±(2^53 − 1)', value);
}

function wrongInteger(label: string, minimum: number, maximum: number, value: unknown): Error {
  if (typeof value !== 'number') return typeError(label, 'a number', value);
  return rangeError(label, `an integer from ${minimum} to ${maximum}`, value);
}
