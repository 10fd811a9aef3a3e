/**
 * The end of a gateway: its connections are told to go, a few at a time over `spreadMs` (clients that
 * all come back at once would bring the next server down), their answers awaited until the
 * deadline, and what is left then is reset and reported.
 */
import { State, type Connection } from '../sockets/connection.ts';
import type { Alarm } from './alarms.ts';
import type { Engine } from './engine.ts';

/** Steps of a spread are this long, if that gives no more than `STEPS_MAX`. */
const STEP_MS = 20;
const STEPS_MAX = 256;
/** Connections that a report names; more are only counted. */
const NAMED_MAX = 100;

const STATE_NAMES = ['http', 'open', 'closing', 'ending'] as const;

/** How a drain goes. */
export interface DrainOptions {
  readonly code: number;
  readonly reason: string;
  /** Milliseconds over which the goodbyes are spread, evenly. */
  readonly spreadMs: number;
  /** Milliseconds until what is left is reset. */
  readonly deadlineMs: number;
}

/** A connection that did not end in time. */
export interface RemainingConnection {
  readonly id: number;
  readonly remoteAddress: string;
  /** The path of its route; '' before a handshake. */
  readonly path: string;
  /** What was awaited: a request's end, the turn to be told, the peer's close frame, its end. */
  readonly state: (typeof STATE_NAMES)[number];
}

/** What became of the connections in a drain. */
export interface DrainReport {
  /** Ended in time. */
  readonly closed: number;
  /** Did not, and were reset. */
  readonly reset: number;
  /** Those that did not end by the deadline; at most 100 of them. */
  readonly remaining: readonly RemainingConnection[];
}

/** See the head of this file. */
export class Drain {
  readonly #engine: Engine;
  readonly #options: DrainOptions;
  readonly #remaining: RemainingConnection[] = [];
  readonly #all: number;
  #resets = 0;
  #finish: () => void = () => undefined;
  #deadline: Alarm | undefined;

  constructor(engine: Engine, options: DrainOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#all = engine.live;
  }

  run(): Promise<DrainReport> {
    return new Promise((resolve) => {
      this.#finish = () => {
        this.#finish = () => undefined;
        this.#engine.alarms.cancel(this.#deadline);
        const [closed, reset] = [this.#all - this.#resets, this.#resets];
        resolve({ closed, reset, remaining: this.#remaining });
      };
      const waiting = [...this.#engine.connections()];
      this.#deadline = this.#engine.alarms.after(this.#options.deadlineMs, () => this.#resetAll());
      this.#sayGoodbye(waiting);
      if (this.#engine.live === 0) this.#finish();
    });
  }

  /** A connection was reset while it was going on. */
  wasReset(): void {
    this.#resets += 1;
  }

  /** The last connection is gone. */
  allGone(): void {
    this.#finish();
  }

  #sayGoodbye(waiting: Connection[]): void {
    const { spreadMs } = this.#options;
    const steps = Math.min(STEPS_MAX, Math.max(1, Math.floor(spreadMs / STEP_MS)));
    const share = Math.ceil(waiting.length / steps);
    const { handshakes } = this.#engine.sockets;
    // What is in the middle of nothing has nothing to lose by going at once.
    for (const connection of waiting) {
      if (connection.state !== State.HTTP) continue;
      if (connection.exchange !== null) connection.exchange.drain();
      else if (!handshakes.expire(connection, 'The server is going away')) {
        this.#engine.finish(connection);
      }
    }
    const step = (): void => {
      for (const connection of waiting.splice(0, share)) this.#close(connection);
      this.#engine.written();
      if (waiting.length > 0) this.#engine.alarms.after(spreadMs / steps, step);
    };
    step();
  }

  #close(connection: Connection): void {
    if (connection.state !== State.OPEN) return;
    const { code, reason } = this.#options;
    this.#engine.sockets.startClose(connection, code, reason);
    this.#engine.waitWithoutDeadline(connection);
  }

  #resetAll(): void {
    for (const connection of this.#engine.connections()) {
      if (connection.state === State.RELEASED) continue;
      if (this.#remaining.length < NAMED_MAX) {
        this.#remaining.push({
          id: connection.id,
          remoteAddress: connection.remoteAddress,
          path: connection.route?.path ?? '',
          state: STATE_NAMES[connection.state]!,
        });
      }
      this.#engine.release(connection, 'reset');
    }
  }
}
