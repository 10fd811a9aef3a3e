/** What fields are: descriptors for the program, and types for the compiler. */

/** Numbers of C, and `bool`: a byte, 0 or 1. */
export type ScalarName =
  'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64' | 'f32' | 'f64' | 'bool';

/** What an enumeration or a set of flags is kept in. */
export type ChoiceBase = 'u8' | 'u16' | 'u32';

/** A number or boolean. */
export interface ScalarDescriptor {
  readonly kind: 'scalar';
  readonly scalar: ScalarName;
}

/** A 64-bit integer that must be exact as a JavaScript number. */
export interface SafeDescriptor {
  readonly kind: 'safe';
  readonly scalar: 'u64' | 'i64';
}

/** UTF-8 in a field of `length` bytes, padded with zeros. */
export interface TextDescriptor {
  readonly kind: 'text';
  readonly length: number;
}

/** Exactly `length` bytes. */
export interface BytesDescriptor {
  readonly kind: 'bytes';
  readonly length: number;
}

/** One of `names`: the number in memory is its index. */
export interface EnumDescriptor {
  readonly kind: 'enum';
  readonly base: ChoiceBase;
  readonly names: readonly string[];
}

/** Any of `names`: bit i of the number in memory is the i-th. */
export interface FlagsDescriptor {
  readonly kind: 'flags';
  readonly base: ChoiceBase;
  readonly names: readonly string[];
}

/** `length` elements, one after the other. */
export interface ArrayDescriptor {
  readonly kind: 'array';
  readonly element: TypeDescriptor;
  readonly length: number;
}

/** A reference into the slab side, of 8 bytes: position and length, each a `u32`. */
export interface SlabDescriptor {
  readonly kind: 'slab';
  readonly content: 'text' | 'bytes';
}

/** A struct with its layout, on its own or inside another. */
export interface StructDescriptor {
  readonly kind: 'struct';
  /** As declared, such as `md.Trade`. */
  readonly name: string;
  /** In the order of declaration, which is that of memory. */
  readonly fields: readonly FieldLayout[];
  /** Byte offset of the hidden word with the presence bits, -1 when no field is optional. */
  readonly presenceOffset: number;
  /** Bytes, a multiple of `alignment`. */
  readonly size: number;
  /** Bytes, a power of two, 1 to 8. */
  readonly alignment: number;
}

/** What a field holds; `kind` tells which. */
export type TypeDescriptor =
  | ScalarDescriptor
  | SafeDescriptor
  | TextDescriptor
  | BytesDescriptor
  | EnumDescriptor
  | FlagsDescriptor
  | ArrayDescriptor
  | SlabDescriptor
  | StructDescriptor;

/** A field of a struct with its place. */
export interface FieldLayout {
  readonly name: string;
  readonly type: TypeDescriptor;
  /** Bytes from the beginning of the struct. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Its bit in the presence word when it is optional, -1 when it is always there. */
  readonly presence: number;
}

// These exist for the compiler alone: they carry what is inferred, and no object has them.
declare const VALUE: unique symbol;
declare const PLACE: unique symbol;
declare const SLABS: unique symbol;

/** Where a field type may stand. */
export type FieldPlace = 'plain' | 'array' | 'struct' | 'optional' | 'slab' | 'optional-slab';

/**
 * The type of a field: what `u64`, `text(8)`, `oneOf(…)` and their like give, and every `StructType`
 * without slab fields.
 */
export interface FieldType<Value, Place extends FieldPlace = FieldPlace> {
  readonly descriptor: TypeDescriptor;
  /** Whether it may be absent. */
  readonly isOptional: boolean;
  readonly [VALUE]: Value;
  readonly [PLACE]: Place;
  readonly [SLABS]: never;
}

/** What carries the inferred types of a struct. */
export interface StructTypes<T, SlabNames extends string> {
  readonly [VALUE]: T;
  readonly [PLACE]: 'struct';
  readonly [SLABS]: SlabNames;
}

/** The fields of a struct, as they are declared. */
export type Fields = Readonly<Record<string, FieldType<unknown>>>;

/** The type of the plain values that a struct or field type stands for. */
export type Infer<Type extends { readonly [VALUE]: unknown }> = Type[typeof VALUE];

type OptionalNames<F extends Fields> = {
  [K in keyof F]: F[K][typeof PLACE] extends 'optional' | 'optional-slab' ? K : never;
}[keyof F];

type Flat<T> = { [K in keyof T]: T[K] };

/** The plain object that fields describe. */
export type ValueOf<F extends Fields> = Flat<
  { -readonly [K in Exclude<keyof F, OptionalNames<F>>]: Infer<F[K]> } & {
    -readonly [K in OptionalNames<F>]?: Infer<F[K]> | undefined;
  }
>;

/** The names of the fields that lie in the slab side. */
export type SlabNamesOf<F extends Fields> = {
  [K in keyof F]: F[K][typeof PLACE] extends 'slab' | 'optional-slab' ? K : never;
}[keyof F] &
  string;

/** The names that may be slab fields, when all that is known is the type of the plain value. */
export type SlabCandidates<T> = {
  [K in keyof T]-?: unknown extends T[K]
    ? K
    : Exclude<T[K], undefined> extends string | Uint8Array
      ? K
      : never;
}[keyof T] &
  string;

/** What an array and a field of a cursor that is an array have in common. */
export interface Sequence<E> extends Iterable<E> {
  /** Elements. */
  readonly length: number;
  /** The element at `index`; undefined outside. Negative indices count from the end. */
  at(index: number): E | undefined;
}

/**
 * What a field of a cursor gives and takes: scalars, text and bytes are values; nested structs and
 * flags are views whose properties read and write in place; arrays are sequences. Plain values can
 * be assigned to each.
 */
export type Live<V> = unknown extends V
  ? V
  : V extends string | number | bigint | boolean | undefined | Uint8Array
    ? V
    : V extends readonly (infer E)[]
      ? Sequence<Live<E>>
      : { -readonly [K in keyof V]: Live<V[K]> };

/** The names of fields that are views: nested structs, flags and arrays. */
export type ViewNames<T> = {
  [K in keyof T]-?: Exclude<T[K], undefined> extends string | number | bigint | boolean | Uint8Array
    ? never
    : K;
}[keyof T] &
  string;
