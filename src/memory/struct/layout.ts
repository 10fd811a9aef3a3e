/**
 * Where fields lie: the rule of C (`repr(C)`) with one size for each type on every machine, and the
 * canonical text, which says the same to peers.
 *
 * Invariants:
 *  1. Every field begins at the first multiple of its alignment behind the field before it; the
 *     size is rounded up to the largest alignment. So a layout is a function of names and types.
 *  2. The word with the presence bits stands immediately before the first optional field.
 *  3. The text is a function of the layout and tells all of it: two structs with the same text are
 *     the same, and a struct is rebuilt from it (parse.ts).
 *
 * The text, each line ended by a line feed:
 *
 *     rondo-struct 1
 *     name md.Trade
 *     field id u64 0
 *     field _present presence 8
 *     field note optional:0(slab:text) 12
 *     size 24 align 8
 */
import {
  LAYOUT_BYTES_MAX,
  nameProblem,
  OPTIONAL_FIELDS_MAX,
  PRESENCE_NAME,
  schemaError,
  show,
  STRUCT_BYTES_MAX,
  STRUCT_DEPTH_MAX,
  STRUCT_FIELDS_MAX,
  structNameProblem,
} from './limits.ts';
import type { ChoiceBase, FieldLayout, StructDescriptor, TypeDescriptor } from './types.ts';

/** The first line of the text: a change of its rules changes the number. */
export const LAYOUT_HEAD = 'rondo-struct 1';
/** Bytes of a slab reference: position and length. */
const REFERENCE_BYTES = 8;
const PRESENCE_BYTES = 4;

/** A field before it has a place. */
export interface FieldDraft {
  readonly name: string;
  readonly type: TypeDescriptor;
  readonly isOptional: boolean;
}

/** Bytes of a scalar, which is its alignment too. */
export const SCALAR_BYTES: Readonly<Record<string, number>> = {
  u8: 1,
  i8: 1,
  bool: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  u64: 8,
  i64: 8,
  f64: 8,
};

/** Bytes that a value of the type takes. */
export function sizeOf(type: TypeDescriptor): number {
  switch (type.kind) {
    case 'scalar':
    case 'safe':
      return SCALAR_BYTES[type.scalar]!;
    case 'enum':
    case 'flags':
      return baseBytes(type.base);
    case 'text':
    case 'bytes':
      return type.length;
    case 'array':
      return sizeOf(type.element) * type.length;
    case 'slab':
      return REFERENCE_BYTES;
    default:
      return type.size;
  }
}

/** What the offset of a value of the type is a multiple of. */
function alignmentOf(type: TypeDescriptor): number {
  switch (type.kind) {
    case 'text':
    case 'bytes':
      return 1;
    case 'array':
      return alignmentOf(type.element);
    case 'slab':
      return 4;
    case 'struct':
      return type.alignment;
    default:
      return sizeOf(type);
  }
}

/** Bytes of what an enumeration or a set of flags is kept in. */
export function baseBytes(base: ChoiceBase): 1 | 2 | 4 {
  return base === 'u8' ? 1 : base === 'u16' ? 2 : 4;
}

/**
 * Gives every field its place. Names and types of fields are checked here; what a single type may
 * be is checked where types are made.
 * @throws {TypeError} ERR_STRUCT_SCHEMA
 */
export function layOut(name: string, drafts: readonly FieldDraft[]): StructDescriptor {
  const wrongName = structNameProblem(name);
  if (wrongName) throw schemaError(`Cannot name a struct ${show(name)}: ${wrongName}`);
  checkFields(name, drafts);
  const fields: FieldLayout[] = [];
  let end = 0;
  let alignment = 1;
  let presenceOffset = -1;
  let optionals = 0;
  const place = (size: number, multiple: number): number => {
    const offset = Math.ceil(end / multiple) * multiple;
    end = offset + size;
    alignment = Math.max(alignment, multiple);
    return offset;
  };
  for (const { name: field, type, isOptional } of drafts) {
    if (isOptional && presenceOffset < 0) presenceOffset = place(PRESENCE_BYTES, PRESENCE_BYTES);
    const size = sizeOf(type);
    const offset = place(size, alignmentOf(type));
    const presence = isOptional ? optionals++ : -1;
    fields.push(Object.freeze({ name: field, type, offset, size, presence }));
  }
  const size = Math.ceil(end / alignment) * alignment;
  if (size > STRUCT_BYTES_MAX) {
    throw schemaError(
      `Cannot make struct ${name}: it may have ${STRUCT_BYTES_MAX} bytes, and has ${size}`,
    );
  }
  Object.freeze(fields);
  return Object.freeze({ kind: 'struct', name, fields, presenceOffset, size, alignment });
}

