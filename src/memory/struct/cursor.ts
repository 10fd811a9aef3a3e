/**
 * Cursors: the fields of a struct as properties that read and write in place.
 *
 * For every struct and memory there is one class, whose accessors are closures over typed arrays
 * (words.ts says why they are as they are). A cursor allocates nothing when it moves, and no more
 * than the value when a field is read.
 */
import { sanitizer } from '#sanitizer';
import { arrayCodec, arrayViewClass, type ElementLayout } from './arrays.ts';
import { enumElement, flagsCodec, flagsViewClass } from './choices.ts';
import type { Codec } from './codec.ts';
import { sizeOf } from './layout.ts';
import { structCodec, type BoundField } from './objects.ts';
import { safeAccessors, safeCodec, scalarElement } from './scalars.ts';
import { slabCodec } from './slab-side.ts';
import { referencesOf, StructView } from './struct-view.ts';
import { bytesCodec, textCodec } from './text-codec.ts';
import type { FieldLayout, StructDescriptor, TypeDescriptor } from './types.ts';
import { childOf, define, type View, type ViewClass } from './view.ts';
import type { Views } from './views.ts';
import { elementAccessors, elementCodec, optionalAccessors, type Accessors } from './words.ts';

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
  const { name: label, presenceOffset } = struct;
  const codec = structCodec({ label, fields, presenceOffset, views });
  class Bound extends StructView {}
  define(Bound.prototype, '$codec', { value: codec });
  define(Bound.prototype, '$struct', { value: struct });
  define(Bound.prototype, '$references', { value: referencesOf(struct) });
  define(Bound.prototype, '$views', { value: views });
  struct.fields.forEach((field, index) => {
    const accessors = accessorsOf(struct, field, index, fields[index]!.codec, views);
    define(Bound.prototype, field.name, accessors);
  });
  sanitizer?.watchStruct(Bound.prototype, struct);
  return { codec, view: Bound };
}

/** The codec of any type but those that a struct alone can have. */
function codecOf(type: TypeDescriptor, views: Views, label: string): Codec {
  switch (type.kind) {
    case 'scalar':
      return elementCodec(scalarElement(type.scalar, label), views);
    case 'safe':
      return safeCodec(type, views, label);
    case 'text':
      return textCodec(type.length, views, label);
    case 'bytes':
      return bytesCodec(type.length, views, label);
    case 'enum':
      return elementCodec(enumElement(type, label), views);
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
  if (type.kind === 'struct') return bindStruct(type, views).view;
  const part = partOf(type, views, codec, label);
  if (part) sanitizer?.watchPart(part.prototype as object, sizeOf(type), label);
  return part;
}

function partOf(
  type: TypeDescriptor,
  views: Views,
  codec: Codec,
  label: string,
): ViewClass | undefined {
  switch (type.kind) {
    case 'flags':
      return flagsViewClass(type, views, codec, label);
    case 'array':
      return arrayViewClass(elementsOf(type.element, type.length, views, label), codec, label);
    default:
      return undefined;
  }
}

/** How a field looks from a cursor. */
function accessorsOf(
  struct: StructDescriptor,
  field: FieldLayout,
  index: number,
  codec: Codec,
  views: Views,
): Accessors {
  const label = `${struct.name}.${field.name}`;
  const plain =
    directAccessors(field, views, label) ?? codecAccessors(field, index, codec, views, label);
  if (field.presence < 0) return plain;
  return optionalAccessors(plain, views, struct.presenceOffset, 1 << field.presence);
}

/** The accessors of fields of a word or two. */
function directAccessors(field: FieldLayout, views: Views, label: string): Accessors | undefined {
  const { offset: at, type } = field;
  switch (type.kind) {
    case 'scalar':
      return elementAccessors(scalarElement(type.scalar, label), views, at);
    case 'enum':
      return elementAccessors(enumElement(type, label), views, at);
    case 'safe':
      return safeAccessors(type, views, at, label);
    default:
      return undefined;
  }
}

/** The accessors of all other fields: parts are views, and the rest goes through its codec. */
function codecAccessors(
  { offset: at, type }: FieldLayout,
  index: number,
  { read, write }: Codec,
  views: Views,
  label: string,
): Accessors {
  const part = viewOf(type, views, { read, write }, label);
  return {
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
}
