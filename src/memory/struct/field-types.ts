/** The words of a schema: what stands behind the names of fields in `struct(…)`. */
import { choiceProblem, nameProblem, schemaError, show, STRUCT_BYTES_MAX } from './limits.ts';
import type { ChoiceBase, FieldPlace, FieldType, ScalarName, TypeDescriptor } from './types.ts';

/** A field type as it is at run time. Structs are field types of their own class. */
class FieldKind {
  readonly descriptor: TypeDescriptor;
  readonly isOptional: boolean;
  constructor(descriptor: TypeDescriptor, isOptional: boolean) {
    this.descriptor = Object.freeze(descriptor);
    this.isOptional = isOptional;
    Object.freeze(this);
  }
}

function fieldType<V, P extends FieldPlace>(
  descriptor: TypeDescriptor,
  isOptional = false,
): FieldType<V, P> {
  // What it lacks exists for the compiler alone.
  return new FieldKind(descriptor, isOptional) as unknown as FieldType<V, P>;
}

function scalar<V>(name: ScalarName): FieldType<V, 'plain'> {
  return fieldType({ kind: 'scalar', scalar: name });
}

/** An integer from 0 to 255. */
export const u8: FieldType<number, 'plain'> = scalar('u8');
/** An integer from 0 to 65,535. */
export const u16: FieldType<number, 'plain'> = scalar('u16');
/** An integer from 0 to 4,294,967,295. */
export const u32: FieldType<number, 'plain'> = scalar('u32');
/** A bigint from 0 to 2^64 − 1. Where numbers are enough, use `safe(u64)`: it is faster. */
export const u64: FieldType<bigint, 'plain'> = scalar('u64');
/** An integer from −128 to 127. */
export const i8: FieldType<number, 'plain'> = scalar('i8');
/** An integer from −32,768 to 32,767. */
export const i16: FieldType<number, 'plain'> = scalar('i16');
/** An integer from −2,147,483,648 to 2,147,483,647. */
export const i32: FieldType<number, 'plain'> = scalar('i32');
/** A bigint from −2^63 to 2^63 − 1. Where numbers are enough, use `safe(i64)`: it is faster. */
export const i64: FieldType<bigint, 'plain'> = scalar('i64');
/** A number that is rounded to single precision. */
export const f32: FieldType<number, 'plain'> = scalar('f32');
/** A number. */
export const f64: FieldType<number, 'plain'> = scalar('f64');
/** A byte: 0 is false, anything else that a peer wrote is true. */
export const bool: FieldType<boolean, 'plain'> = scalar('bool');

/**
 * A 64-bit integer as a number. Beyond ±(2^53 − 1) writing throws ERR_STRUCT_RANGE and reading
 * ERR_STRUCT_VALUE: nothing is rounded.
 * @throws {TypeError} ERR_STRUCT_SCHEMA when it is neither `u64` nor `i64`
 */
export function safe(type: typeof u64): FieldType<number, 'plain'> {
  const descriptor = descriptorOf(type);
  if (descriptor.kind !== 'scalar' || !is64(descriptor.scalar)) {
    throw schemaError('Cannot use safe: it must be safe(u64) or safe(i64)');
  }
  return fieldType({ kind: 'safe', scalar: descriptor.scalar });
}

function is64(name: ScalarName): name is 'u64' | 'i64' {
  return name === 'u64' || name === 'i64';
}

