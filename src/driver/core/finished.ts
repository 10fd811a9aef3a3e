/**
 * Operations that have ended and wait to be delivered, in the order of their ends, linked through
 * the operation table. What ends outside a turn, or in the middle of another delivery, stands here.
 */
import { assert } from '../../base/index.ts';
import { OpFlag, type OperationTable } from './operations.ts';

export class Finished {
  readonly #operations: OperationTable;
  #head = -1;
  #tail = -1;

  constructor(operations: OperationTable) {
    this.#operations = operations;
  }

  get isEmpty(): boolean {
    return this.#head === -1;
  }

  push(op: number, result: number): void {
    const operations = this.#operations;
    assert((operations.flags[op]! & OpFlag.FINISHED) === 0, 'an operation finishes once');
    operations.flags[op]! |= OpFlag.FINISHED;
    operations.result[op] = result;
    operations.next[op] = -1;
    if (this.#tail === -1) this.#head = op;
    else operations.next[this.#tail] = op;
    this.#tail = op;
  }

  /** The first; there must be one. */
  shift(): number {
    const op = this.#head;
    this.#head = this.#operations.next[op]!;
    if (this.#head === -1) this.#tail = -1;
    return op;
  }
}
