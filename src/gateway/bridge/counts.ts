import { Counters, type Arena } from '../../memory/index.ts';
import type { Exposition } from '../metrics/exposition.ts';

/** What a bridge counts, and the place of each in the shared memory. */
export const BridgeCount = {
  /** Requests that were written for the engine. */
  requests: 0,
  /** Responses that were taken. */
  responses: 1,
  /** Times that a request found no room, whether it waited or was given back. */
  full: 2,
  /** Requests that were given back because no engine was there. */
  refused: 3,
  /** Responses whose client was asked for and is gone. */
  strays: 4,
  /** Handlers that threw or rejected. */
  failures: 5,
  /** Times that the engine went away. */
  downs: 6,
} as const;

/** The name of a bridge's counter. */
export type BridgeCounterName = keyof typeof BridgeCount;

/** Counters of a bridge: whole numbers since it was made. */
export type BridgeCounters = Readonly<Record<BridgeCounterName, number>>;

const NAMES = Object.keys(BridgeCount) as BridgeCounterName[];

const PREFIX = 'rondo_gateway_engine_';
const FAMILIES: Readonly<Record<BridgeCounterName, string>> = {
  requests: 'Requests that were written for the engine.',
  responses: 'Responses that were taken.',
  full: 'Times that a request found no room.',
  refused: 'Requests that were given back as no engine was there.',
  strays: 'Responses for clients that were gone.',
  failures: 'Handlers of the engine that threw or rejected.',
  downs: 'Times that the engine went away.',
};

/** The counters, with a plain add for the hot path. */
export class BridgeCounts {
  readonly #counters: Counters<BridgeCounterName>;
  #doubles: Float64Array;
  #base: number;
  #last: BridgeCounters | undefined;

  constructor(arena: Arena, owner: string) {
    this.#counters = Counters.create(arena, 'bridge counters', owner, NAMES);
    this.#doubles = this.#counters.doubles;
    this.#base = this.#counters.base;
  }

  /** `which` is one of `BridgeCount`. */
  add(which: number, amount: number = 1): void {
    this.#doubles[this.#base + which]! += amount;
  }

  snapshot(): BridgeCounters {
    return this.#last ?? this.#counters.snapshot();
  }

  /** Gives the memory back; the last values stay readable. */
  release(): void {
    if (this.#last !== undefined) return;
    this.#last = Object.freeze(this.#counters.snapshot());
    this.#counters.release();
    this.#doubles = new Float64Array(NAMES.length);
    this.#base = 0;
  }
}

/** What the metrics ask of a bridge. */
export interface Bridged {
  readonly name: string;
  readonly state: 'up' | 'down';
  counters(): BridgeCounters;
}

/** Tells of all bridges of a gateway, each with its name; nothing when there is none. */
export function describeBridges(out: Exposition, bridges: readonly Bridged[]): void {
  if (bridges.length === 0) return;
  const each = bridges.map(({ name, state }) => [name, state === 'up' ? 1 : 0] as const);
  out.gauges(`${PREFIX}up`, 'Whether the engine is there.', 'engine', each);
  const snapshots = bridges.map((bridge) => [bridge.name, bridge.counters()] as const);
  for (const name of NAMES) {
    const values = snapshots.map(([engine, counters]) => [engine, counters[name]] as const);
    out.counters(`${PREFIX}${name}_total`, FAMILIES[name], 'engine', values);
  }
}
