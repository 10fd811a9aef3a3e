/** The counters of a driver, in shared memory: its thread writes plain stores, anyone reads. */
import { Counters, type Arena } from '../../memory/index.ts';
import type { DriverCounters } from '../driver.ts';

/** Positions of the counters. */
export const Count = {
  SUBMITTED: 0,
  COMPLETED: 1,
  SYSTEM_CALLS: 2,
  TURNS: 3,
  ACCEPTED: 4,
  CONNECTED: 5,
  CLOSED: 6,
  BYTES_RECEIVED: 7,
  BYTES_SENT: 8,
  PARTIAL_SENDS: 9,
  BUFFER_WAITS: 10,
  ACCEPT_BACKOFFS: 11,
  OVERFLOWS: 12,
  HANDSHAKE_FAILURES: 13,
} as const;

/** In the order of `Count`. */
const NAMES = [
  'submitted',
  'completed',
  'systemCalls',
  'turns',
  'accepted',
  'connected',
  'closed',
  'bytesReceived',
  'bytesSent',
  'partialSends',
  'bufferWaits',
  'acceptBackoffs',
  'overflows',
  'handshakeFailures',
] as const satisfies readonly (keyof DriverCounters)[];

export class DriverCounts {
  /** Calls of the handler; private, because every completion adds to it. Published each turn. */
  delivered = 0;
  readonly #counters: Counters;
  #doubles: Float64Array;
  #base: number;

  constructor(arena: Arena, owner: string) {
    this.#counters = Counters.create(arena, 'driver counters', owner, NAMES);
    this.#doubles = this.#counters.doubles;
    this.#base = this.#counters.base;
  }

  add(counter: number, by: number): void {
    this.#doubles[this.#base + counter]! += by;
  }

  /** Makes `delivered` visible to observers. */
  publish(): void {
    this.#doubles[this.#base + Count.COMPLETED] = this.delivered;
  }

  snapshot(): DriverCounters {
    this.publish();
    const snapshot: Record<string, number> = {};
    NAMES.forEach((name, index) => {
      snapshot[name] = this.#doubles[this.#base + index]!;
    });
    return snapshot as unknown as DriverCounters;
  }

  /** Gives the shared memory back; the last values stay readable here. */
  release(): void {
    this.publish();
    this.#doubles = this.#doubles.slice(this.#base, this.#base + NAMES.length);
    this.#base = 0;
    this.#counters.release();
  }
}
