/**
 * What a module of schemas exports, as the generators see it.
 *
 * A struct comes as its canonical text and is read back from that: whoever wrote the module may
 * have another copy of Rondo, and what is generated then says what the text says, no more.
 */
import { RondoError } from '../../base/index.ts';
import {
  fingerprintOf,
  layoutText,
  parseLayout,
  type FieldLayout,
  type StructDescriptor,
  type TypeDescriptor,
} from '../../memory/index.ts';

/** What lies in a struct, in the order of memory, without a gap. */
export type Member =
  | { readonly kind: 'field'; readonly field: FieldLayout }
  | { readonly kind: 'presence'; readonly name: string; readonly offset: number }
  | {
      readonly kind: 'padding';
      readonly name: string;
      readonly offset: number;
      readonly size: number;
    };

/** A struct of the module, or one inside such a struct. */
export interface Struct {
  readonly descriptor: StructDescriptor;
  /** The canonical text. */
  readonly text: string;
  readonly fingerprint: bigint;
  readonly members: readonly Member[];
}

/** The bytes of the presence word. */
const PRESENCE_BYTES = 4;

/**
 * The structs that the exports of a module are, those inside them too, each after what it needs.
 * `what` is the module, for messages.
 * @throws {RondoError} ERR_MODULE_EXPORT when there is none, ERR_GEN_STRUCTS when two of one name
 * differ, ERR_STRUCT_LAYOUT when a text is of a version that is not known here
 */
export function structsOf(
  exports: Readonly<Record<string, unknown>>,
  what: string,
): readonly Struct[] {
  const found = new Map<string, Struct>();
  const values = Object.keys(exports)
    .sort()
    .map((name) => exports[name]);
  // A module of CommonJS has everything in its default export, and only some things beside it.
  const { default: others } = exports;
  if (typeof others === 'object' && others !== null && textOf(others) === undefined) {
    values.push(...Object.values(others));
  }
  for (const value of values) {
    const text = textOf(value);
    if (text !== undefined) add(found, parseLayout(text), what);
  }
  if (found.size > 0) return [...found.values()];
  throw new RondoError(
    'ERR_MODULE_EXPORT',
    `Cannot use ${what}: it exports no struct, such as ` +
      "export const Trade = struct('md.Trade', { price: f64 })",
  );
}

/** The canonical text of a `StructType`; undefined for everything else. */
function textOf(value: unknown): string | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return undefined;
  const { layout } = value as { readonly layout?: unknown };
  return typeof layout === 'string' && layout.startsWith('rondo-struct ') ? layout : undefined;
}

function add(found: Map<string, Struct>, descriptor: StructDescriptor, what: string): void {
  const text = layoutText(descriptor);
  const before = found.get(descriptor.name);
  if (before !== undefined) {
    if (before.text === text) return;
    throw new RondoError(
      'ERR_GEN_STRUCTS',
      `Cannot use ${what}: it has two structs ${descriptor.name} that differ`,
    );
  }
  for (const { type } of descriptor.fields) {
    const inner = innermost(type);
    if (inner.kind === 'struct') add(found, inner, what);
  }
  found.set(descriptor.name, {
    descriptor,
    text,
    fingerprint: fingerprintOf(text),
    members: membersOf(descriptor),
  });
}

/** The type of the elements of an array, and any other type itself. */
export function innermost(type: TypeDescriptor): Exclude<TypeDescriptor, { kind: 'array' }> {
  return type.kind === 'array' ? innermost(type.element) : type;
}

function membersOf({ fields, presenceOffset, size }: StructDescriptor): readonly Member[] {
  const members: Member[] = [];
  let end = 0;
  let pads = 0;
  const pad = (offset: number): void => {
    if (offset === end) return;
    members.push({ kind: 'padding', name: `_pad${pads++}`, offset: end, size: offset - end });
  };
  for (const field of fields) {
    if (field.presence === 0) {
      pad(presenceOffset);
      members.push({ kind: 'presence', name: '_present', offset: presenceOffset });
      end = presenceOffset + PRESENCE_BYTES;
    }
    pad(field.offset);
    members.push({ kind: 'field', field });
    end = field.offset + field.size;
  }
  pad(size);
  return members;
}

/**
 * What a member is called and where it is. `fields` are the names of fields in the language.
 */
export function placeOf(
  member: Member,
  fields: ReadonlyMap<string, string>,
): { readonly name: string; readonly offset: number } {
  if (member.kind !== 'field') return member;
  const { name, offset } = member.field;
  return { name: fields.get(name)!, offset };
}

/** The fingerprint as languages with C's numbers write it, such as `0x00ff00ff00ff00ff`. */
export function hexOf(fingerprint: bigint): string {
  return `0x${fingerprint.toString(16).padStart(16, '0')}`;
}
