/**
 * Structs as a stranger reads them from spec/ring.md, §3: a canonical text and a plain value give
 * bytes, with a parser of four rules and a Buffer. Nothing of the library is used.
 */
import { createHash } from 'node:crypto';

/** A plain value as README.md of the vectors has it. */
export type Plain =
  number | string | boolean | readonly Plain[] | { readonly [name: string]: Plain };

/** What a type in a canonical text says. */
interface Type {
  readonly kind: string;
  readonly length: number;
  readonly names: readonly string[];
  readonly fields: readonly Field[];
  readonly element: Type | undefined;
  readonly size: number;
}

/** A field of a canonical text. */
export interface Field {
  readonly name: string;
  readonly type: Type;
  readonly offset: number;
  /** Bit of the presence word, or -1. */
  readonly bit: number;
}

const SIZES: Readonly<Record<string, number>> = {
  ...{ u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8, bool: 1 },
  ...{ 'safe:u64': 8, 'safe:i64': 8, 'slab:text': 8, 'slab:bytes': 8, presence: 4 },
};

/** Reads one type from the front of a text. */
class Reader {
  #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#text === '';
  }

  take(pattern: RegExp): string {
    const found = new RegExp(`^(?:${pattern.source})`).exec(this.#text)?.[0];
    if (found === undefined) throw new Error(`Cannot read ${this.#text}: no ${pattern.source}`);
    this.#text = this.#text.slice(found.length);
    return found;
  }

  #is(word: string): boolean {
    if (!this.#text.startsWith(word)) return false;
    this.#text = this.#text.slice(word.length);
    return true;
  }

  type(): { type: Type; bit: number } {
    let bit = -1;
    if (this.#is('optional:')) {
      bit = Number(this.take(/\d+/));
      this.take(/\(/);
      const { type } = this.type();
      this.take(/\)/);
      return { type, bit };
    }
    return { type: this.#plain(), bit };
  }

  #plain(): Type {
    const none = { length: 0, names: [], fields: [], element: undefined };
    if (this.#is('array[')) {
      const length = Number(this.take(/\d+/));
      this.take(/\]\(/);
      const element = this.#plain();
      this.take(/\)/);
      return { ...none, kind: 'array', length, element, size: length * element.size };
    }
    if (this.#is('struct(')) return this.#struct();
    for (const kind of ['text', 'bytes']) {
      if (!this.#is(`${kind}[`)) continue;
      const length = Number(this.take(/\d+/));
      this.take(/\]/);
      return { ...none, kind, length, size: length };
    }
    const word = this.take(/[a-z]+(?::[a-z]*\d*)?\d*/);
    const [kind, base] = word.split(':');
    if (kind !== 'enum' && kind !== 'flags') {
      return { ...none, kind: word, size: SIZES[word]! };
    }
    const names = this.take(/\([^)]*\)/)
      .slice(1, -1)
      .split(',');
    return { ...none, kind, names, size: SIZES[base!]! };
  }

  #struct(): Type {
    this.take(/[^{]+\{/);
    const fields: Field[] = [];
    do {
      const name = this.take(/\S+ /).trim();
      const { type, bit } = this.type();
      fields.push({ name, type, bit, offset: Number(this.take(/ \d+/)) });
    } while (this.#is(';'));
    this.take(/\}/);
    const size = Number(this.take(/\d+/));
    this.take(/\/\d+\)/);
    return { kind: 'struct', length: 0, names: [], fields, element: undefined, size };
  }
}

/** A canonical text. */
export interface Layout {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly size: number;
}

/** Reads a canonical text. */
export function parseText(text: string): Layout {
  const fields: Field[] = [];
  let name = '';
  let size = 0;
  for (const line of text.split('\n')) {
    const [word, first, type, offset] = line.split(/ (?=\S)/);
    if (word === 'name') name = first!;
    if (word === 'size') size = Number(first);
    if (word !== 'field') continue;
    // Types of nested structs have blanks inside.
    const rest = offset === undefined ? '' : line.slice(`field ${first} `.length);
    const at = rest.lastIndexOf(' ');
    const reader = new Reader(at < 0 ? type! : rest.slice(0, at));
    fields.push({ name: first!, ...reader.type(), offset: Number(rest.slice(at + 1)) });
  }
  return { name, fields, size };
}

/** The fingerprint, as the 16 hexadecimal digits of the number. */
export function fingerprintText(text: string): string {
  const hash = createHash('sha256').update(text, 'latin1').digest();
  return hash.readBigUInt64LE(0).toString(16).padStart(16, '0');
}

/** Where the pieces of a message go: from position 0 on, each at a multiple of 8. */
export class Pieces {
  bytes: Buffer = Buffer.alloc(0);

  add(piece: Buffer): number {
    const padding = (8 - (this.bytes.length % 8)) % 8;
    const position = this.bytes.length + padding;
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(padding), piece]);
    return position;
  }
}

/** The slot of a plain value. */
export function encode(layout: Layout, value: Plain, pieces: Pieces): Buffer {
  const slot = Buffer.alloc(layout.size);
  writeFields(slot, 0, layout.fields, value as Record<string, Plain>, pieces);
  return slot;
}

function writeFields(
  slot: Buffer,
  base: number,
  fields: readonly Field[],
  value: Readonly<Record<string, Plain>>,
  pieces: Pieces,
): void {
  const presence = fields.find(({ type }) => type.kind === 'presence');
  for (const { name, type, offset, bit } of fields) {
    const given = value[name];
    if (given === undefined) continue;
    if (bit >= 0) {
      const at = base + presence!.offset;
      slot.writeUInt32LE((slot.readUInt32LE(at) | (1 << bit)) >>> 0, at);
    }
    write(slot, base + offset, type, given, pieces);
  }
}

function write(slot: Buffer, at: number, type: Type, value: Plain, pieces: Pieces): void {
  const { kind } = type;
  if (kind === 'array') {
    const element = type.element!;
    for (const [index, each] of (value as Plain[]).entries()) {
      write(slot, at + index * element.size, element, each, pieces);
    }
  } else if (kind === 'struct') {
    writeFields(slot, at, type.fields, value as Record<string, Plain>, pieces);
  } else if (kind === 'text') slot.write(value as string, at, 'utf8');
  else if (kind === 'bytes') slot.write(value as string, at, 'hex');
  else if (kind.startsWith('slab:')) {
    const piece = Buffer.from(value as string, kind === 'slab:text' ? 'utf8' : 'hex');
    slot.writeUInt32LE(pieces.add(piece), at);
    slot.writeUInt32LE(piece.length, at + 4);
  } else if (kind === 'f32') slot.writeFloatLE(Number(value), at);
  else if (kind === 'f64') slot.writeDoubleLE(Number(value), at);
  else if (kind === 'enum') {
    slot.writeUIntLE(type.names.indexOf(value as string), at, type.size);
  } else if (kind === 'flags') {
    const bits = (value as string[]).map((name) => 2 ** type.names.indexOf(name));
    slot.writeUIntLE(
      bits.reduce((sum, each) => sum + each, 0),
      at,
      type.size,
    );
  } else writeInteger(slot, at, type.size, BigInt(value as number | string | boolean));
}

function writeInteger(slot: Buffer, at: number, size: number, value: bigint): void {
  const bits = BigInt.asUintN(8 * size, value);
  for (let index = 0; index < size; index++)
    slot[at + index] = Number((bits >> BigInt(8 * index)) & 255n);
}
