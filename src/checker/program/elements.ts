/** How elements of views lie in memory as bits. */
import { Bytes, Clamped, Double, Single, type ViewConstructor, viewConstructors } from './real.ts';
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

/** A value as a number, as an assignment to an element converts it: not a bigint. */
export function numberOf(value: unknown): number {
  if (typeof value === 'bigint') throw new TypeError('Cannot convert a BigInt value to a number');
  return Number(value);
}

/** Floats and their bits lie in the same memory. */
function float(name: string, values: Record<number, number>, bits: Record<number, Raw>): Element {
  const View = viewConstructors[name]! as ViewConstructor & { BYTES_PER_ELEMENT: number };
  return {
    name,
    size: View.BYTES_PER_ELEMENT,
    View,
    isInteger: false,
    mayTear: true,
    decode: (raw) => {
      bits[0] = raw;
      return values[0]!;
    },
    encode: (value) => {
      values[0] = numberOf(value);
      return bits[0]!;
    },
  };
}

const single = new Single(1);
const double = new Double(1);
const clamped = new Clamped(1);

/** Of 16 bits, where the engine has them. */
function half(): Element[] {
  const View = viewConstructors['Float16Array'];
  if (View === undefined) return [];
  const { buffer } = new Bytes(2);
  const values = new View(buffer) as unknown as Record<number, number>;
  return [float('Float16Array', values, new Uint16Array(buffer))];
}

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
    encode: (value) => (numberOf(value) << shift) >>> shift,
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
    encode: (value) => {
      clamped[0] = numberOf(value);
      return clamped[0];
    },
  },
  ...half(),
  float('Float32Array', single, new Uint32Array(single.buffer)),
  float('Float64Array', double, new BigUint64Array(double.buffer)),
];
