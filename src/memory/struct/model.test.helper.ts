/**
 * Structs as a stranger would read them from spec/ring.md: with a DataView and the rule of C, and
 * nothing of the code under test. Used to check layouts and bytes.
 */
import fc from 'fast-check';
import {
  array,
  bool,
  bytes,
  type Fields,
  type FieldType,
  f32,
  f64,
  flags,
  i16,
  i32,
  i64,
  i8,
  oneOf,
  optional,
  safe,
  type ScalarName,
  struct,
  type StructType,
  text,
  u16,
  u32,
  u64,
  u8,
} from './index.ts';

/** A type of the model. */
export type Spec =
  | { readonly kind: 'scalar'; readonly scalar: ScalarName }
  | { readonly kind: 'safe'; readonly signed: boolean }
  | { readonly kind: 'text' | 'bytes'; readonly length: number }
  | { readonly kind: 'enum' | 'flags'; readonly width: 1 | 2 | 4; readonly names: string[] }
  | { readonly kind: 'array'; readonly element: Spec; readonly length: number }
  | { readonly kind: 'struct'; readonly members: readonly Member[] };

/** A field of the model. */
export interface Member {
  readonly name: string;
  readonly spec: Spec;
  readonly optional: boolean;
}

const SCALARS: Readonly<Record<ScalarName, unknown>> = {
  u8,
  u16,
  u32,
  u64,
  i8,
  i16,
  i32,
  i64,
  f32,
  f64,
  bool,
};
const WIDTHS = { u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4 } as const;
const BASES = { 1: 'u8', 2: 'u16', 4: 'u32' } as const;

function width(scalar: ScalarName): number {
  return scalar in WIDTHS ? WIDTHS[scalar as keyof typeof WIDTHS] : 8;
}

/** Where things lie. */
export interface Place {
  readonly size: number;
  readonly align: number;
}

/** Size and alignment by the rule of C. */
function place(spec: Spec): Place {
  switch (spec.kind) {
    case 'scalar':
      return { size: width(spec.scalar), align: width(spec.scalar) };
    case 'safe':
      return { size: 8, align: 8 };
    case 'text':
    case 'bytes':
      return { size: spec.length, align: 1 };
    case 'enum':
    case 'flags':
      return { size: spec.width, align: spec.width };
    case 'array': {
      const { size, align } = place(spec.element);
      return { size: size * spec.length, align };
    }
    default: {
      const { size, align } = placeAll(spec.members);
      return { size, align };
    }
  }
}

/** Offsets of members in order, of the presence word (-1 for none), and of the whole. */
export function placeAll(
  members: readonly Member[],
): Place & { readonly offsets: number[]; readonly presence: number } {
  let at = 0;
  let align = 1;
  let presence = -1;
  const up = (multiple: number) => {
    while (at % multiple !== 0) at += 1;
    if (multiple > align) align = multiple;
  };
  const offsets: number[] = [];
  for (const member of members) {
    if (member.optional && presence === -1) {
      up(4);
      presence = at;
      at += 4;
    }
    const one = place(member.spec);
    up(one.align);
    offsets.push(at);
    at += one.size;
  }
  up(align);
  return { size: at, align, offsets, presence };
}

/** The same as a type of the code under test. */
function typeOf(spec: Spec): FieldType<unknown, 'plain'> {
  const make = (): unknown => {
    switch (spec.kind) {
      case 'scalar':
        return SCALARS[spec.scalar];
      case 'safe':
        return safe(spec.signed ? i64 : u64);
      case 'text':
        return text(spec.length);
      case 'bytes':
        return bytes(spec.length);
      case 'enum':
        return oneOf(BASES[spec.width], spec.names);
      case 'flags':
        return flags(BASES[spec.width], spec.names);
      case 'array':
        return array(typeOf(spec.element), spec.length);
      default:
        return structOf(spec.members, 'inner.S');
    }
  };
  return make() as FieldType<unknown, 'plain'>;
}

/** A struct of the code under test. */
export function structOf(
  members: readonly Member[],
  name = 'test.S',
): StructType<Record<string, unknown>, string> {
  const fields = members.map((member): [string, FieldType<unknown>] => {
    const type = typeOf(member.spec);
    return [member.name, member.optional ? optional(type) : type];
  });
  const schema: Fields = Object.fromEntries(fields);
  return struct(name, schema);
}

/** Writes a value at an offset. Memory must be zero. */
function put(view: DataView, at: number, spec: Spec, value: unknown): void {
  switch (spec.kind) {
    case 'scalar':
      putScalar(view, at, spec.scalar, value);
      break;
    case 'safe':
      view.setBigInt64(at, BigInt(value as number), true);
      break;
    case 'text':
      new TextEncoder().encode(value as string).forEach((byte, i) => view.setUint8(at + i, byte));
      break;
    case 'bytes':
      (value as Uint8Array).forEach((byte, i) => view.setUint8(at + i, byte));
      break;
    case 'enum':
      putWord(view, at, spec.width, spec.names.indexOf(value as string));
      break;
    case 'flags': {
      const set = value as Record<string, boolean>;
      const bits = spec.names.reduce((sum, name, i) => sum + (set[name] ? 2 ** i : 0), 0);
      putWord(view, at, spec.width, bits);
      break;
    }
    case 'array': {
      const { size } = place(spec.element);
      (value as unknown[]).forEach((one, i) => put(view, at + i * size, spec.element, one));
      break;
    }
    default:
      putAll(view, at, spec.members, value as Record<string, unknown>);
  }
}

