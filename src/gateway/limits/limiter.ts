/**
 * What clients do, counted against what they may do: per connection, per address and in all.
 *
 *  1. Where no limit is set nothing is done: `active` and `limitsMessages` say so, and the caller
 *     asks them first. It also saves the clock.
 *  2. A handshake or message that is refused is counted nowhere, not for some of its limits only.
 *  3. A message that is delayed is counted everywhere at once: it has its place, and those that
 *     come later wait behind it.
 */
import { AddressTable, NO_ADDRESS, REFUSED } from './address-table.ts';
import type { OverRate, ResolvedLimits } from './options.ts';
import { Rate } from './rate.ts';

/** Whose index a rate is asked with. */
const Of = { CONNECTION: 0, ADDRESS: 1, TOTAL: 2 } as const;

/** All connections together are one. */
const TOTAL_INDEX = 0;

/** A rate of messages or of their bytes. */
interface Gauge {
  readonly rate: Rate;
  readonly of: number;
  readonly inBytes: boolean;
}

/** How a limiter is made. */
export interface LimiterOptions {
  readonly limits: ResolvedLimits;
  readonly overRate: OverRate;
  /** Addresses that are told apart. @default 100,000 */
  readonly addresses?: number;
}

/** See the head of this file. All times are of one clock, in milliseconds. */
export class Limiter {
  /** Whether anything is limited. */
  readonly active: boolean;
  /** Whether `message` has anything to do. */
  readonly limitsMessages: boolean;
  /** Whether `handshake` has anything to do. */
  readonly limitsHandshakes: boolean;
  /** Undefined while nothing is limited per address. */
  readonly #addresses: AddressTable | undefined;
  readonly #gauges: readonly Gauge[];
  readonly #handshakesOfAddress: Rate | undefined;
  readonly #handshakes: Rate | undefined;
  readonly #delays: boolean;

  constructor({ limits, overRate, addresses }: LimiterOptions) {
    const { connection, address, total } = limits;
    const gauges: (Gauge | undefined)[] = [
      gauge(Of.CONNECTION, connection.messagesPerSecond, false),
      gauge(Of.CONNECTION, connection.bytesPerSecond, true),
      gauge(Of.ADDRESS, address.messagesPerSecond, false),
      gauge(Of.ADDRESS, address.bytesPerSecond, true),
      gauge(Of.TOTAL, total.messagesPerSecond, false),
      gauge(Of.TOTAL, total.bytesPerSecond, true),
    ];
    this.#gauges = gauges.filter((each) => each !== undefined);
    this.#handshakesOfAddress = rateOf(address.handshakesPerSecond);
    this.#handshakes = rateOf(total.handshakesPerSecond);
    this.#delays = overRate === 'delay';
    const byAddress = Object.values(address).some((limit) => limit !== 0);
    if (byAddress) {
      this.#addresses = new AddressTable({
        connections: address.connections,
        ...(addresses === undefined ? {} : { entries: addresses }),
        reused: (id) => this.#clear(Of.ADDRESS, id),
      });
    }
    this.limitsMessages = this.#gauges.length > 0;
    this.limitsHandshakes =
      this.#handshakes !== undefined || this.#handshakesOfAddress !== undefined;
    this.active = byAddress || this.limitsMessages || this.limitsHandshakes;
  }

  /** Addresses that are remembered. */
  get addresses(): number {
    return this.#addresses?.size ?? 0;
  }

  /**
   * A connection from `address` ('' for a peer without one). Returns the id of the address, which
   * the other methods take, or -1 when it has as many connections as it may have. Each id is given
   * back with `leave`.
   */
  enter(address: string): number {
    return this.#addresses === undefined ? NO_ADDRESS : this.#addresses.enter(address);
  }

  /** The connection is over. */
  leave(addressId: number): void {
    if (addressId !== REFUSED) this.#addresses?.leave(addressId);
  }

  /** Index `connection` is a new connection's: what the last one owed is not its debt. */
  begin(connection: number): void {
    this.#clear(Of.CONNECTION, connection);
  }

  /** Milliseconds until a handshake would be allowed; 0 when it is, and is counted. */
  handshake(addressId: number, now: number): number {
    const ofAddress = addressId === NO_ADDRESS ? undefined : this.#handshakesOfAddress;
    const wait = ofAddress?.wait(addressId, 1, now) ?? 0;
    // Who is above his own rate takes nothing from the others.
    if (wait > 0) return wait;
    const others = this.#handshakes?.take(TOTAL_INDEX, 1, now) ?? 0;
    if (others === 0) ofAddress?.take(addressId, 1, now);
    return others;
  }

  /**
   * A message of `bytes` bytes. Returns 0 when it may pass. Above a rate it returns milliseconds:
   * where messages are delayed it is counted, and to pass that much later without asking again;
   * otherwise it is not counted.
   */
  message(connection: number, addressId: number, bytes: number, now: number): number {
    if (!this.#delays) {
      const wait = this.#wait(connection, addressId, bytes, now);
      if (wait > 0) return wait;
    }
    let longest = 0;
    for (const { rate, of, inBytes } of this.#gauges) {
      const index = indexOf(of, connection, addressId);
      if (index < 0) continue;
      const wait = rate.reserve(index, inBytes ? bytes : 1, now);
      if (wait > longest) longest = wait;
    }
    return longest;
  }

  #wait(connection: number, addressId: number, bytes: number, now: number): number {
    let longest = 0;
    for (const { rate, of, inBytes } of this.#gauges) {
      const index = indexOf(of, connection, addressId);
      if (index < 0) continue;
      const wait = rate.wait(index, inBytes ? bytes : 1, now);
      if (wait > longest) longest = wait;
    }
    return longest;
  }

  #clear(of: number, index: number): void {
    for (const gauge of this.#gauges) if (gauge.of === of) gauge.rate.clear(index);
    if (of === Of.ADDRESS) this.#handshakesOfAddress?.clear(index);
  }
}

/** The index that a rate is asked with; -1 where it does not apply. */
function indexOf(of: number, connection: number, addressId: number): number {
  if (of === Of.CONNECTION) return connection;
  if (of === Of.TOTAL) return TOTAL_INDEX;
  return addressId === NO_ADDRESS ? -1 : addressId;
}

function rateOf(perSecond: number): Rate | undefined {
  return perSecond === 0 ? undefined : new Rate(perSecond);
}

function gauge(of: number, perSecond: number, inBytes: boolean): Gauge | undefined {
  const rate = rateOf(perSecond);
  return rate === undefined ? undefined : { rate, of, inBytes };
}
