/**
 * Who may come in, and who does too much: the peer's address (or the one that trusted proxies
 * tell), the limits, and the origins of pages.
 */
import type { RequestHead } from '../../http/index.ts';
import type { Alarm } from '../engine/alarms.ts';
import type { Engine } from '../engine/engine.ts';
import { Pause } from '../engine/pause.ts';
import { NO_ADDRESS, REFUSED } from '../limits/address-table.ts';
import { Count } from '../metrics/counters.ts';
import { Refusal } from './handlers.ts';
import type { Connection } from './connection.ts';

/** Connections of which the end is on its way, beside those that there may be. */
const SPARE_INDICES = 1024;

/** See the head of this file. */
export class Admission {
  readonly #engine: Engine;
  /** The id of the address of a connection, by index; only while something is limited. */
  readonly #addressIds: number[] = [];
  /** What ends the pause of a connection that was too fast, by index. */
  readonly #waits: (Alarm | undefined)[] = [];
  /** The limiter is that of all engines: their connections are told apart by this. */
  readonly #base: number;

  constructor(engine: Engine) {
    this.#engine = engine;
    const { engines, options } = engine.context;
    this.#base = engines.length * (options.maxConnections + SPARE_INDICES);
  }

  /** Whether a connection may come in at all. */
  admit(connection: Connection): boolean {
    const { limiter, options } = this.#engine.context;
    if (!limiter.active) return true;
    limiter.begin(this.#base + connection.index);
    // Behind a proxy everybody has its address: who it is, the request will tell.
    const address = options.trustProxy === false ? this.#engine.peerOf(connection) : '';
    const id = limiter.enter(address);
    this.#addressIds[connection.index] = id;
    if (id !== REFUSED) return true;
    this.#engine.counts.add(Count.connectionsRefused, 1);
    return false;
  }

  /** The connection is over. */
  left(connection: Connection): void {
    const { limiter } = this.#engine.context;
    if (!limiter.active) return;
    this.#engine.alarms.cancel(this.#waits[connection.index]);
    this.#waits[connection.index] = undefined;
    limiter.leave(this.#addressIds[connection.index] ?? NO_ADDRESS);
    this.#addressIds[connection.index] = NO_ADDRESS;
  }

  /** A handshake: what it is refused with, or undefined. */
  handshake(connection: Connection, request: RequestHead): Refusal | undefined {
    const { limiter, origins, resolveAddress, options } = this.#engine.context;
    if (!origins(request.headers.get('origin'))) {
      return new Refusal(403, 'This origin is not allowed', {});
    }
    if (options.trustProxy !== false) {
      const peer = this.#engine.peerOf(connection);
      const address = resolveAddress(peer, request.headers);
      if (address !== peer) connection.rarely.address = address;
      if (limiter.active && this.#addressIds[connection.index] === NO_ADDRESS) {
        const id = limiter.enter(address);
        this.#addressIds[connection.index] = id;
        if (id === REFUSED) {
          return new Refusal(429, 'There are too many connections from this address', {});
        }
      }
    }
    if (!limiter.limitsHandshakes) return undefined;
    const wait = limiter.handshake(this.#idOf(connection), this.#engine.driver.now());
    if (wait === 0) return undefined;
    const seconds = String(Math.ceil(wait / 1000));
    return new Refusal(429, 'There are too many handshakes', { 'Retry-After': seconds });
  }

  /** A message of `length` bytes: false when it is too many of them and the connection is to end. */
  weigh(connection: Connection, length: number): boolean {
    const { limiter, options } = this.#engine.context;
    const now = this.#engine.driver.now();
    const index = this.#base + connection.index;
    const wait = limiter.message(index, this.#idOf(connection), length, now);
    if (wait === 0) return true;
    this.#engine.counts.add(Count.rateLimited, 1);
    if (options.overRate === 'close') return false;
    this.#engine.pause(connection, Pause.RATE);
    this.#engine.alarms.cancel(this.#waits[connection.index]);
    this.#waits[connection.index] = this.#engine.alarms.after(wait, () => {
      this.#waits[connection.index] = undefined;
      this.#engine.resume(connection, Pause.RATE);
    });
    return true;
  }

  #idOf(connection: Connection): number {
    const id = this.#addressIds[connection.index];
    return id === undefined || id === REFUSED ? NO_ADDRESS : id;
  }
}
