/**
 * Memory into which the kernel writes the address of the peer that an accept brings: one place for
 * each accept in the kernel, the kernel's until its completion. A place is 32 bytes: the address
 * (28 at most; longer ones, of Unix sockets, are cut), then its length.
 */
import { assert } from '../../base/index.ts';
import type { Arena, Region } from '../../memory/index.ts';
import { SPARE_PLACES } from '../core/driver-tables.ts';

const PLACE_BYTES = 32;
/** struct sockaddr_in6 */
const ADDRESS_BYTES = 28;

export class AcceptPlaces {
  /** The listener that a place's accept is for. */
  readonly listener: Int32Array = new Int32Array(SPARE_PLACES).fill(-1);
  readonly #words: Int32Array;
  readonly #region: Region;
  readonly #free: Int32Array = new Int32Array(SPARE_PLACES);
  #freeCount = 0;

  static readonly bytes: number = SPARE_PLACES * PLACE_BYTES;

  constructor(arena: Arena, region: Region) {
    this.#words = arena.words;
    this.#region = region;
    for (let place = SPARE_PLACES - 1; place >= 0; place--) this.#free[this.#freeCount++] = place;
  }

  /** Places that are taken. */
  get used(): number {
    return SPARE_PLACES - this.#freeCount;
  }

  /** A place, ready to be written to. There must be one. */
  take(listener: number): number {
    assert(this.#freeCount > 0, 'an accept starts when there is a place for it');
    const place = this.#free[--this.#freeCount]!;
    this.listener[place] = listener;
    this.#words[this.length(place) >>> 2] = ADDRESS_BYTES;
    return place;
  }

  giveBack(place: number): void {
    assert(this.listener[place] !== -1, 'a place is given back once');
    this.listener[place] = -1;
    this.#free[this.#freeCount++] = place;
  }

  /** Arena offset of the address. */
  address(place: number): number {
    return this.#region.offset + place * PLACE_BYTES;
  }

  /** Arena offset of the address's length. */
  length(place: number): number {
    return this.address(place) + ADDRESS_BYTES;
  }
}
