/**
 * The simulated driver: a network, files and time of its own, in memory. It moves only by `turn()`
 * and depends on nothing but its options and the calls made, so a run is replayed by its seed.
 *
 * Everything happens in steps on the virtual clock (`schedule.ts`). A step that belongs to an
 * operation names it by its id: when the operation is over, the step does nothing.
 */
import { exchange, loadAcquire } from '#atomics';
import { Errno, SystemError } from '../../base/index.ts';
import type { Region } from '../../memory/index.ts';
import { checkAddress } from '../core/address.ts';
import { BaseDriver, HANDLE_DIRTY } from '../core/base-driver.ts';
import { LISTENERS_MAX } from '../core/driver-tables.ts';
import { Count } from '../core/counts.ts';
import { HandleKind } from '../core/handles.ts';
import { refuseTls, resolveListenOptions } from '../core/limits.ts';
import { Op, OpFlag } from '../core/operations.ts';
import type {
  CloseMode,
  Driver,
  Handle,
  ListenOptions,
  OpenFlags,
  SocketAddress,
  Waker,
} from '../driver.ts';
import { Faults } from './faults.ts';
import { FileSystem, type OpenFile, type SimulatedPaths } from './file-system.ts';
import { Endpoint, Listener, Network } from './network.ts';
import {
  resolveSimulation,
  SIMULATION_KEYS,
  type Simulation,
  type SimulationOptions,
} from './options.ts';
import { Schedule } from './schedule.ts';
import { Transfers } from './transfers.ts';

/** How long accepting rests after EMFILE or ENFILE, microseconds. */
const ACCEPT_REST = 20_000;
/** A connect to a full backlog tries again after 1 s, 2 s, 4 s… as TCP does with a lost SYN. */
const CONNECT_RETRY = 1_000_000;
const CONNECT_RETRIES = 5;
/** How late a delayed cancel is at most, microseconds. */
const CANCEL_DELAY = 5_000;

/** A driver in memory. `turn()` alone moves it: see the options for what it can be made to suffer. */
export interface SimulatedDriver extends Driver {
  readonly kind: 'simulated';
  /** The seed that replays this run. */
  readonly seed: number;
  /** Whether nothing will happen any more until a call is made. */
  readonly idle: boolean;
  /** The paths of its files, to be looked at and changed without an operation. */
  readonly paths: SimulatedPaths;
}

/**
 * Makes a simulated driver.
 * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
 */
export function simulate(options: SimulationOptions): SimulatedDriver {
  return new SimulatedDriverImplementation(options, resolveSimulation(options));
}

class SimulatedDriverImplementation extends BaseDriver implements SimulatedDriver {
  readonly kind = 'simulated';
  readonly seed: number;
  readonly #simulation: Simulation;
  readonly #schedule = new Schedule();
  readonly #faults: Faults;
  readonly #network = new Network();
  readonly #transfers: Transfers;
  readonly #fileSystem: FileSystem;
  readonly #listeners = new Map<number, Listener>();
  readonly #files = new Map<number, OpenFile>();
  /** What a connect, open or file operation is about to do, by its slot. */
  readonly #begun = new Map<number, () => void>();
  readonly #wakerRegion: Region;

  constructor(options: SimulationOptions, simulation: Simulation) {
    super('simulated', options, false, SIMULATION_KEYS);
    this.seed = simulation.seed;
    this.#simulation = simulation;
    this.#faults = new Faults(simulation);
    this.#transfers = new Transfers(this, this.#faults, this.#schedule, simulation.latency);
    this.#fileSystem = new FileSystem(simulation.fileBytes);
    this.#wakerRegion = this.arena.allocate('waker', 128, { owner: this.name });
  }

  get paths(): SimulatedPaths {
    return this.#fileSystem;
  }