/** Writes a struct at an offset. */
export function putAll(
  view: DataView,
  at: number,
  members: readonly Member[],
  value: Record<string, unknown>,
): void {
  const { offsets, presence } = placeAll(members);
  let bit = 0;
  members.forEach((member, i) => {
    const one = value[member.name];
    const mine = member.optional ? bit++ : -1;
    if (one === undefined) return;
    put(view, at + offsets[i]!, member.spec, one);
    if (mine < 0) return;
    view.setUint32(at + presence, view.getUint32(at + presence, true) + 2 ** mine, true);
  });
}

function putWord(view: DataView, at: number, size: 1 | 2 | 4, value: number): void {
  if (size === 1) view.setUint8(at, value);
  else if (size === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
}

function putScalar(view: DataView, at: number, scalar: ScalarName, value: unknown): void {
  if (scalar === 'bool') view.setUint8(at, value ? 1 : 0);
  else if (scalar === 'u64') view.setBigUint64(at, value as bigint, true);
  else if (scalar === 'i64') view.setBigInt64(at, value as bigint, true);
  else {
    const names = { u8: 'Uint8', u16: 'Uint16', u32: 'Uint32', i8: 'Int8', i16: 'Int16' } as const;
    const more = { i32: 'Int32', f32: 'Float32', f64: 'Float64' } as const;
    view[`set${{ ...names, ...more }[scalar]}`](at, value as number, true);
  }
}

const names: fc.Arbitrary<string> = fc
  .stringMatching(/^[a-z][a-zA-Z0-9_]{0,9}$/)
  .filter((name) => !['constructor', 'prototype', 'toJSON', 'toString', 'valueOf'].includes(name));

const choices = (most: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(names, { minLength: 1, maxLength: most });

const leaf: fc.Arbitrary<Spec> = fc.oneof(
  fc
    .constantFrom(...(Object.keys(SCALARS) as ScalarName[]))
    .map((scalar): Spec => ({ kind: 'scalar', scalar })),
  fc.boolean().map((signed): Spec => ({ kind: 'safe', signed })),
  fc
    .record({ kind: fc.constantFrom('text' as const, 'bytes' as const), length: fc.nat(90) })
    .map(({ kind, length }): Spec => ({ kind, length: length + 1 })),
  fc.record({
    kind: fc.constantFrom('enum' as const, 'flags' as const),
    width: fc.constantFrom(1 as const, 2 as const, 4 as const),
    names: choices(8),
  }),
);

/** Fields of a struct, nested up to `depth`. */
export function membersOf(depth: number): fc.Arbitrary<Member[]> {
  const inner: fc.Arbitrary<Spec> =
    depth === 0
      ? leaf
      : fc.oneof(
          { weight: 5, arbitrary: leaf },
          { weight: 1, arbitrary: structSpec(depth - 1) },
          {
            weight: 1,
            arbitrary: fc
              .tuple(fc.oneof(leaf, structSpec(depth - 1)), fc.integer({ min: 1, max: 5 }))
              .map(([element, length]): Spec => ({ kind: 'array', element, length })),
          },
        );
  const member = fc.record({ name: names, spec: inner, optional: fc.boolean() });
  return fc.uniqueArray(member, { minLength: 1, maxLength: 8, selector: ({ name }) => name });
}

function structSpec(depth: number): fc.Arbitrary<Spec> {
  return membersOf(depth).map((members): Spec => ({ kind: 'struct', members }));
}

/** Text that fits `length` bytes, without zeros. */
function fitting(length: number): fc.Arbitrary<string> {
  const words = fc.oneof(
    fc.string({ unit: 'grapheme-ascii', maxLength: length }),
    fc.string({ unit: 'binary', maxLength: length }),
  );
  return words.map((word) => {
    let fits = '';
    for (const character of word.replaceAll('\0', '')) {
      if (Buffer.byteLength(fits + character) > length) break;
      fits += character;
    }
    return fits;
  });
}

const integers = (minimum: number, maximum: number): fc.Arbitrary<number> =>
  fc.integer({ min: minimum, max: maximum });

const SCALAR_VALUES: Record<ScalarName, fc.Arbitrary<unknown>> = {
  u8: integers(0, 255),
  u16: integers(0, 65_535),
  u32: integers(0, 0xffffffff),
  i8: integers(-128, 127),
  i16: integers(-32_768, 32_767),
  i32: integers(-(2 ** 31), 2 ** 31 - 1),
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  // −0 and NaN are told apart by deepStrictEqual, as they should be.
  f32: fc.float(),
  f64: fc.double(),
  bool: fc.boolean(),
};

/** Ours are usual objects; fast-check also makes some without a prototype. */
const PLAIN = { noNullPrototype: true } as const;

/** A value of a type. */
export function valueOf(spec: Spec): fc.Arbitrary<unknown> {
  switch (spec.kind) {
    case 'scalar':
      return SCALAR_VALUES[spec.scalar];
    case 'safe':
      return spec.signed ? fc.maxSafeInteger() : fc.maxSafeNat();
    case 'text':
      return fitting(spec.length);
    case 'bytes':
      return fc.uint8Array({ minLength: spec.length, maxLength: spec.length });
    case 'enum':
      return fc.constantFrom(...spec.names);
    case 'flags':
      return fc.record(Object.fromEntries(spec.names.map((name) => [name, fc.boolean()])), PLAIN);
    case 'array':
      return fc.array(valueOf(spec.element), { minLength: spec.length, maxLength: spec.length });
    default:
      return valueOfAll(spec.members);
  }
}

/** A value of a struct. Optional fields that are absent are there, with undefined. */
export function valueOfAll(members: readonly Member[]): fc.Arbitrary<Record<string, unknown>> {
  const fields = members.map(({ name, spec, optional: isOptional }) => {
    const value = valueOf(spec);
    return [name, isOptional ? fc.option(value, { nil: undefined }) : value] as const;
  });
  return fc.record(Object.fromEntries(fields), PLAIN);
}
