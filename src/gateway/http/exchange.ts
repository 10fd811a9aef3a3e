/** What a connection does between a request's head and the last byte of its response. */
import type { Engine } from '../engine/engine.ts';
import type { Connection } from '../sockets/connection.ts';

/**
 * A request that is being answered, as the engine sees it. While `connection.exchange` is one, no
 * further request is read.
 */
export interface Exchange {
  /** How often it wants to be told of the time. */
  readonly periodMs: number;
  /** Milliseconds, at the last tick, for which its peer has taken nothing of what it is sent. */
  readonly stalledMs: number;
  /** Bytes arrived behind the head, in the arena; returns how many were of its body. */
  receive(offset: number, length: number): number;
  /** What waits to be sent has become short. */
  drained(): void;
  /** The peer has ended its side. False when the connection is to be finished now. */
  inputEnded(): boolean;
  /** The gateway is closing: what would go on forever comes to an end. */
  drain(): void;
  /** Some time has passed; see to deadlines. */
  tick(now: number): void;
  /** The connection is over. */
  gone(): void;
}

/** Who keeps the exchanges of a gateway. */
export interface ExchangeKeeper {
  readonly engine: Engine;
  /** Whether connections are kept for further requests. */
  readonly isReady: boolean;
  /** The client's address: the peer's, or as the proxies tell it. */
  addressOf(connection: Connection, headers: ReadonlyMap<string, string>): string;
  /** It goes on after the call that began it, and is to be told of the time. */
  keep(exchange: Exchange): void;
  /** It is over. */
  drop(exchange: Exchange): void;
  /** A response with this status is on its way: counts it. */
  responded(status: number): void;
  /** A handler has failed. */
  handlerFailed(route: string, error: unknown): void;
  /**
   * Whether so many bytes more may wait in private memory, beside those of all other streams of
   * events; if so they count until the same number, negative, is given.
   */
  reserve(bytes: number): boolean;
}

/** A response is written on while no more than this waits to be sent. */
export const WATER_BYTES: number = 64 * 1024;

/** A response is written in pieces of this size while memory is scarce, one after the other. */
export const SCARCE_BYTES: number = 8 * 1024;

/**
 * Whether a response may be written on now. While memory is scarce nothing may wait: whoever does
 * not read has no more of it than that.
 */
export function isWritable(engine: Engine, connection: Connection): boolean {
  return connection.queued <= (engine.output.isPressed ? 0 : WATER_BYTES);
}

/**
 * Whether a peer gets on with what it is sent: some of it must leave within the time. Sends are
 * complete as wholes of up to 64 KiB, so that a minute asks for about 1 KiB in a second.
 */
export class Progress {
  readonly #timeoutMs: number;
  #sent = 0;
  #since = -1;
  #stalledMs = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** For how long it had not when it was looked at last. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /** False when it has not: `written` bytes in all, of which `queued` have not left. */
  isMade(now: number, written: number, queued: number): boolean {
    const sent = written - queued;
    if (queued === 0 || sent !== this.#sent || this.#since < 0) {
      this.#sent = sent;
      this.#since = now;
    }
    this.#stalledMs = now - this.#since;
    return this.#stalledMs < this.#timeoutMs;
  }
}

/** How often deadlines have to be looked at, so that none is missed by much. */
export function periodOf(...durationsMs: readonly number[]): number {
  const shortest = Math.min(...durationsMs.filter((duration) => duration > 0));
  return Math.min(1000, Math.max(5, shortest / 4));
}