function checkFields(name: string, drafts: readonly FieldDraft[]): void {
  const fail = (why: string): never => {
    throw schemaError(`Cannot make struct ${name}: ${why}`);
  };
  if (drafts.length === 0) fail('it has no fields');
  if (drafts.length > STRUCT_FIELDS_MAX) {
    fail(`it may have ${STRUCT_FIELDS_MAX} fields, and has ${drafts.length}`);
  }
  const seen = new Set<string>();
  let optionals = 0;
  for (const { name: field, type, isOptional } of drafts) {
    const wrong = nameProblem(field);
    if (wrong) fail(`it has a field ${show(field)}, but ${wrong}`);
    if (seen.has(field)) fail(`it has two fields ${field}`);
    seen.add(field);
    if (isOptional) optionals += 1;
    const inner = type.kind === 'array' ? type.element : type;
    if (inner.kind === 'struct' && hasSlabField(inner)) {
      fail(`field ${field} is ${inner.name}, which has slab fields: they cannot be nested`);
    }
  }
  if (optionals > OPTIONAL_FIELDS_MAX) {
    fail(`it may have ${OPTIONAL_FIELDS_MAX} optional fields, and has ${optionals}`);
  }
  const depth = 1 + Math.max(...drafts.map(({ type }) => depthOf(type)));
  if (depth > STRUCT_DEPTH_MAX) fail(`structs may be nested ${STRUCT_DEPTH_MAX} deep`);
}

function depthOf(type: TypeDescriptor): number {
  if (type.kind === 'array') return depthOf(type.element);
  if (type.kind !== 'struct') return 0;
  return 1 + Math.max(...type.fields.map((field) => depthOf(field.type)));
}

/** Whether a field lies in the slab side. */
export function hasSlabField(struct: StructDescriptor): boolean {
  return struct.fields.some(({ type }) => type.kind === 'slab');
}

/**
 * The canonical text.
 * @throws {TypeError} ERR_STRUCT_SCHEMA when it is above `LAYOUT_BYTES_MAX`
 */
export function layoutText(struct: StructDescriptor): string {
  const lines = fieldTexts(struct).map((field) => `field ${field}\n`);
  const { name, size, alignment } = struct;
  const text = `${LAYOUT_HEAD}\nname ${name}\n${lines.join('')}size ${size} align ${alignment}\n`;
  if (text.length > LAYOUT_BYTES_MAX) {
    throw schemaError(
      `Cannot make struct ${name}: its description may have ${LAYOUT_BYTES_MAX} bytes, ` +
        `and has ${text.length}`,
    );
  }
  return text;
}

function fieldTexts(struct: StructDescriptor): string[] {
  const texts: string[] = [];
  for (const field of struct.fields) {
    // Invariant 2.
    if (field.presence === 0) texts.push(`${PRESENCE_NAME} presence ${struct.presenceOffset}`);
    texts.push(`${field.name} ${fieldTypeText(field)} ${field.offset}`);
  }
  return texts;
}

/** The type of a field in the canonical text, such as `optional:3(u32)`. */
export function fieldTypeText({ type, presence }: FieldLayout): string {
  return presence < 0 ? typeText(type) : `optional:${presence}(${typeText(type)})`;
}

/** A type in the canonical text, such as `array[4](f64)`. */
export function typeText(type: TypeDescriptor): string {
  switch (type.kind) {
    case 'scalar':
      return type.scalar;
    case 'safe':
      return `safe:${type.scalar}`;
    case 'text':
    case 'bytes':
      return `${type.kind}[${type.length}]`;
    case 'enum':
    case 'flags':
      return `${type.kind}:${type.base}(${type.names.join(',')})`;
    case 'array':
      return `array[${type.length}](${typeText(type.element)})`;
    case 'slab':
      return `slab:${type.content}`;
    default:
      return `struct(${type.name}{${fieldTexts(type).join(';')}}${type.size}/${type.alignment})`;
  }
}
