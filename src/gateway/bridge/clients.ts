/**
 * Who a response is for: numbers for connections that an engine can give back.
 *
 * A number is a place in a table and a generation. Generations begin anywhere and grow with every
 * connection, so that a response that comes late, or from before this process was started, finds
 * nobody, not somebody else.
 */
import { systemRandom, type Random } from '../../base/index.ts';
import type { Connection } from '../sockets/connection.ts';

/** Places that a number can tell apart; more than a gateway has connections. */
const PLACES = 2 ** 20;
/** With the places, numbers stay below 2^52. */
const GENERATIONS = 2 ** 32;

/** See the head of this file. */
export class Clients {
  /** By place: the connection, and its number. */
  readonly #connections: (Connection | undefined)[] = [];
  readonly #ids: number[] = [];
  readonly #free: number[] = [];
  readonly #places = new Map<Connection, number>();
  #generation: number;

  constructor(random: Random = systemRandom) {
    this.#generation = random.below(GENERATIONS);
  }

  /** Connections that have a number. */
  get size(): number {
    return this.#places.size;
  }

  /** The number of a connection, given at the first call: 1 to 2^52 − 1. */
  idOf(connection: Connection): number {
    const place = this.#places.get(connection);
    return place === undefined ? this.#add(connection) : this.#ids[place]!;
  }

  /** The connection with this number, or undefined when it is gone. Takes whatever a peer says. */
  find(id: number): Connection | undefined {
    const place = id % PLACES;
    return this.#ids[place] === id ? this.#connections[place] : undefined;
  }

  /** The connection is over. */
  forget(connection: Connection): void {
    const place = this.#places.get(connection);
    if (place === undefined) return;
    this.#places.delete(connection);
    this.#connections[place] = undefined;
    this.#ids[place] = 0;
    this.#free.push(place);
  }

  #add(connection: Connection): number {
    const place = this.#free.pop() ?? this.#connections.length;
    this.#generation = (this.#generation + 1) % GENERATIONS;
    // 0 is nobody.
    if (this.#generation === 0) this.#generation = 1;
    const id = this.#generation * PLACES + place;
    this.#connections[place] = connection;
    this.#ids[place] = id;
    this.#places.set(connection, place);
    return id;
  }
}