/**
 * UTF-8 in a field of `length` bytes, 1 to 65,536, padded with zeros. Text that is longer, has a
 * zero or a lone surrogate in it is refused when written; invalid bytes read as U+FFFD.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function text(length: number): FieldType<string, 'plain'> {
  return fieldType({ kind: 'text', length: lengthOf('text', length) });
}

/**
 * Exactly `length` bytes, 1 to 65,536. Reading gives a private copy.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function bytes(length: number): FieldType<Uint8Array, 'plain'> {
  return fieldType({ kind: 'bytes', length: lengthOf('bytes', length) });
}

/**
 * `length` elements of one type, which may be a struct, but is neither optional nor an array.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function array<V>(
  type: FieldType<V, 'plain' | 'struct'>,
  length: number,
): FieldType<V[], 'array'> {
  const element = descriptorOf(type);
  if (type.isOptional || element.kind === 'array' || element.kind === 'slab') {
    const what = type.isOptional ? 'optional' : element.kind;
    throw schemaError(`Cannot use array: its elements must not be of the type ${what}`);
  }
  return fieldType({ kind: 'array', element, length: lengthOf('array', length) });
}

/**
 * One of `names`; in memory it is its index, in `base`. What is no index reads as
 * ERR_STRUCT_VALUE.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function oneOf<const N extends readonly string[]>(
  base: ChoiceBase,
  names: N,
): FieldType<N[number], 'plain'> {
  const most = 2 ** bitsOf('oneOf', base);
  return fieldType({ kind: 'enum', base, names: namesOf('oneOf', names, most, choiceProblem) });
}

/**
 * A boolean for each of `names`; in memory bit i of `base` is the i-th. Other bits read as
 * ERR_STRUCT_VALUE.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function flags<const N extends readonly string[]>(
  base: ChoiceBase,
  names: N,
): FieldType<{ [K in N[number]]: boolean }, 'plain'> {
  const most = bitsOf('flags', base);
  return fieldType({ kind: 'flags', base, names: namesOf('flags', names, most, nameProblem) });
}

/**
 * A field that may be absent, which reads as undefined. A struct has at most 32 of them.
 * @throws {TypeError} ERR_STRUCT_SCHEMA when it is optional already
 */
export function optional<V, P extends 'plain' | 'array' | 'struct' | 'slab'>(
  type: FieldType<V, P>,
): FieldType<V | undefined, P extends 'slab' ? 'optional-slab' : 'optional'> {
  const descriptor = descriptorOf(type);
  if (type.isOptional) throw schemaError('Cannot use optional: the type is optional already');
  return fieldType(descriptor, true);
}

/**
 * Text (the default) or bytes of any length, kept in the ring's slab side; the struct has a
 * reference of 8 bytes. Not inside arrays and nested structs.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function slab(content?: 'text'): FieldType<string, 'slab'>;
export function slab(content: 'bytes'): FieldType<Uint8Array, 'slab'>;
export function slab(content: 'text' | 'bytes' = 'text'): FieldType<string | Uint8Array, 'slab'> {
  if (content !== 'text' && content !== 'bytes') {
    throw schemaError(`Cannot use slab: it must be 'text' or 'bytes', got ${show(content)}`);
  }
  return fieldType({ kind: 'slab', content });
}

/** What a field type describes, for callers without types too. @internal */
export function descriptorOf(type: { readonly descriptor: TypeDescriptor }): TypeDescriptor {
  // Structs freeze their descriptors as well; nothing else has a kind and is frozen.
  const descriptor = (type as { descriptor?: TypeDescriptor } | null)?.descriptor;
  if (!(type instanceof FieldKind) && descriptor?.kind !== 'struct') {
    throw schemaError(`Cannot use ${show(type)} as a type: it must be u32, text(8), a struct, …`);
  }
  return descriptor!;
}

function lengthOf(what: string, length: number): number {
  if (!Number.isInteger(length) || length < 1 || length > STRUCT_BYTES_MAX) {
    throw schemaError(
      `Cannot use ${what}: its length must be from 1 to ${STRUCT_BYTES_MAX}, got ${show(length)}`,
    );
  }
  return length;
}

function bitsOf(what: string, base: ChoiceBase): number {
  const bits = new Map<unknown, number>([
    ['u8', 8],
    ['u16', 16],
    ['u32', 32],
  ]).get(base);
  if (bits === undefined) {
    throw schemaError(
      `Cannot use ${what}: its base must be 'u8', 'u16' or 'u32', got ${show(base)}`,
    );
  }
  return bits;
}

function namesOf(
  what: string,
  names: readonly string[],
  most: number,
  problem: (name: unknown) => string | undefined,
): readonly string[] {
  if (!Array.isArray(names) || names.length === 0 || names.length > most) {
    const got = Array.isArray(names) ? names.length : show(names);
    throw schemaError(`Cannot use ${what}: it must have from 1 to ${most} names, got ${got}`);
  }
  for (const name of names) {
    const wrong = problem(name);
    if (wrong) throw schemaError(`Cannot use ${what} with the name ${show(name)}: ${wrong}`);
  }
  if (new Set(names).size !== names.length) {
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    throw schemaError(`Cannot use ${what}: it has the name ${show(twice)} twice`);
  }
  return Object.freeze(names.slice());
}
