/** How values of a type are read and written at an offset of one memory. */
import { outOfRange, misuse, RondoError } from '../../base/index.ts';
import { show } from './limits.ts';
import type { SlabSide } from './slab-side.ts';

/**
 * Reads and writes values of one type. Bound to one memory by closures, so that the compiler of the
 * engine knows the typed arrays as constants: an access then costs what a typed array costs.
 */
export interface Codec {
  /** The value at a byte offset. @throws {RondoError} ERR_STRUCT_VALUE, ERR_STRUCT_SLAB */
  read(this: void, offset: number, slab: SlabSide | undefined): unknown;
  /**
   * Writes a value. When it throws, the bytes at the offset may be the old ones or part of the new.
   * @throws {TypeError | RangeError} ERR_STRUCT_TYPE, ERR_STRUCT_RANGE, ERR_STRUCT_KEY
   */
  write(this: void, offset: number, value: unknown, slab: SlabSide | undefined): void;
}

/** The wrong kind of value for a field. */
export function typeError(label: string, expected: string, value: unknown): TypeError {
  return misuse(
    'ERR_STRUCT_TYPE',
    `Cannot write ${label}: it must be ${expected}, got ${show(value)}`,
  );
}

/** The right kind of value, which does not fit. */
export function rangeError(label: string, expected: string, value: unknown): RangeError {
  return outOfRange(
    'ERR_STRUCT_RANGE',
    `Cannot write ${label}: it must be ${expected}, got ${show(value)}`,
  );
}

/** What is in memory is no value of the type. */
export function valueError(label: string, expected: string, value: unknown): RondoError {
  return new RondoError(
    'ERR_STRUCT_VALUE',
    `Cannot read ${label}: it must be ${expected}, got ${show(value)}`,
  );
}