  get idle(): boolean {
    const word = this.#wakerRegion.offset / 4;
    if (loadAcquire(this.arena.words, word) !== 0) return false;
    return this.#schedule.isEmpty && !this.hasFinished && this.dirtyCount === 0;
  }

  now(): number {
    return this.#schedule.now / 1000;
  }

  waker(): Waker {
    return { word: this.#wakerRegion.offset, descriptor: -1 };
  }

  ref(): void {}

  unref(): void {}

  // ---- turning

  protected requestTurn(): void {}

  protected runTurn(): void {
    const { counts, limits } = this;
    const start = counts.delivered;
    const end = start + limits.completionsPerTurn;
    this.#lookAtWaker();
    this.deliverFinished(end - counts.delivered);
    this.#flushDirty();
    const moved = this.#runDue(end) || counts.delivered > start;
    if (!moved && this.#schedule.advance()) this.#runDue(end);
    if (counts.delivered < end) this.deliverFinished(end - counts.delivered);
    counts.publish();
  }

  #runDue(end: number): boolean {
    let ran = false;
    while (this.counts.delivered < end && this.#schedule.runDue()) ran = true;
    return ran;
  }

  #flushDirty(): void {
    for (let i = 0; i < this.dirtyCount; i++) {
      const slot = this.dirty[i]!;
      this.handles.flags[slot]! &= ~HANDLE_DIRTY;
      if (this.handles.kind[slot] !== HandleKind.CONNECTION) continue;
      const endpoint = this.#transfers.at(slot);
      if (!endpoint.blocked) this.#transfers.scheduleSend(endpoint);
    }
    this.dirtyCount = 0;
  }

  /** Partner: the exchange in `wakeDriver`, whose caller's writes are visible to the handler. */
  #lookAtWaker(): void {
    if (exchange(this.arena.words, this.#wakerRegion.offset / 4, 0) === 1) this.woken();
  }

  protected startWakes(): void {}

  protected sleep(): void {}

  protected override async pause(): Promise<void> {
    // Off the stack first: `destroy` may have been called by the handler.
    await Promise.resolve();
    this.turn();
  }

  protected shutDown(): Promise<void> {
    this.#wakerRegion.release();
    return Promise.resolve();
  }

  /** Runs `step` after that time, 0 for a step's, if the operation has not ended by then. */
  #operationStep(op: number, microseconds: number, step: () => void): void {
    const id = this.operations.id(op);
    this.#transfers.later(step, microseconds, () => this.#isLive(op, id));
  }

  /** The one step of a connect, open or file operation; a racing cancel may run it early. */
  #begin(op: number, microseconds: number, step: () => void): void {
    const run = (): void => {
      this.#begun.delete(op);
      step();
    };
    this.#begun.set(op, run);
    this.#operationStep(op, microseconds, run);
  }

