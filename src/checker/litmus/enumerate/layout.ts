/**
 * Which bytes of memory are one location. Accesses with the same first byte and size are; herd
 * takes the declared size for nothing, so do we. Where accesses of different sizes overlap, memory
 * is cut at every first and last byte of any of them, and an access is as many events as it has
 * pieces.
 *
 * Cuts are found while threads run. A new one makes everything found so far useless: `access` then
 * gives undefined, and the caller begins again with the same, finer layout.
 */

import { RondoError } from '../../../base/index.ts';
import type { LitmusTest, Value } from '../contract.ts';

/** A location, or a piece of one. */
export interface Location {
  readonly address: Value;
  readonly size: number;
  readonly initial: Value;
}

/** More locations than any test has; a loop that walks memory ends here. */
const MAX_LOCATIONS = 4096;

/** The low `size` bytes of a value, unsigned. */
function truncate(value: Value, size: number): Value {
  if (typeof value === 'number') {
    if (value >= 0 && (size >= 8 || value < 2 ** (8 * size))) return value;
  }
  return settle(BigInt.asUintN(size * 8, BigInt(value)));
}

function settle(value: bigint): Value {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Bytes `[offset, offset + size)` of a value. */
export function slice(value: Value, offset: number, size: number): Value {
  if (offset === 0) return truncate(value, size);
  return settle(BigInt.asUintN(size * 8, BigInt(value) >> BigInt(offset * 8)));
}

/** `value` with `piece` in bytes `[offset, …)`, where it has had 0. */
export function join(value: Value, piece: Value, offset: number): Value {
  if (offset === 0 && value === 0) return piece;
  return settle(BigInt(value) | (BigInt(piece) << BigInt(offset * 8)));
}

/** The locations of one test. */
export class Layout {
  readonly locations: Location[] = [];
  /** Whether an access may be more than one event. */
  mixed = false;
  readonly #test: LitmusTest;
  /** C has no sizes: a value is stored as it is. */
  readonly #sized: boolean;
  readonly #byAddress = new Map<Value, number>();
  /** The number of an access's pieces, by its size and then its first byte. */
  readonly #pieces = new Map<number, Map<Value, readonly number[]>>();
  /** All accesses, also those from before a cut. */
  readonly #seen: { readonly address: number; readonly end: number }[] = [];
  /** First bytes, and those behind the last, of accesses that overlap others. */
  readonly #cuts = new Set<number>();

  constructor(test: LitmusTest) {
    this.#test = test;
    this.#sized = test.architecture !== 'c11';
  }

  /** The pieces of an access; undefined: the layout became finer and the numbers given are void. */
  access(address: Value, size: number): readonly number[] | undefined {
    let sizes = this.#pieces.get(size);
    if (sizes === undefined) {
      sizes = new Map();
      this.#pieces.set(size, sizes);
    }
    let pieces = sizes.get(address);
    if (pieces !== undefined) return pieces;
    if (this.#sized && typeof address === 'number' && !this.#fits(address, size)) return undefined;
    pieces = this.#cut(address, size);
    sizes.set(address, pieces);
    return pieces;
  }

  #cut(address: Value, size: number): readonly number[] {
    const pieces: number[] = [];
    if (typeof address !== 'number' || !this.#sized) return [this.#locate(address, size)];
    let start = address;
    for (let at = address + 1; at < address + size; at++) {
      if (!this.#cuts.has(at)) continue;
      pieces.push(this.#locate(start, at - start));
      start = at;
    }
    pieces.push(this.#locate(start, address + size - start));
    return pieces;
  }

  #locate(address: Value, size: number): number {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const index = this.locations.length;
    if (index >= MAX_LOCATIONS) {
      throw new RondoError('ERR_LITMUS_SIZE', `${this.#test.name} accesses too many locations`);
    }
    this.locations.push({ address, size, initial: this.initial(address, size) });
    this.#byAddress.set(address, index);
    return index;
  }

  /**
   * Takes in a new access. What it overlaps, other than itself, makes cuts; false: a cut lies
   * inside a location that has been given out.
   */
  #fits(address: number, size: number): boolean {
    const end = address + size;
    let overlapping = false;
    for (const other of this.#seen) {
      if (other.address >= end || other.end <= address) continue;
      overlapping = true;
      this.#cuts.add(other.address).add(other.end);
    }
    if (!overlapping) {
      this.#seen.push({ address, end });
      return true;
    }
    if (!this.#seen.some((other) => other.address === address && other.end === end)) {
      this.#seen.push({ address, end });
    }
    this.mixed = true;
    this.#cuts.add(address).add(end);
    if (!this.locations.some((one) => this.#isCut(one))) return true;
    this.#forget();
    return false;
  }

  #isCut(one: Location): boolean {
    const first = one.address;
    // Beyond what an address can be, accesses are taken as they come.
    if (typeof first !== 'number') return false;
    for (let at = first + 1; at < first + one.size; at++) if (this.#cuts.has(at)) return true;
    return false;
  }

  #forget(): void {
    this.locations.length = 0;
    this.#byAddress.clear();
    this.#pieces.clear();
  }

  /** The initial value of some bytes; what is not given is 0. */
  initial(address: Value, size: number): Value {
    for (const one of this.#test.initial) {
      if (one.address !== address) continue;
      if (!this.#sized) return one.value;
      if (one.size >= size || one.value === 0) return truncate(one.value, size);
    }
    if (typeof address !== 'number' || !this.#sized) return 0;
    let value: Value = 0;
    for (const one of this.#test.initial) {
      const first = one.address as number;
      for (
        let at = Math.max(first, address);
        at < Math.min(first + one.size, address + size);
        at++
      ) {
        value = join(value, slice(one.value, at - first, 1), at - address);
      }
    }
    return value;
  }

  /** The location with this first byte; undefined: nothing has accessed it. */
  find(address: Value): number | undefined {
    return this.#byAddress.get(address);
  }

  /**
   * The locations that hold some bytes that a test looks at, by number; others were never accessed.
   */
  covering(address: Value, size: number): readonly number[] {
    const whole = this.#byAddress.get(address);
    if (typeof address !== 'number' || !this.#sized) return whole === undefined ? [] : [whole];
    const found: number[] = [];
    for (const [index, one] of this.locations.entries()) {
      const first = one.address;
      if (typeof first !== 'number') continue;
      if (first + one.size > address && first < address + size) found.push(index);
    }
    return found;
  }

  /** The value of some bytes; those that no part has are as they were at first. */
  compose(
    address: Value,
    size: number,
    parts: readonly { readonly address: Value; readonly size: number; readonly value: Value }[],
  ): Value {
    const [only] = parts;
    if (only === undefined) return this.initial(address, size);
    if (!this.#sized || (parts.length === 1 && only.address === address)) return only.value;
    const start = address as number;
    let value: Value = 0;
    for (let at = start; at < start + size; at++) {
      const part = parts.find((one) => {
        const first = one.address as number;
        return first <= at && at < first + one.size;
      });
      const byte =
        part === undefined
          ? this.initial(at, 1)
          : slice(part.value, at - (part.address as number), 1);
      value = join(value, byte, at - start);
    }
    return value;
  }
}
