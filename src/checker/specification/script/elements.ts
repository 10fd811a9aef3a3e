/**
 * Element types of views: how their values are laid out in bytes, and which accesses never tear.
 */
import type { Known, Scalar } from './syntax.ts';

/** Names as in the constructors and in the methods of DataView. */
export type ElementName =
  | 'Int8'
  | 'Uint8'
  | 'Uint8Clamped'
  | 'Int16'
  | 'Uint16'
  | 'Int32'
  | 'Uint32'
  | 'BigInt64'
  | 'BigUint64'
  | 'Float32'
  | 'Float64';

/** An element type. */
export interface Element {
  readonly name: ElementName;
  /** Bytes. */
  readonly size: number;
  /** Values are bigints. */
  readonly big: boolean;
  /** Atomics work on it. */
  readonly atomic: boolean;
  /** Whether an access through a typed array never tears, plain or by Atomics. */
  readonly noTear: { readonly plain: boolean; readonly atomic: boolean };
}

function element(name: ElementName, size: number): Element {
  const big = name.startsWith('Big');
  const float = name.startsWith('Float');
  const clamped = name === 'Uint8Clamped';
  const integer = !big && !float && !clamped;
  const atomic = integer || big;
  return { name, size, big, atomic, noTear: { plain: integer, atomic } };
}

/** All element types by their names. */
export const ELEMENTS: ReadonlyMap<string, Element> = new Map(
  [
    element('Int8', 1),
    element('Uint8', 1),
    element('Uint8Clamped', 1),
    element('Int16', 2),
    element('Uint16', 2),
    element('Int32', 4),
    element('Uint32', 4),
    element('BigInt64', 8),
    element('BigUint64', 8),
    element('Float32', 4),
    element('Float64', 8),
  ].map((one) => [one.name, one]),
);

/** What a name such as `i16_x` says before its underscore. */
export const PREFIXES: ReadonlyMap<string, ElementName> = new Map([
  ['i8', 'Int8'],
  ['u8', 'Uint8'],
  ['u8c', 'Uint8Clamped'],
  ['i16', 'Int16'],
  ['u16', 'Uint16'],
  ['i32', 'Int32'],
  ['u32', 'Uint32'],
  ['i64', 'BigInt64'],
  ['b64', 'BigInt64'],
  ['bi64', 'BigInt64'],
  ['big64', 'BigInt64'],
  ['u64', 'BigUint64'],
  ['bu64', 'BigUint64'],
  ['f32', 'Float32'],
  ['f64', 'Float64'],
]);

const scratch = new DataView(new ArrayBuffer(8));
const clamped = new Uint8ClampedArray(scratch.buffer, 0, 1);

/** The bytes of a value, converted as a store converts it. */
export function encode({ name, size }: Element, value: Scalar, littleEndian: boolean): number[] {
  if (name === 'Uint8Clamped') clamped[0] = Number(value);
  else if (name === 'BigInt64') scratch.setBigInt64(0, toBig(value), littleEndian);
  else if (name === 'BigUint64') scratch.setBigUint64(0, toBig(value), littleEndian);
  else scratch[`set${name}`](0, Number(value), littleEndian);
  return Array.from({ length: size }, (_, at) => scratch.getUint8(at));
}

/** The value of bytes. */
export function decode({ name }: Element, bytes: readonly number[], littleEndian: boolean): Scalar {
  bytes.forEach((byte, at) => scratch.setUint8(at, byte));
  return name === 'Uint8Clamped' ? clamped[0]! : scratch[`get${name}`](0, littleEndian);
}

function toBig(value: Scalar): bigint {
  return typeof value === 'bigint' ? value : BigInt(Number(value));
}

/** What `Atomics.add` and the like make of an old value. */
export type Modification = 'add' | 'sub' | 'and' | 'or' | 'xor' | 'exchange';

/** The new value of an atomic modification, not yet cut to the element's width. */
export function modified(how: Modification, old: Known, operand: Known): Known {
  const from = how === 'exchange' ? operand.from : old.from | operand.from;
  if (how === 'exchange') return { value: operand.value, from };
  // Over bigints everywhere: sums of 32 bits would be exact in doubles, but bits are simpler so.
  const left = toBig(old.value);
  const right = toBig(operand.value);
  const results = {
    add: () => left + right,
    sub: () => left - right,
    and: () => left & right,
    or: () => left | right,
    xor: () => left ^ right,
  };
  const result = results[how]();
  return { value: typeof old.value === 'bigint' ? result : Number(result), from };
}
