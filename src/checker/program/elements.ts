/** How elements of views lie in memory as bits. */
import { Double, Single, type ViewConstructor, viewConstructors } from './real.ts';
import type { Raw } from './memory.ts';

/** One type of elements. */
export interface Element {
  readonly name: string;
  readonly size: number;
  readonly View: ViewConstructor;
  /** Whether `Atomics` takes it. */
  readonly isInteger: boolean;
  /** Whether a plain access may see parts of several writes. */
  readonly mayTear: boolean;
  decode(raw: Raw): number | bigint;
  /** Bits of a value, converted as an assignment to an element does. */
  encode(value: unknown): Raw;
}

const single = new Single(1);
const singleBits = new Uint32Array(single.buffer);
const double = new Double(1);
const doubleBits = new BigUint64Array(double.buffer);

function integer(name: string, size: number, isSigned: boolean): Element {
  const shift = 32 - 8 * size;
  return {
    name,
    size,
    View: viewConstructors[name]!,
    isInteger: true,
    mayTear: false,
    decode: isSigned
      ? (raw) => ((raw as number) << shift) >> shift
      : (raw) => ((raw as number) << shift) >>> shift,
    encode: (value) => (Number(value) << shift) >>> shift,
  };
}

function big(name: string, isSigned: boolean): Element {
  return {
    name,
    size: 8,
    View: viewConstructors[name]!,
    isInteger: true,
    mayTear: true,
    decode: (raw) => (isSigned ? BigInt.asIntN(64, BigInt(raw)) : raw),
    encode: (value) => BigInt.asUintN(64, value as bigint),
  };
}

/** All element types by the names of their views. */
export const ELEMENTS: readonly Element[] = [
  integer('Int8Array', 1, true),
  integer('Uint8Array', 1, false),
  integer('Int16Array', 2, true),
  integer('Uint16Array', 2, false),
  integer('Int32Array', 4, true),
  integer('Uint32Array', 4, false),
  big('BigInt64Array', true),
  big('BigUint64Array', false),
  {
    name: 'Uint8ClampedArray',
    size: 1,
    View: viewConstructors['Uint8ClampedArray']!,
    isInteger: false,
    mayTear: false,
    decode: (raw) => raw,
    encode: (value) => Math.min(255, Math.max(0, Math.round(Number(value)) || 0)),
  },
  {
    name: 'Float32Array',
    size: 4,
    View: viewConstructors['Float32Array']!,
    isInteger: false,
    mayTear: true,
    decode: (raw) => {
      singleBits[0] = raw as number;
      return single[0]!;
    },
    encode: (value) => {
      single[0] = Number(value);
      return singleBits[0]!;
    },
  },
  {
    name: 'Float64Array',
    size: 8,
    View: viewConstructors['Float64Array']!,
    isInteger: false,
    mayTear: true,
    decode: (raw) => {
      doubleBits[0] = raw as bigint;
      return double[0]!;
    },
    encode: (value) => {
      double[0] = Number(value);
      return doubleBits[0]!;
    },
  },
];
