/**
 * Small integers for the addresses that clients come from, so that what is counted for each is a
 * column and no message needs a lookup. An address is one of IPv4 or a /64 of IPv6, which is what
 * one customer of a network has at least.
 *
 *  1. There are at most `entries` addresses. One without connections is kept, so that what it owes
 *     outlives them, until its place is needed; the one that has been idle longest goes first.
 *  2. While every place has connections, further addresses share one entry, OVERFLOW: memory is
 *     bounded and their limits hold, for all of them together.
 *  3. Peers without an address (Unix sockets) are NO_ADDRESS, which has no limits.
 */
import { assert } from '../../base/index.ts';
import { isMapped, parsePeer } from './addresses.ts';

/** The entry of peers without an address. */
export const NO_ADDRESS = 0;
/** The entry that addresses share for which there is no place. */
export const OVERFLOW = 1;
/** What `enter` returns for an address that has as many connections as it may have. */
export const REFUSED = -1;

/** The places of a table, when nothing else is asked for. */
const ADDRESS_ENTRIES = 100_000;

const FIRST_ENTRY = 2;
const FIRST_COLUMNS = 64;
/** The list of idle entries hangs on this one, which is in no list itself. */
const IDLE = NO_ADDRESS;

/** How a table is made. */
export interface AddressTableOptions {
  /** Connections of one address at once; 0 is any number. */
  readonly connections: number;
  /** Addresses that are told apart. @default 100,000 */
  readonly entries?: number;
  /** An id is another address's from now on: what was counted for it is over. */
  readonly reused?: (id: number) => void;
}

/** See the head of this file. */
export class AddressTable {
  readonly #limit: number;
  readonly #end: number;
  readonly #reused: (id: number) => void;
  readonly #ids = new Map<string, number>();
  /** By id. */
  readonly #keys: string[] = [];
  #connections: Int32Array = new Int32Array(FIRST_COLUMNS);
  /** The list of idle entries, the longest idle first; 0 for what is not in it. */
  #next: Int32Array = new Int32Array(FIRST_COLUMNS);
  #previous: Int32Array = new Int32Array(FIRST_COLUMNS);
  #nextId = FIRST_ENTRY;

  constructor({ connections, entries = ADDRESS_ENTRIES, reused }: AddressTableOptions) {
    this.#limit = connections;
    this.#end = FIRST_ENTRY + entries;
    this.#reused = reused ?? (() => undefined);
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#ids.size;
  }

  /** Connections of an entry. */
  connectionsOf(id: number): number {
    return this.#connections[id] ?? 0;
  }

  /**
   * Counts a connection from `address` ('' for a peer without one); returns the entry's id, which
   * is good until `leave`, or REFUSED.
   */
  enter(address: string): number {
    const id = this.#find(address);
    if (id === NO_ADDRESS) return id;
    const connections = this.#connections[id]!;
    if (this.#limit !== 0 && connections >= this.#limit) return REFUSED;
    if (connections === 0 && id !== OVERFLOW) this.#unlink(id);
    this.#connections[id] = connections + 1;
    return id;
  }

  /** A connection that `enter` gave `id` is over. */
  leave(id: number): void {
    if (id === NO_ADDRESS) return;
    const connections = this.#connections[id]! - 1;
    assert(connections >= 0, 'an address has no fewer than zero connections');
    this.#connections[id] = connections;
    if (connections === 0 && id !== OVERFLOW) this.#append(id);
  }

  #find(address: string): number {
    if (address === '') return NO_ADDRESS;
    const key = keyOf(address);
    // What cannot be told apart is limited all the same.
    if (key === undefined) return OVERFLOW;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#place();
    if (id === OVERFLOW) return id;
    this.#ids.set(key, id);
    this.#keys[id] = key;
    return id;
  }

  /** A place for a new address: it is in the list of idle ones, having no connections yet. */
  #place(): number {
    if (this.#nextId < this.#end) {
      const id = this.#nextId++;
      if (id >= this.#next.length) this.#grow();
      this.#append(id);
      return id;
    }
    const id = this.#next[IDLE]!;
    if (id === IDLE) return OVERFLOW;
    this.#ids.delete(this.#keys[id]!);
    this.#reused(id);
    return id;
  }

  #append(id: number): void {
    const last = this.#previous[IDLE]!;
    this.#next[last] = id;
    this.#previous[id] = last;
    this.#next[id] = IDLE;
    this.#previous[IDLE] = id;
  }

  #unlink(id: number): void {
    const next = this.#next[id]!;
    const previous = this.#previous[id]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #grow(): void {
    this.#connections = doubled(this.#connections);
    this.#next = doubled(this.#next);
    this.#previous = doubled(this.#previous);
  }
}

function doubled(column: Int32Array): Int32Array {
  const larger = new Int32Array(2 * column.length);
  larger.set(column);
  return larger;
}

/** The same for all addresses that count as one; undefined for what is no address. */
function keyOf(address: string): string | undefined {
  const groups = parsePeer(address);
  if (groups === undefined) return undefined;
  // Few characters for each place: the four groups that tell apart.
  return isMapped(groups)
    ? String.fromCharCode(groups[6]!, groups[7]!)
    : String.fromCharCode(groups[0]!, groups[1]!, groups[2]!, groups[3]!);
}
