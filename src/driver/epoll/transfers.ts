/**
 * Receiving and sending in batches: the hot path.
 *
 * 1. While a record of a slot is in the batch being worked on (RECEIVING, SENDING), its receive is
 *    not ended and its queue of sends is not touched, whatever handlers do; what they asked for is
 *    done when the record's turn comes. So what the kernel did is always delivered, and the slot
 *    lives until then.
 * 2. Readiness is edge-triggered: READABLE is cleared only when the kernel had less than was asked
 *    for and no end was seen; BLOCKED is cleared only by an event.
 */
import { Errno } from '../../base/index.ts';
import type { Native } from '../../native/index.ts';
import { HANDLE_DIRTY } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { HandleKind, HandleState } from '../core/handles.ts';
import type { LoopDriver } from '../core/loop-driver.ts';
import { OpFlag } from '../core/operations.ts';
import { VECTOR_ENTRY_BYTES, VECTOR_MAX } from '../driver.ts';
import { BATCH, BatchOp, Flag, Record, RECORD_WORDS, type EpollMemory } from './layout.ts';

export class Transfers {
  readonly #driver: LoopDriver;
  readonly #native: Native;
  readonly #records: number;
  readonly #vectors: number;

  constructor(driver: LoopDriver, native: Native, memory: EpollMemory) {
    this.#driver = driver;
    this.#native = native;
    this.#records = memory.records;
    this.#vectors = memory.vectors;
  }

  // ---- receiving

  /** Receives once for at most `most` of those that are ready, and delivers. Returns how many. */
  receive(most: number): number {
    const count = this.#prepareReceives(Math.min(most, BATCH));
    if (count === 0) return 0;
    const driver = this.#driver;
    this.#native.socketBatch(this.#records, count);
    driver.counts.add(Count.SYSTEM_CALLS, count);
    const { words } = driver.arena;
    let record = this.#records >>> 2;
    for (let i = 0; i < count; i++, record += RECORD_WORDS) {
      const result = words[record + Record.RESULT]!;
      this.#receiveDone(words[record + Record.SLOT]!, words[record + Record.OWN]!, result);
    }
    return count;
  }