  #isLive(op: number, id: number): boolean {
    const { operations } = this;
    return operations.find(id) === op && (operations.flags[op]! & OpFlag.FINISHED) === 0;
  }

  // ---- listeners and connections

  listen(address: SocketAddress, options: ListenOptions = {}): Handle {
    this.assertOpen();
    checkAddress(address);
    const { backlog, reusePort, tls } = resolveListenOptions(options);
    if (tls) refuseTls(this.kind);
    const bound = this.#network.resolve(address, reusePort);
    const full = this.handles.count[HandleKind.LISTENER]! >= LISTENERS_MAX;
    if (full) throw new SystemError('listen', Errno.EMFILE);
    const slot = this.handles.allocate(HandleKind.LISTENER);
    const listener = new Listener(bound, slot, backlog, reusePort);
    this.#network.add(listener);
    this.#listeners.set(slot, listener);
    return this.handles.handle(slot);
  }

  address(listener: Handle): SocketAddress {
    const slot = this.handles.findOpen(listener, HandleKind.LISTENER);
    if (slot === -1) throw new SystemError('getsockname', Errno.EBADF);
    return this.#listeners.get(slot)!.address;
  }

  protected startAccept(slot: number): void {
    this.#scheduleAccept(this.#listeners.get(slot)!);
  }

  #scheduleAccept(listener: Listener): void {
    if (listener.scheduled) return;
    listener.scheduled = true;
    this.#transfers.later(() => {
      listener.scheduled = false;
      this.#acceptStep(listener);
    });
  }

  #acceptStep(listener: Listener): void {
    const op = this.#listeners.get(listener.slot) === listener ? this.#armed(listener.slot) : -1;
    if (op === -1 || listener.pending.length === 0) return;
    if (this.#isFull) {
      if (!listener.waiting) this.counts.add(Count.ACCEPT_BACKOFFS, 1);
      listener.waiting = true;
      return;
    }
    listener.waiting = false;
    if (this.#faults.happens('acceptFailures')) return this.#restAccepting(listener);
    const slot = this.handles.allocate(HandleKind.CONNECTION);
    this.#transfers.place(listener.pending.shift()!, slot);
    this.counts.add(Count.ACCEPTED, 1);
    this.#scheduleAccept(listener);
    this.progress(op, this.handles.handle(slot));
  }

  #restAccepting(listener: Listener): void {
    this.counts.add(Count.ACCEPT_BACKOFFS, 1);
    if (listener.scheduled) return;
    listener.scheduled = true;
    this.#schedule.after(ACCEPT_REST, () => {
      listener.scheduled = false;
      this.#acceptStep(listener);
    });
  }

  #armed(slot: number): number {
    return this.handles.multishot[slot]!;
  }

  get #isFull(): boolean {
    const { count } = this.handles;
    return count[HandleKind.CONNECTION]! + count[HandleKind.FILE]! >= this.limits.connections;
  }

  protected startConnect(op: number, address: SocketAddress): void {
    this.#begin(op, 0, () => this.#connectStep(op, address, 0));
  }

  #connectStep(op: number, address: SocketAddress, tries: number): void {
    const listener = this.#network.find(address);
    if (!listener) return this.complete(op, -Errno.ECONNREFUSED);
    if (this.#isFull) return this.complete(op, -Errno.EMFILE);
    if (listener.pending.length >= listener.backlog) {
      if (tries === CONNECT_RETRIES) return this.complete(op, -Errno.ETIMEDOUT);
      const again = (): void => this.#connectStep(op, address, tries + 1);
      return this.#begin(op, CONNECT_RETRY << tries, again);
    }
    const { socketBuffer } = this.#simulation;
    const near = new Endpoint(socketBuffer);
    const far = new Endpoint(socketBuffer);
    near.peer = far;
    far.peer = near;
    near.peerAddress = address;
    far.peerAddress = this.#network.clientOf(address);
    listener.pending.push(far);
    this.#scheduleAccept(listener);
    const slot = this.handles.allocate(HandleKind.CONNECTION);
    this.#transfers.place(near, slot);
    this.counts.add(Count.CONNECTED, 1);
    this.complete(op, this.handles.handle(slot));
  }

  protected startReceive(slot: number): void {
    this.#transfers.scheduleReceive(this.#transfers.at(slot));
  }

  protected bufferReturned(buffer: number): void {
    this.#transfers.bufferReturned(buffer);
  }

  // ---- timeouts and cancelling

  protected startTimeout(op: number, milliseconds: number): void {
    const microseconds = Math.max(1, Math.ceil(milliseconds * 1000));
    this.#operationStep(op, microseconds, () => this.complete(op, 0));
  }

  protected startCancel(op: number): void {
    const delay = this.#faults.happens('delayedCancels') ? this.#faults.upTo(CANCEL_DELAY) : 0;
    this.#operationStep(op, delay, () => this.#cancelStep(op));
  }

  #cancelStep(op: number): void {
    const id = this.operations.id(op);
    const slot = this.operations.handle[op]!;
    if (this.#faults.happens('cancelRaces')) {
      this.#completeAtOnce(op);
      if (!this.#isLive(op, id)) return;
    }
    if (this.operations.kind[op] === Op.RECEIVE) {
      this.#transfers.stopWaiting(this.#transfers.at(slot));
    }
    this.#begun.delete(op);
    this.complete(op, -Errno.ECANCELED);
  }

  /** The operation achieves what it can before its cancel takes effect. */
  #completeAtOnce(op: number): void {
    const slot = this.operations.handle[op]!;
    switch (this.operations.kind[op]) {
      case Op.RECEIVE:
        return this.#transfers.receiveNow(this.#transfers.at(slot));
      case Op.ACCEPT:
        return this.#acceptStep(this.#listeners.get(slot)!);
      case Op.TIMEOUT:
        return this.complete(op, 0);
      default:
        this.#begun.get(op)?.();
    }
  }

  // ---- files

  protected startOpen(op: number, path: string, flags: OpenFlags): void {
    const copy = { ...flags };
    this.#begin(op, 0, () => this.#openStep(op, path, copy));
  }

  #openStep(op: number, path: string, flags: OpenFlags): void {
    if (this.#isFull) return this.complete(op, -Errno.EMFILE);
    const file = this.#fileSystem.open(path, flags, this.now());
    if (typeof file === 'number') return this.complete(op, file);
    const slot = this.handles.allocate(HandleKind.FILE);
    this.#files.set(slot, file);
    this.complete(op, this.handles.handle(slot));
  }

  protected startFile(op: number, slot: number, kind: number, position: number): void {
    this.#begin(op, 0, () => {
      this.complete(op, this.#fileStep(op, this.#files.get(slot)!, kind, position));
    });
  }

  #fileStep(op: number, file: OpenFile, kind: number, position: number): number {
    const { bytes, doubles, unsigned } = this.arena;
    const offset = this.operations.offset[op]!;
    const length = this.operations.length[op]!;
    if (kind === Op.STAT) this.#fileSystem.statFile(file, doubles, unsigned, offset);
    if (kind === Op.READ) {
      const count = this.#faults.shorten(length, 'shortReads');
      return this.#fileSystem.read(file, bytes, offset, count, position);
    }
    if (kind === Op.WRITE) {
      const count = this.#faults.shorten(length, 'shortWrites');
      const data = bytes.subarray(offset, offset + count);
      return this.#fileSystem.write(file, data, position, this.now());
    }
    if (kind === Op.RESIZE) return this.#fileSystem.resize(file, position, this.now());
    return 0;
  }

  // ---- closing

  protected beginClose(slot: number, mode: CloseMode): void {
    this.sends.fail(slot, -Errno.ECANCELED);
    if (this.handles.kind[slot] === HandleKind.CONNECTION) {
      this.#transfers.at(slot).resetOnClose = mode === 'reset';
    }
    const op = this.#armed(slot);
    if (op !== -1) this.cancel(this.operations.id(op));
  }

  protected endClose(slot: number, op: number): void {
    this.#operationStep(op, 0, () => {
      this.#closeStep(slot);
      this.slotClosed(slot, op, true);
      for (const listener of this.#listeners.values()) {
        if (listener.waiting) this.#scheduleAccept(listener);
      }
    });
  }

  #closeStep(slot: number): void {
    switch (this.handles.kind[slot]) {
      case HandleKind.CONNECTION:
        return this.#transfers.close(this.#transfers.at(slot));
      case HandleKind.LISTENER:
        return this.#closeListener(this.#listeners.get(slot)!);
      default:
        this.#files.delete(slot);
    }
  }

  #closeListener(listener: Listener): void {
    this.#network.remove(listener);
    this.#listeners.delete(listener.slot);
    for (const endpoint of listener.pending) {
      endpoint.resetOnClose = true;
      this.#transfers.close(endpoint);
    }
  }
}
