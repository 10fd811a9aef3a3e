/**
 * How bytes move between the ends of simulated connections. Every step takes virtual time; a step
 * is a trigger that looks at what is there when it runs, so reordered steps of one connection
 * cannot reorder its bytes.
 */
import { Errno } from '../../base/index.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { WaitList } from '../core/wait-list.ts';
import { VECTOR_MAX } from '../driver.ts';
import type { Faults } from './faults.ts';
import type { Endpoint } from './network.ts';
import type { Schedule } from './schedule.ts';

/** How many steps a pool claims to be empty, and the most that a reordered step is late by. */
const SLOW_FACTOR = 30;

export class Transfers {
  readonly #driver: BaseDriver;
  readonly #faults: Faults;
  readonly #schedule: Schedule;
  readonly #latency: number;
  /** By slot of the table of handles. */
  readonly #endpoints: (Endpoint | undefined)[] = [];
  readonly #vector = new Uint32Array(VECTOR_MAX * 2);
  readonly #waiting: WaitList;
  readonly #free: Int32Array;
  #freeCount: number;
  /** Free buffers that are promised to connections which waited. */
  #promised = 0;

  constructor(driver: BaseDriver, faults: Faults, schedule: Schedule, latency: number) {
    this.#driver = driver;
    this.#faults = faults;
    this.#schedule = schedule;
    this.#latency = latency;
    this.#waiting = new WaitList(driver.handles.capacity);
    this.#freeCount = driver.limits.buffers;
    this.#free = Int32Array.from({ length: this.#freeCount }, (_, i) => this.#freeCount - 1 - i);
  }

  /** Runs a step after that time, by default the time that a step takes. */
  later(run: () => void, microseconds: number = 0, isLive?: () => boolean): void {
    if (microseconds > 0) return this.#schedule.after(microseconds, run, isLive);
    const late = this.#faults.happens('reordering') ? this.#faults.upTo(SLOW_FACTOR) : 0;
    this.#schedule.after(this.#latency * (1 + late), run, isLive);
  }

  at(slot: number): Endpoint {
    return this.#endpoints[slot]!;
  }

  /** The endpoint gets a slot: from now on it is a connection of the driver. */
  place(endpoint: Endpoint, slot: number): void {
    endpoint.slot = slot;
    this.#endpoints[slot] = endpoint;
    this.#driver.peers.noteAddress(slot, endpoint.peerAddress);
  }

  // ---- sending

  scheduleSend(endpoint: Endpoint): void {
    if (endpoint.sendScheduled || endpoint.closed) return;
    endpoint.sendScheduled = true;
    this.later(() => {
      endpoint.sendScheduled = false;
      this.#sendStep(endpoint);
    });
  }

  #sendStep(endpoint: Endpoint): void {
    const { sends } = this.#driver;
    const { slot } = endpoint;
    if (slot === -1 || sends.isEmpty(slot)) return;
    if (endpoint.error !== 0) sends.fail(slot, -endpoint.error);
    else if (sends.shutdownIsNext(slot)) this.#shutDown(endpoint);
    else if (endpoint.finSent) sends.fail(slot, -Errno.EPIPE);
    else if (endpoint.peer!.closed) this.#sendIntoTheVoid(endpoint);
    else if (endpoint.peer!.incoming.room === 0) endpoint.blocked = true;
    else if (this.#faults.happens('resets')) this.breakBoth(endpoint);
    else this.#sendBytes(endpoint);
    if (endpoint.slot === slot && !endpoint.blocked && !sends.isEmpty(slot)) {
      this.scheduleSend(endpoint);
    }
  }

  #sendBytes(endpoint: Endpoint): void {
    const { arena, counts, sends } = this.#driver;
    const peer = endpoint.peer!;
    const entries = sends.gather(endpoint.slot, this.#vector, 0);
    let total = 0;
    for (let i = 0; i < entries; i++) total += this.#vector[i * 2 + 1]!;
    const fits = Math.min(total, peer.incoming.room);
    const count = this.#faults.shorten(fits, 'shortWrites');
    let left = count;
    for (let i = 0; left > 0; i++) {
      const offset = this.#vector[i * 2]!;
      const part = Math.min(left, this.#vector[i * 2 + 1]!);
      peer.incoming.push(arena.bytes.slice(offset, offset + part));
      left -= part;
    }
    this.later(() => {
      if (peer.error !== 0) return;
      peer.incoming.arrive(count);
      this.scheduleReceive(peer);
    });
    if (count < total) counts.add(Count.PARTIAL_SENDS, 1);
    sends.advance(endpoint.slot, count);
  }

  /** The other end is gone: the bytes are taken, and answered with RST. */
  #sendIntoTheVoid(endpoint: Endpoint): void {
    const { sends } = this.#driver;
    const entries = sends.gather(endpoint.slot, this.#vector, 0);
    let total = 0;
    for (let i = 0; i < entries; i++) total += this.#vector[i * 2 + 1]!;
    this.later(() => this.break(endpoint));
    sends.advance(endpoint.slot, total);
  }

  #shutDown(endpoint: Endpoint): void {
    if (!endpoint.finSent) this.#sendFin(endpoint, false);
    this.#driver.sends.shutdownDone(endpoint.slot, 0);
  }

