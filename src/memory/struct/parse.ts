/**
 * The canonical text read back: by peers that must compare layouts, and by tools that show messages
 * without the schema.
 *
 * The text may come from anybody. It is bounded, read once from left to right, and then laid out
 * anew by the rule of layout.ts: unless that gives the same text byte for byte, it is refused. No
 * field can therefore overlap another, be misaligned or lie outside the struct.
 */
import { RondoError } from '../../base/index.ts';
import {
  bytes,
  descriptorOf,
  flags,
  oneOf,
  safe,
  slab,
  text as textOf,
  i64,
  u64,
} from './field-types.ts';
import { LAYOUT_HEAD, type FieldDraft, layOut, layoutText, SCALAR_BYTES } from './layout.ts';
import {
  LAYOUT_BYTES_MAX,
  PRESENCE_NAME,
  show,
  STRUCT_BYTES_MAX,
  STRUCT_DEPTH_MAX,
} from './limits.ts';
import type {
  ChoiceBase,
  FieldType,
  ScalarName,
  StructDescriptor,
  TypeDescriptor,
} from './types.ts';

const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]{0,63}/y;
const STRUCT_NAME = /[A-Za-z0-9_.]{1,128}/y;
const NUMBER = /0|[1-9][0-9]{0,5}/y;
const WORD = /[a-z][a-z0-9]*/y;

/**
 * The struct that a canonical text describes.
 * @throws {RondoError} ERR_STRUCT_LAYOUT when it is not exactly what a struct of these fields has
 */
export function parseLayout(text: string): StructDescriptor {
  if (typeof text !== 'string' || text.length > LAYOUT_BYTES_MAX) {
    const got = typeof text === 'string' ? `${text.length} characters` : show(text);
    throw layoutError(`it must be text of at most ${LAYOUT_BYTES_MAX} bytes, got ${got}`);
  }
  let struct: StructDescriptor;
  let again: string;
  try {
    struct = new Reader(text).struct();
    again = layoutText(struct);
  } catch (error) {
    // The rules of declarations hold for descriptions too.
    if ((error as { code?: unknown }).code !== 'ERR_STRUCT_SCHEMA') throw error;
    throw layoutError((error as Error).message, error);
  }
  if (again !== text)
    throw layoutError(`it is not in canonical form: ${firstDifference(text, again)}`);
  return struct;
}

/** A text that describes no struct. */
function layoutError(why: string, cause?: unknown): RondoError {
  const message = `Cannot read the layout of a struct: ${why}`;
  return new RondoError('ERR_STRUCT_LAYOUT', message, cause === undefined ? {} : { cause });
}

function firstDifference(text: string, canonical: string): string {
  const here = text.split('\n');
  const there = canonical.split('\n');
  const line = here.findIndex((one, index) => one !== there[index]);
  if (line < 0) return 'it ends too early';
  return `line ${line + 1} is ${show(here[line])} and must be ${show(there[line] ?? '')}`;
}

