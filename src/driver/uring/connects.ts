/**
 * Connecting, in two steps of the kernel: a socket as a direct descriptor, then its connect. The
 * slot becomes a handle of the driver when the connect has succeeded; until then it is kept in the
 * operation's `result` column, and given back when the connect fails or was cancelled.
 */
import { Errno } from '../../base/index.ts';
import { ADDRESS_BYTES, checkAddress, encodeAddress, Family } from '../core/address.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { Count } from '../core/counts.ts';
import { HandleKind } from '../core/handles.ts';
import { OpFlag } from '../core/operations.ts';
import { socketOptionCalls, type ResolvedSocketOptions } from '../core/socket-options.ts';
import type { SocketAddress } from '../driver.ts';
import type { ControlBlock } from './control-block.ts';
import type { Ring } from './ring.ts';
import type { Scratch } from './scratch.ts';
import { Tag, type Submissions } from './submissions.ts';

interface Target {
  readonly address: SocketAddress;
  readonly options: ResolvedSocketOptions;
}

export class Connects {
  readonly #driver: BaseDriver;
  readonly #submit: Submissions;
  readonly #scratch: Scratch;
  readonly #ring: Ring;
  readonly #control: ControlBlock;
  /** Where to and how, by operation, while the socket is being made. */
  readonly #targets = new Map<number, Target>();

  constructor(
    driver: BaseDriver,
    submit: Submissions,
    scratch: Scratch,
    ring: Ring,
    control: ControlBlock,
  ) {
    this.#driver = driver;
    this.#submit = submit;
    this.#scratch = scratch;
    this.#ring = ring;
    this.#control = control;
  }

  start(op: number, address: SocketAddress, options: ResolvedSocketOptions): void {
    if (!this.#driver.reserve()) return this.#driver.finishLater(op, -Errno.EMFILE);
    this.#targets.set(op, { address, options });
    return this.#submit.socket(checkAddress(address), this.#driver.operations.id(op));
  }

  socketMade(id: number, result: number): void {
    const { operations, arena, peers } = this.#driver;
    const op = operations.find(id);
    const { address, options } = this.#targets.get(op)!;
    this.#targets.delete(op);
    // The table can be full although a place was reserved, while a closed one is being freed.
    if (result === -Errno.ENFILE) return this.#ended(op, -Errno.EMFILE);
    if (result < 0) return this.#ended(op, result);
    if ((operations.flags[op]! & OpFlag.CANCELLED) !== 0) {
      this.#submit.closeDirect(result, 0, Tag.IGNORED);
      return this.#ended(op, -Errno.ECANCELED);
    }
    operations.result[op] = result;
    this.#setOptions(result, options, checkAddress(address) !== Family.UNIX);
    const target = this.#scratch.take(this.#ring, ADDRESS_BYTES);
    const length = encodeAddress(arena.bytes, target, address);
    peers.note(result, arena.bytes, target);
    return this.#submit.connect(result, id, target, length);
  }

  /** What the system does not take of these is as it would be without. */
  #setOptions(slot: number, options: ResolvedSocketOptions, isTcp: boolean): void {
    for (const { level, name, value } of socketOptionCalls(options, isTcp)) {
      let at = this.#control.one;
      if (value !== 1) {
        at = this.#scratch.take(this.#ring, 4);
        this.#driver.arena.words[at / 4] = value;
      }
      this.#submit.setOption(slot, level, name, at, 4);
    }
  }

  connected(op: number, result: number): void {
    const { operations, handles, counts } = this.#driver;
    const slot = operations.result[op]!;
    if (result < 0) {
      this.#submit.closeDirect(slot, 0, Tag.IGNORED);
      return this.#ended(op, result);
    }
    handles.claim(slot, HandleKind.CONNECTION);
    counts.add(Count.CONNECTED, 1);
    return this.#ended(op, handles.handle(slot));
  }

  #ended(op: number, result: number): void {
    this.#driver.unreserve();
    this.#driver.complete(op, result);
  }
}
