/**
 * What the drivers on Node's event loop share (portable and epoll): timers and files, the limit of
 * connections, the free receive buffers, and how long the loop is kept alive.
 *
 * The loop is held while operations are in flight and the driver is ref'd. Every way to bring an
 * operation into flight passes a hook here or `requestTurn`, and every way out ends in a turn, so
 * `#hold` is asked at those places alone.
 */
import { assert, Errno, systemClock } from '../../base/index.ts';
import type { DriverKind, DriverOptions, OpenFlags } from '../driver.ts';
import { BaseDriver } from './base-driver.ts';
import { Count } from './counts.ts';
import { NodeFiles } from './node-files.ts';
import { NodeTimers } from './node-timers.ts';
import { Op, OpFlag } from './operations.ts';
import { WaitList } from './wait-list.ts';

export abstract class LoopDriver extends BaseDriver {
  /** Connections with something to receive: each gets one buffer, then stands behind the others. */
  readonly ready: WaitList;
  readonly timers: NodeTimers;
  readonly files: NodeFiles;
  /** Last in, first out: the few buffers that are used stay in the cache. */
  readonly #free: Int32Array;
  #freeCount = 0;
  /** Of those in `ready`, how many are known to wait for a buffer. */
  #waiting = 0;
  #referenced = true;
  #held = false;

  constructor(kind: DriverKind, options: DriverOptions) {
    super(kind, options, false);
    this.ready = new WaitList(this.handles.capacity);
    this.timers = new NodeTimers(this.operations.capacity, systemClock, (op) =>
      this.finishLater(op, 0),
    );
    this.files = new NodeFiles(this);
    this.#free = new Int32Array(this.pool.count);
    for (let buffer = this.pool.count - 1; buffer >= 0; buffer--) this.giveBuffer(buffer);
  }

  // ---- receive buffers

  get freeBuffers(): number {
    return this.#freeCount;
  }

  takeBuffer(): number {
    assert(this.#freeCount > 0, 'a buffer is taken when one is free');
    return this.#free[--this.#freeCount]!;
  }

  /** Back to the driver, not having been lent. */
  giveBuffer(buffer: number): void {
    this.#free[this.#freeCount++] = buffer;
  }

  protected bufferReturned(buffer: number): void {
    this.giveBuffer(buffer);
    if (this.ready.size > 0 && !this.turning) this.requestTurn();
  }

  /** Counts those that the empty pool makes wait, each once; ask when the ready were served. */
  noteWaits(): void {
    const waiting = this.#freeCount === 0 ? this.ready.size : 0;
    if (waiting > this.#waiting) this.counts.add(Count.BUFFER_WAITS, waiting - this.#waiting);
    this.#waiting = waiting;
  }

  // ---- operations that Node does

  protected startTimeout(op: number, milliseconds: number): void {
    this.#updateHold();
    this.timers.start(op, milliseconds);
  }

  protected startOpen(op: number, path: string, flags: OpenFlags): void {
    this.#updateHold();
    this.files.open(op, path, flags);
  }

  protected startFile(op: number, slot: number, kind: number, position: number): void {
    this.#updateHold();
    this.files.start(op, slot, kind, position);
  }

  protected startCancel(op: number): void {
    const kind = this.operations.kind[op]!;
    if (kind === Op.TIMEOUT) {
      this.timers.cancel(op);
      this.finishLater(op, -Errno.ECANCELED);
    } else if (kind === Op.CONNECT) {
      this.cancelConnect(op);
    } else if (kind === Op.RECEIVE) {
      this.cancelReceive(this.operations.handle[op]!, op);
    } else if (kind === Op.ACCEPT) {
      this.finishLater(op, -Errno.ECANCELED);
    }
    // Files: the thread pool finishes what it was given; `NodeFiles` sees the mark on an open.
  }

  /** Ends the receive or accept of a slot that closes, unless it has ended. */
  endMultishot(slot: number): void {
    const op = this.handles.multishot[slot]!;
    if (op === -1 || (this.operations.flags[op]! & OpFlag.FINISHED) !== 0) return;
    if (this.operations.kind[op] === Op.RECEIVE) this.cancelReceive(slot, op);
    else this.finishLater(op, -Errno.ECANCELED);
  }

  protected abstract cancelConnect(op: number): void;
  protected abstract cancelReceive(slot: number, op: number): void;

  // ---- turns and the life of the loop

  protected requestTurn(): void {
    this.#updateHold();
    this.scheduleTurn();
  }

  protected runTurn(): void {
    this.timers.expire();
    this.work();
    this.counts.publish();
    this.#updateHold();
  }

  /** Makes sure that a turn comes soon. Cheap when it was asked for already. */
  protected abstract scheduleTurn(): void;
  /** One turn: at most `limits.completionsPerTurn` completions, and another turn for what is left. */
  protected abstract work(): void;
  /** Whether the event loop stays alive for this driver. */
  protected abstract holdLoop(alive: boolean): void;

  /** An operation came into flight by a way that asks for no turn. */
  protected operationStarted(): void {
    this.#updateHold();
  }

  #updateHold(): void {
    const hold = this.#referenced && this.operations.used > 0;
    if (hold === this.#held) return;
    this.#held = hold;
    this.holdLoop(hold);
  }

  ref(): void {
    this.#referenced = true;
    if (!this.over) this.#updateHold();
  }

  unref(): void {
    this.#referenced = false;
    if (!this.over) this.#updateHold();
  }

  now(): number {
    return systemClock.now();
  }
}
