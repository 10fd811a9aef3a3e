/**
 * Per connection, the sends and shutdowns in the order of submission, linked through the operation
 * table. The driver hands the front of a queue to the kernel in one call (`gather`), and tells what
 * left (`advance`) or failed (`fail`). One call is in the kernel per connection at a time, so bytes
 * cannot overtake each other.
 */
import { assert } from '../../base/index.ts';
import { VECTOR_ENTRY_BYTES, VECTOR_MAX } from '../driver.ts';
import type { HandleTable } from './handles.ts';
import { Op, type OperationTable } from './operations.ts';

/** Told of each operation that leaves a queue, in order. */
export interface SendSink {
  /** Delivered at once: called only from a turn. */
  complete(op: number, result: number): void;
  /** Delivered by the next step of a turn: safe anywhere. */
  finishLater(op: number, result: number): void;
}

export class SendQueues {
  readonly #handles: HandleTable;
  readonly #operations: OperationTable;
  readonly #sink: SendSink;

  constructor(handles: HandleTable, operations: OperationTable, sink: SendSink) {
    this.#handles = handles;
    this.#operations = operations;
    this.#sink = sink;
  }

  push(slot: number, op: number): void {
    const { sendHead, sendTail } = this.#handles;
    const tail = sendTail[slot]!;
    if (tail === -1) sendHead[slot] = op;
    else this.#operations.next[tail] = op;
    sendTail[slot] = op;
    this.#operations.next[op] = -1;
  }

  isEmpty(slot: number): boolean {
    return this.#handles.sendHead[slot] === -1;
  }

  /** Whether the front of the queue is a shutdown. */
  shutdownIsNext(slot: number): boolean {
    const head = this.#handles.sendHead[slot]!;
    return head !== -1 && this.#operations.kind[head] === Op.SHUTDOWN;
  }

  /** Whether the front is one buffer that nothing follows: `send` serves it without a vector. */
  isSingle(slot: number): boolean {
    const head = this.#handles.sendHead[slot]!;
    const next = this.#operations.next[head]!;
    return next === -1 || this.#operations.kind[next] === Op.SHUTDOWN;
  }

  /**
   * Writes {offset, length} pairs of what waits, up to VECTOR_MAX or a shutdown, at word index
   * `vector` of the arena's unsigned words. Returns how many.
   */
  gather(slot: number, unsigned: Uint32Array, vector: number): number {
    const { kind, offset, length, progress, next } = this.#operations;
    let op = this.#handles.sendHead[slot]!;
    let count = 0;
    let index = vector;
    while (op !== -1 && count < VECTOR_MAX && kind[op] === Op.SEND) {
      const done = progress[op]!;
      unsigned[index] = offset[op]! + done;
      unsigned[index + 1] = length[op]! - done;
      index += VECTOR_ENTRY_BYTES / 4;
      count += 1;
      op = next[op]!;
    }
    return count;
  }

  /** `sent` bytes of the front have left. */
  advance(slot: number, sent: number): void {
    const { length, next, progress, result } = this.#operations;
    const first = this.#handles.sendHead[slot]!;
    let op = first;
    let last = -1;
    let left = sent;
    while (left > 0) {
      assert(op !== -1, 'the kernel sends no more than it was given');
      const rest = length[op]! - progress[op]!;
      if (left < rest) {
        progress[op]! += left;
        break;
      }
      left -= rest;
      last = op;
      op = next[op]!;
    }
    if (last === -1) return;
    // All that left is taken off before the first is delivered: the handler may close the
    // connection, which fails what is still in the queue.
    this.#handles.sendHead[slot] = op;
    if (op === -1) this.#handles.sendTail[slot] = -1;
    next[last] = -1;
    for (let done = first; done !== -1;) {
      const following = next[done]!;
      this.#sink.complete(done, result[done]!);
      done = following;
    }
  }

  /** Takes the shutdown from the front. */
  shutdownDone(slot: number, result: number): void {
    const op = this.#handles.sendHead[slot]!;
    assert(this.#operations.kind[op] === Op.SHUTDOWN, 'the front is a shutdown');
    this.#pop(slot, op);
    this.#sink.complete(op, result);
  }

  /** Ends everything that waits on the connection with an errno (negative). */
  fail(slot: number, errno: number): void {
    for (;;) {
      const op = this.#handles.sendHead[slot]!;
      if (op === -1) return;
      this.#pop(slot, op);
      this.#sink.finishLater(op, errno);
    }
  }

  #pop(slot: number, op: number): void {
    const next = this.#operations.next[op]!;
    this.#handles.sendHead[slot] = next;
    if (next === -1) this.#handles.sendTail[slot] = -1;
    this.#operations.next[op] = -1;
  }
}
