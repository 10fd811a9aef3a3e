import { Counters, type Arena } from '../../memory/index.ts';

/** What a gateway counts, and the place of each in the shared memory. */
export const Count = {
  connectionsAccepted: 0,
  connectionsClosed: 1,
  webSocketsOpened: 2,
  requests: 3,
  requestsRefused: 4,
  messagesReceived: 5,
  messagesSent: 6,
  bytesReceived: 7,
  bytesSent: 8,
  protocolFailures: 9,
  handlerErrors: 10,
  sendQueueOverflows: 11,
  timeouts: 12,
} as const;

/** The name of a gateway's counter. */
export type GatewayCounterName = keyof typeof Count;

/**
 * Counters of a gateway: whole numbers since it was made. Messages and bytes are those of text and
 * binary messages, payload alone.
 */
export type GatewayCounters = Readonly<Record<GatewayCounterName, number>>;

/** The counters in shared memory, with a plain add for the hot path. */
export class GatewayCounts {
  readonly #counters: Counters<GatewayCounterName>;
  readonly #doubles: Float64Array;
  readonly #base: number;
  #last: GatewayCounters | undefined;

  constructor(arena: Arena, owner: string) {
    this.#counters = Counters.create(
      arena,
      'gateway counters',
      owner,
      Object.keys(Count) as GatewayCounterName[],
    );
    this.#doubles = this.#counters.doubles;
    this.#base = this.#counters.base;
  }

  /** What a gateway has counted that never listened. */
  static none(): GatewayCounters {
    return Object.fromEntries(Object.keys(Count).map((name) => [name, 0])) as GatewayCounters;
  }

  /** `which` is one of `Count`. */
  add(which: number, amount: number): void {
    this.#doubles[this.#base + which]! += amount;
  }

  snapshot(): GatewayCounters {
    return this.#last ?? this.#counters.snapshot();
  }

  /** Gives the memory back; the last values stay readable. */
  release(): void {
    if (this.#last !== undefined) return;
    this.#last = Object.freeze(this.#counters.snapshot());
    this.#counters.release();
  }
}
