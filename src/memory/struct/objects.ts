/**
 * The codecs of structs, for plain objects.
 *
 * Properties whose names are known only at run time cost about 10 ns each, and the only way to name
 * them otherwise is to compile functions for each struct: five fields then cost 6 ns to write and 3
 * to read, not 52 and 72 (`docs/decisions/0016-struct-accessors.md`). Where programs may not
 * compile, loops do the same. Nothing but numbers and names of fields, which are identifiers,
 * becomes part of a program.
 */
import { assert } from '../../base/index.ts';
import { missingKey, rejectKeys } from './choices.ts';
import { typeError, type Codec } from './codec.ts';
import { nameProblem } from './limits.ts';
import { View } from './view.ts';
import type { Views } from './views.ts';

/** A field in a memory. */
export interface BoundField {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec;
  /** The bit of the presence word, 0 when it is always there. */
  readonly mask: number;
}

/** What the codec of a struct is made from. */
export interface Bound {
  readonly label: string;
  readonly fields: readonly BoundField[];
  /** Byte offset of the presence word, −1 when there is none. */
  readonly presenceOffset: number;
  readonly views: Views;
}

/** The codec of a struct. It is made at its first use: compiling takes 0.1 ms. */
export function structCodec(bound: Bound): Codec {
  let made: Codec | undefined;
  return {
    read: (offset, slab) =>
      (made ??= compiledCodec(bound) ?? loopingCodec(bound)).read(offset, slab),
    write: (offset, value, slab) => {
      (made ??= compiledCodec(bound) ?? loopingCodec(bound)).write(offset, value, slab);
    },
  };
}

/** What is wrong with an object, apart from the values of its fields. */
interface Complaints {
  readonly notAnObject: (value: unknown) => never;
  readonly missing: (name: string) => never;
  /** Throws unless all keys of the object's own are known. */
  readonly check: (value: object) => void;
}

function complaintsOf({ label, fields }: Bound): Complaints {
  const known = new Set(fields.map(({ name }) => name));
  return {
    notAnObject: (value) => {
      throw typeError(label, 'an object', value);
    },
    missing: (name) => {
      throw missingKey(label, name);
    },
    check: (value) => rejectKeys(value, known, label),
  };
}

/** As loops over the fields. */
export function loopingCodec(bound: Bound): Codec {
  const { fields, presenceOffset, views } = bound;
  const { u32 } = views;
  const { notAnObject, missing, check } = complaintsOf(bound);
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
      if (typeof value !== 'object' || value === null) notAnObject(value);
      let present = 0;
      let keys = 0;
      for (const { name, offset: at, codec, mask } of fields) {
        const one = (value as Record<string, unknown>)[name];
        if (one !== undefined) {
          codec.write(offset + at, one, slab);
          present |= mask;
          keys += 1;
        } else if (mask === 0) {
          missing(name);
        } else if (name in (value as object)) {
          keys += 1;
        }
      }
      if (presenceOffset >= 0) u32[(offset + presenceOffset) >>> 2] = present;
      if (value instanceof View) return;
      // Counting is four times as fast as looking each key up, which only finds out the name.
      for (const _key in value as object) keys -= 1;
      if (keys !== 0) check(value as object);
    },
  };
}

/** The same as `loopingCodec` does, compiled; undefined where that is not allowed. */
export function compiledCodec(bound: Bound): Codec | undefined {
  const { fields, views } = bound;
  for (const { name } of fields) assert(nameProblem(name) === undefined, 'names are identifiers');
  const reads = fields.map((_, index) => `r${index}`);
  const writes = fields.map((_, index) => `w${index}`);
  const names = ['u32', 'View', 'notAnObject', 'missing', 'check', ...reads, ...writes];
  let make: (...captured: unknown[]) => Codec;
  try {
    // The compiler of the engine is what is wanted here; see the head of this file.
    // oxlint-disable-next-line typescript/no-implied-eval
    make = new Function(...names, sourceOf(bound)) as typeof make;
  } catch (error) {
    // `--disallow-code-generation-from-strings`, and policies of pages.
    if ((error as Error).name === 'EvalError') return undefined;
    throw error;
  }
  const { notAnObject, missing, check } = complaintsOf(bound);
  return make(
    views.u32,
    View,
    notAnObject,
    missing,
    check,
    ...fields.map(({ codec }) => codec.read),
    ...fields.map(({ codec }) => codec.write),
  );
}

function sourceOf({ fields, presenceOffset }: Bound): string {
  const presence = `u32[(offset + ${presenceOffset}) >>> 2]`;
  const reading = fields.map(({ name, offset, mask }, i) => {
    const value = `r${i}(offset + ${offset}, slab)`;
    return `${name}: ${mask === 0 ? value : `present & ${mask} ? ${value} : undefined`},`;
  });
  const writing = fields.map(({ name, offset, mask }, i) => {
    const write = `w${i}(offset + ${offset}, one, slab);`;
    if (mask === 0)
      return `one = value.${name}; if (one === undefined) missing('${name}'); ${write}`;
    return `one = value.${name};
      if (one !== undefined) { ${write} present |= ${mask}; keys += 1; }
      else if ('${name}' in value) keys += 1;`;
  });
  const required = fields.filter(({ mask }) => mask === 0).length;
  return `'use strict';
    return {
      read: (offset, slab) => {
        ${presenceOffset < 0 ? '' : `const present = ${presence};`}
        return { ${reading.join('\n')} };
      },
      write: (offset, value, slab) => {
        if (typeof value !== 'object' || value === null) notAnObject(value);
        let one, present = 0, keys = ${required};
        ${writing.join('\n')}
        ${presenceOffset < 0 ? '' : `${presence} = present;`}
        if (value instanceof View) return;
        for (const key in value) keys -= 1;
        if (keys !== 0) check(value);
      },
    };`;
}
