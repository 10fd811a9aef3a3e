/**
 * Who has said nothing for long, and who has been here for long.
 *
 * A connection's idle time is counted in ticks of a sixteenth of the timeout: hearing something
 * stores the number of the tick and nothing else. A pass over all connections takes one tick, in
 * slices, so that the pings of a hundred thousand quiet connections do not leave in one burst.
 * Columns are by connection index. No timer runs while there is no connection.
 */
import type { Connection } from '../sockets/connection.ts';
import type { Alarm, Alarms } from './alarms.ts';
import { Pause } from './pause.ts';

/** Ticks of silence after which a ping goes out, and another. */
const PING_TICKS = [8, 12] as const;
/** Ticks of silence that are the timeout. */
const IDLE_TICKS = 16;
/** Connections looked at in one slice, if that gives no more than `SLICES_MAX` slices. */
const SLICE_SIZE = 256;
const SLICES_MAX = 64;
/** Timers are rounded up to milliseconds: of shorter slices a pass would take much longer. */
const SLICE_MS_MIN = 10;
const TICK_MS_MIN = 10;

/** What is to be done about a connection. */
export interface PulseActions {
  /** It has been silent for half the timeout, or three quarters. */
  quiet(connection: Connection): void;
  /** It has been silent for the whole timeout. */
  idle(connection: Connection): void;
  /** It has lived as long as it may. */
  old(connection: Connection): void;
}

/** See the head of this file. */
export class Pulse {
  readonly #connections: readonly (Connection | undefined)[];
  readonly #alarms: Alarms;
  readonly #actions: PulseActions;
  readonly #countsSilence: boolean;
  /** Ticks of a connection's whole life; 0 is no limit. */
  readonly #lifeTicks: number;
  readonly #tickMs: number;
  #heard: Int32Array = new Int32Array(64);
  #since: Int32Array = new Int32Array(64);
  #tick = 0;
  /** Connections that are looked at. */
  #count = 0;
  /** Where the next slice of the pass begins. */
  #next = 0;
  #alarm: Alarm | undefined;

  /** Both times in milliseconds; 0 is no limit. */
  constructor(
    connections: readonly (Connection | undefined)[],
    alarms: Alarms,
    times: { idleTimeoutMs: number; maxLifetimeMs: number },
    actions: PulseActions,
  ) {
    const { idleTimeoutMs, maxLifetimeMs } = times;
    this.#connections = connections;
    this.#alarms = alarms;
    this.#actions = actions;
    this.#countsSilence = idleTimeoutMs > 0;
    const shortest = Math.min(idleTimeoutMs || Infinity, maxLifetimeMs || Infinity);
    this.#tickMs = Math.max(TICK_MS_MIN, shortest / IDLE_TICKS);
    this.#lifeTicks =
      maxLifetimeMs === 0 ? 0 : Math.max(1, Math.ceil(maxLifetimeMs / this.#tickMs));
  }

  /** Begins to look at a connection. */
  start(index: number): void {
    if (this.#tickMs === Infinity) return;
    if (index >= this.#heard.length) this.#grow(index);
    this.#heard[index] = this.#tick;
    this.#since[index] = this.#tick;
    this.#count += 1;
    if (this.#count === 1) this.#beat();
  }

  /** Something was heard of it. */
  heard(index: number): void {
    this.#heard[index] = this.#tick;
  }

  /** Does not look at it any more. Only for what was started. */
  stop(): void {
    if (this.#tickMs === Infinity) return;
    this.#count -= 1;
    if (this.#count > 0) return;
    this.#alarms.cancel(this.#alarm);
    this.#alarm = undefined;
  }

  #beat(): void {
    const { length } = this.#connections;
    const most = Math.min(SLICES_MAX, this.#tickMs / SLICE_MS_MIN);
    const slices = Math.max(1, Math.floor(Math.min(Math.ceil(length / SLICE_SIZE), most)));
    this.#alarm = this.#alarms.after(this.#tickMs / slices, () => {
      this.#look(Math.ceil(length / slices));
      if (this.#count > 0) this.#beat();
      else this.#alarm = undefined;
    });
  }

  #look(size: number): void {
    const end = Math.min(this.#next + size, this.#connections.length);
    for (let index = this.#next; index < end; index++) {
      const connection = this.#connections[index];
      if (connection?.isOpen === true) this.#check(connection, index);
    }
    this.#next = end;
    if (end < this.#connections.length) return;
    this.#next = 0;
    this.#tick += 1;
  }

  #check(connection: Connection, index: number): void {
    // The columns wrap, after months; the difference does not.
    if (this.#lifeTicks > 0 && ((this.#tick - this.#since[index]!) | 0) >= this.#lifeTicks) {
      this.#actions.old(connection);
      return;
    }
    if (!this.#countsSilence) return;
    // What is not read cannot be heard. But who is not read because there is no memory, and takes
    // nothing of what waits for him, is one of those who hold it.
    const holds = connection.paused === Pause.MEMORY && connection.queued > 0;
    if (connection.paused !== 0 && !holds) this.#heard[index] = this.#tick;
    const silence = (this.#tick - this.#heard[index]!) | 0;
    if (silence >= IDLE_TICKS) this.#actions.idle(connection);
    else if (silence === PING_TICKS[0] || silence === PING_TICKS[1])
      this.#actions.quiet(connection);
  }

  #grow(index: number): void {
    const size = Math.max(index + 1, this.#heard.length * 2);
    const heard = new Int32Array(size);
    const since = new Int32Array(size);
    heard.set(this.#heard);
    since.set(this.#since);
    this.#heard = heard;
    this.#since = since;
  }
}
