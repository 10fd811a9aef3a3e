/** Structs: schemas written once, with the types inferred and the layout of C. */
import { createHash } from 'node:crypto';
import { sanitizer } from '#sanitizer';
import type { Cursor } from './cursor-types.ts';
import { cursorClass } from './cursor.ts';
import { descriptorOf } from './field-types.ts';
import { hasSlabField, layOut, layoutText, type FieldDraft } from './layout.ts';
import { schemaError, show } from './limits.ts';
import { parseLayout } from './parse.ts';
import type { SlabSide } from './slab-side.ts';
import type {
  FieldLayout,
  Fields,
  SlabCandidates,
  SlabNamesOf,
  StructDescriptor,
  StructTypes,
  ValueOf,
} from './types.ts';
import type { Views } from './views.ts';

/**
 * A struct: what messages consist of. `T` is the type of its plain values; `SlabNames` are the names
 * of its slab fields. A struct without slab fields is a field type itself.
 */
// The interface adds what exists for the compiler alone: there is nothing to initialise.
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export class StructType<T, SlabNames extends string = SlabCandidates<T>> {
  /** The layout, as other structs and tools see it. */
  readonly descriptor: StructDescriptor;
  /** Never: `optional(type)` is what makes a field optional. */
  readonly isOptional: boolean;
  /** The canonical text: the same on every machine and in every language. */
  readonly layout: string;
  /** The first 8 bytes of the text's SHA-256, as a little-endian `u64`. */
  readonly fingerprint: bigint;
  /** Whether a field lies in the slab side, so that cursors need one. */
  readonly hasSlab: boolean;

  private constructor(descriptor: StructDescriptor, layout: string) {
    this.descriptor = descriptor;
    this.isOptional = false;
    this.layout = layout;
    this.fingerprint = fingerprintOf(layout);
    this.hasSlab = hasSlabField(descriptor);
    Object.freeze(this);
  }

  /** The struct of a descriptor with its text. @internal */
  static of<T, S extends string>(descriptor: StructDescriptor, layout: string): StructType<T, S> {
    return new StructType(descriptor, layout);
  }

  /** As declared, such as `md.Trade`. */
  get name(): string {
    return this.descriptor.name;
  }

  /** Bytes of a message, a multiple of `alignment`. */
  get size(): number {
    return this.descriptor.size;
  }

  /** What the offset of a message must be a multiple of: 1, 2, 4 or 8. */
  get alignment(): number {
    return this.descriptor.alignment;
  }

  /** The fields in order, with their places. */
  get fields(): readonly FieldLayout[] {
    return this.descriptor.fields;
  }

  /** Byte offset of the hidden word with the presence bits, −1 when no field is optional. */
  get presenceOffset(): number {
    return this.descriptor.presenceOffset;
  }

  /**
   * A new cursor over the memory, at offset 0. `slab` is the slab side of the ring; without it slab
   * fields throw ERR_STRUCT_SLABLESS. Cursors are of one thread.
   */
  cursor(views: Views, slab?: SlabSide): Cursor<T, SlabNames> {
    const bound = cursorClass(this.descriptor, views);
    const cursor = new bound(slab) as unknown as Cursor<T, SlabNames>;
    sanitizer?.watchCursor(cursor, views);
    return cursor;
  }
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface StructType<T, SlabNames extends string = SlabCandidates<T>> extends StructTypes<
  T,
  SlabNames
> {}

/** What segments carry of a canonical text: the first 8 bytes of its SHA-256, little-endian. */
export function fingerprintOf(layout: string): bigint {
  return createHash('sha256').update(layout).digest().readBigUInt64LE(0);
}

/**
 * Declares a struct. Fields lie in memory in the order in which they are written here; new ones are
 * added at the end, so that older readers still understand.
 * @throws {TypeError} ERR_STRUCT_SCHEMA for names and types that cannot be, and above the limits:
 * 64 KiB, 256 fields, 32 of them optional, structs nested 8 deep, a description of 64 KiB
 * @example
 * const Trade = struct('md.Trade', {
 *   id: u64,
 *   price: f64,
 *   side: oneOf('u8', ['buy', 'sell']),
 *   symbol: text(8),
 *   note: slab(),
 * });
 * type Trade = Infer<typeof Trade>;
 */
export function struct<const F extends Fields>(
  name: string,
  fields: F,
): StructType<ValueOf<F>, SlabNamesOf<F>> {
  if (typeof fields !== 'object' || fields === null) {
    throw schemaError(`Cannot make struct ${show(name)}: its fields must be an object`);
  }
  const drafts = Object.entries(fields).map(([field, type]): FieldDraft => ({
    name: field,
    type: descriptorOf(type),
    isOptional: type.isOptional,
  }));
  const descriptor = layOut(name, drafts);
  return StructType.of(descriptor, layoutText(descriptor));
}

/**
 * A struct made from the canonical text of another, for tools that do not have the schema.
 * @throws {RondoError} ERR_STRUCT_LAYOUT when it is not exactly what a struct has
 */
export function structFromLayout(layout: string): StructType<Record<string, unknown>> {
  return StructType.of(parseLayout(layout), layout);
}