/** A field with what the text says about its place. */
interface ReadField extends FieldDraft {
  readonly offset: number;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  struct(): StructDescriptor {
    this.#literal(`${LAYOUT_HEAD}\nname `);
    const name = this.#match(STRUCT_NAME, 'the name of the struct');
    this.#literal('\n');
    const fields: ReadField[] = [];
    while (this.#has('field ')) {
      const field = this.#field();
      if (field) fields.push(field);
      this.#literal('\n');
    }
    this.#literal('size ');
    const size = this.#number();
    this.#literal(' align ');
    const alignment = this.#number();
    this.#literal('\n');
    if (this.#at !== this.#text.length) throw this.#unexpected('the end');
    return laidOut(name, fields, size, alignment);
  }

  /** `name type offset`; undefined for the presence word, which follows from the others. */
  #field(): ReadField | undefined {
    const name = this.#match(IDENTIFIER, 'the name of a field');
    this.#literal(' ');
    if (name === PRESENCE_NAME) {
      this.#literal('presence ');
      this.#number();
      return undefined;
    }
    const isOptional = this.#has('optional:');
    if (isOptional) {
      this.#number();
      this.#literal('(');
    }
    const type = this.#type();
    if (isOptional) this.#literal(')');
    this.#literal(' ');
    return { name, type, isOptional, offset: this.#number() };
  }

  #type(): TypeDescriptor {
    const word = this.#match(WORD, 'a type');
    if (Object.hasOwn(SCALAR_BYTES, word)) {
      return Object.freeze({ kind: 'scalar', scalar: word as ScalarName });
    }
    switch (word) {
      case 'safe':
        this.#literal(':');
        return descriptorOf(safe(this.#has('i64') ? i64 : (this.#literal('u64'), u64)));
      case 'text':
        return descriptorOf(textOf(this.#length()));
      case 'bytes':
        return descriptorOf(bytes(this.#length()));
      case 'enum':
        return this.#choices(oneOf);
      case 'flags':
        return this.#choices(flags);
      case 'slab':
        this.#literal(':');
        return descriptorOf(this.#has('bytes') ? slab('bytes') : (this.#literal('text'), slab()));
      case 'array':
        return this.#array();
      case 'struct':
        return this.#nested();
      default:
        throw layoutError(`it has the type ${show(word)}, which does not exist`);
    }
  }

  #choices(make: (base: ChoiceBase, names: string[]) => FieldType<unknown>): TypeDescriptor {
    this.#literal(':');
    const base = this.#match(WORD, 'the base of an enumeration') as ChoiceBase;
    this.#literal('(');
    const names: string[] = [];
    do names.push(this.#match(IDENTIFIER, 'a name'));
    while (this.#has(','));
    this.#literal(')');
    return descriptorOf(make(base, names));
  }

  #array(): TypeDescriptor {
    const length = this.#length();
    this.#literal('(');
    // Before recursing, so that no text can exhaust the stack; structs count their own depth.
    for (const kind of ['array', 'slab']) {
      if (this.#has(kind)) throw layoutError(`it has an array of the type ${kind}`);
    }
    const element = this.#type();
    this.#literal(')');
    if (length < 1 || length > STRUCT_BYTES_MAX) {
      throw layoutError(`it has an array of ${length} elements`);
    }
    return Object.freeze({ kind: 'array', element, length });
  }

  #nested(): StructDescriptor {
    // Before recursing, as above.
    if (++this.#depth > STRUCT_DEPTH_MAX) {
      throw layoutError(`structs may be nested ${STRUCT_DEPTH_MAX} deep`);
    }
    this.#literal('(');
    const name = this.#match(STRUCT_NAME, 'the name of a struct');
    this.#literal('{');
    const fields: ReadField[] = [];
    do {
      const field = this.#field();
      if (field) fields.push(field);
    } while (this.#has(';'));
    this.#literal('}');
    const size = this.#number();
    this.#literal('/');
    const alignment = this.#number();
    this.#literal(')');
    this.#depth -= 1;
    return laidOut(name, fields, size, alignment);
  }

  #length(): number {
    this.#literal('[');
    const length = this.#number();
    this.#literal(']');
    return length;
  }

  #number(): number {
    return Number(this.#match(NUMBER, 'a number'));
  }

  #has(literal: string): boolean {
    if (!this.#text.startsWith(literal, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  #literal(literal: string): void {
    if (!this.#has(literal)) throw this.#unexpected(show(literal));
  }

  #match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found === undefined) throw this.#unexpected(what);
    this.#at += found.length;
    return found;
  }

  #unexpected(expected: string): RondoError {
    const got = show(this.#text.slice(this.#at, this.#at + 40));
    return layoutError(`at character ${this.#at} there must be ${expected}, got ${got}`);
  }
}

/** Lays fields out anew and holds the text to the result. */
function laidOut(
  name: string,
  fields: readonly ReadField[],
  size: number,
  alignment: number,
): StructDescriptor {
  const struct = layOut(name, fields);
  fields.forEach(({ name: field, offset }, index) => {
    const right = struct.fields[index]!.offset;
    if (offset === right) return;
    throw layoutError(`field ${field} of ${name} is at ${offset}, and must be at ${right}`);
  });
  if (size !== struct.size || alignment !== struct.alignment) {
    throw layoutError(
      `${name} has size ${size} and alignment ${alignment}, ` +
        `and must have ${struct.size} and ${struct.alignment}`,
    );
  }
  return struct;
}
