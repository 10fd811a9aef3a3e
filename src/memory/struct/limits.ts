/** What a struct may be, and the names that its parts may have. */
import { misuse } from '../../base/index.ts';

/** Bytes of a struct at most. A message that is larger has its bulk in a slab field. */
export const STRUCT_BYTES_MAX = 65_536;
/** Fields of one struct at most, those of nested structs not counted. */
export const STRUCT_FIELDS_MAX = 256;
/** Bytes of a struct's canonical text at most: whoever reads it from a peer needs a bound. */
export const LAYOUT_BYTES_MAX = 65_536;
/** Structs inside structs at most: parsing recurses. */
export const STRUCT_DEPTH_MAX = 8;
/** Optional fields of one struct at most: their bits are in one word. */
export const OPTIONAL_FIELDS_MAX = 32;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const STRUCT_NAME_LENGTH_MAX = 128;

/** The hidden field with the presence bits. */
export const PRESENCE_NAME = '_present';

// Plain objects and cursors have these already, or the language gives them a meaning; `_pad…` is
// what generated declarations call explicit padding.
const RESERVED = new Set([
  PRESENCE_NAME,
  '__proto__',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'prototype',
  'toJSON',
  'toLocaleString',
  'toString',
  'valueOf',
]);

/** What is wrong with the name of a field or flag; undefined when nothing is. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string' || !IDENTIFIER.test(name)) {
    return 'names are 1 to 64 letters, digits and underscores, and begin with no digit';
  }
  if (RESERVED.has(name) || name.startsWith('_pad')) return 'the name is reserved';
  return undefined;
}

/** What is wrong with the name of an enumeration's choice. */
export function choiceProblem(name: unknown): string | undefined {
  if (typeof name === 'string' && IDENTIFIER.test(name)) return undefined;
  return 'names are 1 to 64 letters, digits and underscores, and begin with no digit';
}

/** What is wrong with the name of a struct. */
export function structNameProblem(name: unknown): string | undefined {
  if (
    typeof name === 'string' &&
    name.length <= STRUCT_NAME_LENGTH_MAX &&
    name.split('.').every((part) => IDENTIFIER.test(part))
  ) {
    return undefined;
  }
  return `names are identifiers joined by dots, up to ${STRUCT_NAME_LENGTH_MAX} characters`;
}

/** A schema that cannot be. */
export function schemaError(message: string): TypeError {
  return misuse('ERR_STRUCT_SCHEMA', message);
}

/** How a value is shown in messages: short, whatever it is. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    case 'bigint':
      // Writing out a bigint of a million digits takes seconds.
      return BigInt.asIntN(128, value) === value ? `${value}n` : 'a bigint of more than 128 bits';
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
    default:
      return `a ${typeof value}`;
  }
}
