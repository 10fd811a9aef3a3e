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
  /** Handshakes that were answered with anything but 101. */
  upgradesRefused: 13,
  /** Messages to a client that were dropped because too much waited. */
  messagesDropped: 14,
  /** How often reading from a connection was stopped for a while, for whatever reason. */
  pauses: 15,
  publishes: 16,
  /** Messages that publishes became: those that were sent or queued. */
  deliveries: 17,
  /** Bytes of messages before compression, and after it. */
  bytesToDeflate: 18,
  bytesDeflated: 19,
  /** Bytes of messages as they came compressed, and decompressed. */
  bytesToInflate: 20,
  bytesInflated: 21,
  /** Connections that were reset as they came, by a limit. */
  connectionsRefused: 22,
  /** How often a connection was above a rate that limits it. */
  rateLimited: 23,
  /** How often reading was stopped because the shared memory or its buffers were nearly used up. */
  memoryPauses: 24,
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
  #doubles: Float64Array;
  #base: number;
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
    // What handlers do that outlive the gateway is counted in memory that nobody reads.
    this.#doubles = new Float64Array(Object.keys(Count).length);
    this.#base = 0;
  }
}
