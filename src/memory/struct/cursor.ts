/**
 * Cursors: the fields of a struct as properties that read and write in place.
 *
 * For every struct and memory there is one class, whose accessors are closures over the typed
 * arrays (see codec.ts for why). A cursor allocates nothing when it moves, and no more than the
 * value when a field is read.
 */
import { arrayCodec, arrayViewClass, type ElementLayout } from './arrays.ts';
import { enumCodec, flagsCodec, flagsViewClass, missingKey, rejectKeys } from './choices.ts';
import { typeError, type Codec } from './codec.ts';
import { sizeOf } from './layout.ts';
import { safeCodec, scalarCodec } from './scalars.ts';
import { slabCodec } from './slab-side.ts';
import { referencesOf, StructView } from './struct-view.ts';
import { bytesCodec, textCodec } from './text-codec.ts';
import type { FieldLayout, StructDescriptor, TypeDescriptor } from './types.ts';
import { childOf, define, View, type ViewClass } from './view.ts';
import type { Views } from './views.ts';

interface BoundField {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec;
  /** The bit of the presence word, 0 when it is always there. */
  readonly mask: number;
}

interface BoundStruct {
  readonly codec: Codec;
  readonly view: ViewClass<StructView>;
}

const bound = new WeakMap<Views, WeakMap<StructDescriptor, BoundStruct>>();

/** The class of cursors of a struct over a memory. @internal */
export function cursorClass(struct: StructDescriptor, views: Views): ViewClass<StructView> {
  return bindStruct(struct, views).view;
}

function bindStruct(struct: StructDescriptor, views: Views): BoundStruct {
  let structs = bound.get(views);
  if (!structs) bound.set(views, (structs = new WeakMap()));
  let found = structs.get(struct);
  if (!found) structs.set(struct, (found = makeStruct(struct, views)));
  return found;
}

function makeStruct(struct: StructDescriptor, views: Views): BoundStruct {
  const fields = struct.fields.map((field): BoundField => {
    const codec = codecOf(field.type, views, `${struct.name}.${field.name}`);
    const mask = field.presence < 0 ? 0 : 1 << field.presence;
    return { name: field.name, offset: field.offset, codec, mask };
  });
  const codec = structCodec(struct, fields, views);
  class Bound extends StructView {}
  define(Bound.prototype, '$codec', { value: codec });
  define(Bound.prototype, '$struct', { value: struct });
  define(Bound.prototype, '$references', { value: referencesOf(struct) });
  define(Bound.prototype, '$views', { value: views });
  struct.fields.forEach((field, index) => {
    const accessors = accessorsOf(struct, field, index, fields[index]!.codec, views);
    define(Bound.prototype, field.name, accessors);
  });
  return { codec, view: Bound };
}

/** The codec of any type but those that a struct alone can have. */
function codecOf(type: TypeDescriptor, views: Views, label: string): Codec {
  switch (type.kind) {
    case 'scalar':
      return scalarCodec(type.scalar, views, label);
    case 'safe':
      return safeCodec(type, views, label);
    case 'text':
      return textCodec(type.length, views, label);
    case 'bytes':
      return bytesCodec(type.length, views, label);
    case 'enum':
      return enumCodec(type, views, label);
    case 'flags':
      return flagsCodec(type, views, label);
    case 'array':
      return arrayCodec(elementsOf(type.element, type.length, views, label), label);
    case 'slab':
      return slabCodec(type, views, label);
    default:
      return bindStruct(type, views).codec;
  }
}

function elementsOf(
  element: TypeDescriptor,
  length: number,
  views: Views,
  label: string,
): ElementLayout {
  const codec = codecOf(element, views, label);
  return { length, stride: sizeOf(element), codec, view: viewOf(element, views, codec, label) };
}

/** The class of views of a type; undefined when it is read as a value. */
function viewOf(
  type: TypeDescriptor,
  views: Views,
  codec: Codec,
  label: string,
): ViewClass | undefined {
  switch (type.kind) {
    case 'struct':
      return bindStruct(type, views).view;
    case 'flags':
      return flagsViewClass(type, views, codec, label);
    case 'array':
      return arrayViewClass(elementsOf(type.element, type.length, views, label), codec, label);
    default:
      return undefined;
  }
}

function structCodec(struct: StructDescriptor, fields: readonly BoundField[], views: Views): Codec {
  const { name: label, presenceOffset } = struct;
  const { u32 } = views;
  const known = new Set(fields.map(({ name }) => name));
  return {
    read: (offset, slab) => {
      const value: Record<string, unknown> = {};
      const present = presenceOffset < 0 ? 0 : u32[(offset + presenceOffset) >>> 2]!;
      for (const { name, offset: at, codec, mask } of fields) {
        const isAbsent = mask !== 0 && (present & mask) === 0;
        value[name] = isAbsent ? undefined : codec.read(offset + at, slab);
      }
      return value;
    },
    write: (offset, value, slab) => {
      if (typeof value !== 'object' || value === null) throw typeError(label, 'an object', value);
      let present = 0;
      let keys = 0;
      for (const { name, offset: at, codec, mask } of fields) {
        const one = (value as Record<string, unknown>)[name];
        if (one !== undefined) {
          codec.write(offset + at, one, slab);
          present |= mask;
          keys += 1;
        } else if (mask === 0) {
          throw missingKey(label, name);
        } else if (name in value) {
          keys += 1;
        }
      }
      if (presenceOffset >= 0) u32[(offset + presenceOffset) >>> 2] = present;
      if (value instanceof View) return;
      // Counting is four times as fast as looking each key up, which only finds out the name.
      for (const _key in value) keys -= 1;
      if (keys !== 0) rejectKeys(value, known, label);
    },
  };
}

/** A getter and a setter: functions that take the view as `this`. */
interface Accessors {
  readonly get: (this: View) => unknown;
  readonly set: (this: View, value: unknown) => void;
}

/** How a field looks from a cursor. */
function accessorsOf(
  struct: StructDescriptor,
  field: FieldLayout,
  index: number,
  codec: Codec,
  views: Views,
): Accessors {
  const { offset: at, type } = field;
  const { read, write } = codec;
  const part = viewOf(type, views, codec, `${struct.name}.${field.name}`);
  const plain: Accessors = {
    get: part
      ? function (this: View) {
          return childOf(this, index, part, this.$offset + at);
        }
      : function (this: View) {
          return read(this.$offset + at, this.$slab);
        },
    set(this: View, value: unknown) {
      write(this.$offset + at, value, this.$slab);
    },
  };
  if (field.presence < 0) return plain;
  return optionalAccessors(plain, struct.presenceOffset, 1 << field.presence, views);
}

function optionalAccessors(
  plain: Accessors,
  presenceOffset: number,
  mask: number,
  { u32 }: Views,
): Accessors {
  const { get, set } = plain;
  return {
    get(this: View) {
      const isAbsent = (u32[(this.$offset + presenceOffset) >>> 2]! & mask) === 0;
      return isAbsent ? undefined : get.call(this);
    },
    set(this: View, value: unknown) {
      const word = (this.$offset + presenceOffset) >>> 2;
      if (value === undefined) {
        u32[word] = u32[word]! & ~mask;
      } else {
        set.call(this, value);
        // After the value: when that throws, nothing has changed for readers.
        u32[word] = u32[word]! | mask;
      }
    },
  };
}