  #prepareReceives(most: number): number {
    const driver = this.#driver;
    const { handles, operations, pool, ready } = driver;
    const { words, unsigned } = driver.arena;
    const length = pool.bufferSize;
    let record = this.#records >>> 2;
    let count = 0;
    while (count < most && driver.freeBuffers > 0) {
      const slot = ready.shift();
      if (slot === -1) break;
      const op = handles.multishot[slot]!;
      if (op === -1 || (operations.flags[op]! & OpFlag.FINISHED) !== 0) continue;
      const buffer = driver.takeBuffer();
      handles.flags[slot]! |= Flag.RECEIVING;
      words[record] = BatchOp.RECEIVE;
      words[record + Record.FD] = handles.fd[slot]!;
      unsigned[record + Record.OFFSET] = pool.offset(buffer);
      words[record + Record.LENGTH] = length;
      words[record + Record.SLOT] = slot;
      words[record + Record.OWN] = buffer;
      record += RECORD_WORDS;
      count += 1;
    }
    return count;
  }

  #receiveDone(slot: number, buffer: number, result: number): void {
    const driver = this.#driver;
    const { flags, multishot } = driver.handles;
    const op = multishot[slot]!;
    const cancelled = (driver.operations.flags[op]! & OpFlag.CANCELLED) !== 0;
    flags[slot]! &= ~Flag.RECEIVING;
    if (result > 0) {
      const drained = result < driver.pool.bufferSize && (flags[slot]! & Flag.HANGUP) === 0;
      if (drained) flags[slot]! &= ~Flag.READABLE;
      else if (!cancelled) driver.ready.push(slot);
      // Before the delivery: a handler that cancels or closes now finds it ended already.
      if (cancelled) driver.finishLater(op, -Errno.ECANCELED);
      driver.received(op, result, buffer);
      return;
    }
    driver.giveBuffer(buffer);
    if (result === -Errno.EAGAIN) flags[slot]! &= ~Flag.READABLE;
    if (result === -Errno.EAGAIN || result === -Errno.EINTR) {
      if (cancelled) driver.complete(op, -Errno.ECANCELED);
      else if (result === -Errno.EINTR) driver.ready.push(slot);
      return;
    }
    driver.complete(op, result);
  }

  // ---- sending

  /** Sends for at most a batch of the dirty connections, and delivers. Returns how many it took. */
  send(): number {
    const driver = this.#driver;
    const taken = Math.min(driver.dirtyCount, BATCH);
    if (taken === 0) return 0;
    const count = this.#prepareSends(taken);
    if (count > 0) {
      this.#native.socketBatch(this.#records, count);
      driver.counts.add(Count.SYSTEM_CALLS, count);
      const { words } = driver.arena;
      let record = this.#records >>> 2;
      for (let i = 0; i < count; i++, record += RECORD_WORDS) {
        const result = words[record + Record.RESULT]!;
        this.#sendDone(words[record + Record.SLOT]!, words[record + Record.OWN]!, result);
      }
    }
    return taken;
  }

  /** Takes the first `taken` off the dirty list and writes records of those that can send now. */
  #prepareSends(taken: number): number {
    const driver = this.#driver;
    const { dirty, handles, sends } = driver;
    let count = 0;
    for (let i = 0; i < taken; i++) {
      const slot = dirty[i]!;
      const flags = handles.flags[slot]! & ~HANDLE_DIRTY;
      handles.flags[slot] = flags;
      // Its slot may have been freed, or given to something else.
      if (handles.kind[slot] !== HandleKind.CONNECTION || sends.isEmpty(slot)) continue;
      if ((flags & Flag.BLOCKED) !== 0) continue;
      if (sends.shutdownIsNext(slot)) this.#shutdown(slot);
      else this.#writeRecord(slot, count++);
    }
    dirty.copyWithin(0, taken, driver.dirtyCount);
    driver.dirtyCount -= taken;
    return count;
  }

  #writeRecord(slot: number, index: number): void {
    const driver = this.#driver;
    const { handles, operations, sends } = driver;
    const { words, unsigned } = driver.arena;
    const record = (this.#records >>> 2) + index * RECORD_WORDS;
    handles.flags[slot]! |= Flag.SENDING;
    words[record + Record.FD] = handles.fd[slot]!;
    words[record + Record.SLOT] = slot;
    if (sends.isSingle(slot)) {
      const op = handles.sendHead[slot]!;
      const done = operations.progress[op]!;
      const length = operations.length[op]! - done;
      words[record] = BatchOp.SEND;
      unsigned[record + Record.OFFSET] = operations.offset[op]! + done;
      words[record + Record.LENGTH] = length;
      words[record + Record.OWN] = length;
      return;
    }
    const vector = this.#vectors + index * VECTOR_MAX * VECTOR_ENTRY_BYTES;
    const parts = sends.gather(slot, unsigned, vector >>> 2);
    let total = 0;
    for (let i = 0; i < parts; i++) total += words[(vector >>> 2) + i * 2 + 1]!;
    words[record] = BatchOp.SEND_VECTOR;
    unsigned[record + Record.OFFSET] = vector;
    words[record + Record.LENGTH] = parts;
    words[record + Record.OWN] = total;
  }

  #sendDone(slot: number, asked: number, result: number): void {
    const driver = this.#driver;
    const { handles, sends } = driver;
    handles.flags[slot]! &= ~Flag.SENDING;
    if (result > 0) {
      if (result < asked) {
        handles.flags[slot]! |= Flag.BLOCKED;
        driver.counts.add(Count.PARTIAL_SENDS, 1);
      }
      sends.advance(slot, result);
    } else if (result === -Errno.EAGAIN) {
      handles.flags[slot]! |= Flag.BLOCKED;
    } else if (result !== -Errno.EINTR) {
      sends.fail(slot, result);
    }
    // A queue that is not empty holds its slot: it is still the same connection.
    if (sends.isEmpty(slot)) return;
    if (handles.state[slot] === HandleState.CLOSING) sends.fail(slot, -Errno.ECANCELED);
    else if ((handles.flags[slot]! & Flag.BLOCKED) === 0) driver.markDirty(slot);
  }

  /** The handler runs here while a batch is being built, which SENDING makes harmless. */
  #shutdown(slot: number): void {
    const driver = this.#driver;
    const result = this.#native.socketShutdown(driver.handles.fd[slot]!, 1);
    driver.counts.add(Count.SYSTEM_CALLS, 1);
    driver.sends.shutdownDone(slot, result);
    if (!driver.sends.isEmpty(slot)) driver.markDirty(slot);
  }
}