  /** `broken`: RST follows the FIN. */
  #sendFin(endpoint: Endpoint, broken: boolean): void {
    const peer = endpoint.peer!;
    endpoint.finSent = true;
    this.later(() => {
      if (peer.error === 0) {
        // In order: when the end arrives, everything before it has.
        peer.incoming.arrive(peer.incoming.size);
        peer.incoming.ended = true;
        this.scheduleReceive(peer);
      }
      if (broken) this.break(peer);
    });
  }

  // ---- receiving

  scheduleReceive(endpoint: Endpoint): void {
    if (endpoint.receiveScheduled || endpoint.closed) return;
    endpoint.receiveScheduled = true;
    this.later(() => {
      endpoint.receiveScheduled = false;
      this.receiveNow(endpoint);
    });
  }

  /** Delivers what has arrived to the receive in force. */
  receiveNow(endpoint: Endpoint): void {
    const hadGrant = this.#takeGrant(endpoint);
    const { slot } = endpoint;
    const op = slot === -1 ? -1 : this.#driver.handles.multishot[slot]!;
    if (op !== -1) this.#receiveStep(endpoint, op, hadGrant);
    if (hadGrant) this.#grant();
  }

  #receiveStep(endpoint: Endpoint, op: number, hadGrant: boolean): void {
    const { slot, incoming } = endpoint;
    if (incoming.arrived === 0) {
      if (incoming.ended && incoming.size === 0) this.#driver.complete(op, 0);
      else if (endpoint.error !== 0) this.#driver.complete(op, -endpoint.error);
      return;
    }
    if (this.#waiting.has(slot)) return;
    if (!hadGrant && this.#mustWait()) {
      this.#driver.counts.add(Count.BUFFER_WAITS, 1);
      this.#waiting.push(slot);
      return;
    }
    this.#receiveBytes(endpoint, op);
    if (endpoint.slot === slot) this.scheduleReceive(endpoint);
  }

  #receiveBytes(endpoint: Endpoint, op: number): void {
    const { arena, pool } = this.#driver;
    const { incoming, peer } = endpoint;
    const buffer = this.#free[--this.#freeCount]!;
    const fits = Math.min(incoming.arrived, pool.bufferSize);
    const count = this.#faults.shorten(fits, 'shortReads');
    incoming.take(arena.bytes, pool.offset(buffer), count);
    if (peer!.blocked) {
      peer!.blocked = false;
      this.scheduleSend(peer!);
    }
    this.#driver.received(op, count, buffer);
  }

  // ---- buffers: whoever waited is promised one before anybody else may take it

  #mustWait(): boolean {
    if (this.#freeCount - this.#promised <= 0 || this.#waiting.size > 0) return true;
    if (!this.#faults.happens('emptyPool')) return false;
    this.#schedule.after(this.#latency * SLOW_FACTOR, () => this.#grant());
    return true;
  }

  bufferReturned(buffer: number): void {
    this.#free[this.#freeCount++] = buffer;
    this.#grant();
  }

  #grant(): void {
    while (this.#freeCount > this.#promised && this.#waiting.size > 0) {
      const endpoint = this.at(this.#waiting.shift());
      this.#promised += 1;
      endpoint.granted = true;
      this.scheduleReceive(endpoint);
    }
  }

  #takeGrant(endpoint: Endpoint): boolean {
    if (!endpoint.granted) return false;
    endpoint.granted = false;
    this.#promised -= 1;
    return true;
  }

  /** Its receive has ended: it wants no buffer any more. */
  stopWaiting(endpoint: Endpoint): void {
    this.#waiting.remove(endpoint.slot);
    if (this.#takeGrant(endpoint)) this.#grant();
  }

  // ---- ending

  /** The connection is reset under this end. */
  break(endpoint: Endpoint): void {
    if (endpoint.error !== 0 || endpoint.closed) return;
    // As Linux has it: EPIPE when the other side had ended its stream before.
    endpoint.error = endpoint.incoming.ended ? Errno.EPIPE : Errno.ECONNRESET;
    endpoint.blocked = false;
    if (endpoint.slot === -1) return;
    this.#driver.sends.fail(endpoint.slot, -endpoint.error);
    this.scheduleReceive(endpoint);
  }

  /** The network loses the connection: both ends fail. */
  breakBoth(endpoint: Endpoint): void {
    this.break(endpoint);
    const peer = endpoint.peer!;
    this.later(() => this.break(peer));
  }

  /** This end is gone. Its peer gets what was sent and FIN, or RST. */
  close(endpoint: Endpoint): void {
    const peer = endpoint.peer!;
    const unread = endpoint.incoming.size > 0;
    if (endpoint.slot !== -1) {
      this.stopWaiting(endpoint);
      this.#endpoints[endpoint.slot] = undefined;
      endpoint.slot = -1;
    }
    endpoint.closed = true;
    endpoint.incoming.drop();
    if (endpoint.error !== 0 || peer.closed) return;
    if (endpoint.resetOnClose) this.later(() => this.break(peer));
    else if (!endpoint.finSent) this.#sendFin(endpoint, unread);
    else if (unread) this.later(() => this.break(peer));
  }
}
