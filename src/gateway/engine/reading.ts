/**
 * The receiving side of connections: taking bytes as they come, stopping, and going on.
 *
 *  1. A pause costs nothing until something arrives: only then is the receive cancelled. So the end
 *     of a peer that says nothing is seen during a pause too, and a short pause, as for a handler
 *     that awaits something quick, asks nothing of the kernel.
 *  2. What arrives during a pause, or was left over when one began, waits in the connection's
 *     inbox, copied, so that a paused connection holds no receive buffer; without memory it keeps
 *     the buffer. An inbox holds what the kernel had delivered when the receive was cancelled, so a
 *     peer finds its own sends waiting soon.
 *  3. What waits is handed on in order, before anything newer, and never from inside the call that
 *     ended the pause: handlers are not re-entered.
 *  4. An end that arrives during a pause is looked at after what came before it; an error ends the
 *     connection at once.
 */
import { assert, Errno } from '../../base/index.ts';
import { CompletionFlag, type Driver } from '../../driver/index.ts';
import type { Blocks } from '../../memory/index.ts';
import { Ends, State, type Connection } from '../sockets/connection.ts';
import { Pause } from './pause.ts';
import { Token, tokenOf } from './tokens.ts';

/** A receive that was cancelled and has not completed yet. */
const CANCELLED = -1;

/** Bytes that wait: in a block, or (without memory) in the receive buffer that they came in. */
interface Waiting {
  /** What is given back, and to whom. */
  readonly memory: number;
  readonly inBlock: boolean;
  start: number;
  readonly end: number;
}

/** What a paused connection has received. */
export interface Inbox {
  readonly waiting: Waiting[];
  /** The result that ended receiving, or undefined while it goes on. */
  ended: number | undefined;
}

/** What the engine does with what arrives. */
export interface Reader {
  /** Takes bytes; returns how many: fewer when the connection was paused meanwhile. */
  take(connection: Connection, offset: number, length: number): number;
  /** Nothing more comes: 0 is the peer's end, negative an errno. */
  ended(connection: Connection, result: number): void;
  /** The peer has ended its side; `ended` is called when what came before it was taken. */
  ending(connection: Connection): void;
  /** Something will have to be handed over soon: calls `Reading.goOn` when the program pauses. */
  soon(): void;
}

/** See the head of this file. */
export class Reading {
  readonly #driver: Driver;
  readonly #blocks: Blocks;
  readonly #reader: Reader;
  /** The receive in flight by connection: its operation, CANCELLED, or 0 when there is none. */
  readonly #operation: number[] = [];
  /** Connections whose pause has ended, to be gone on with. */
  #resumed: Connection[] = [];
  #going = false;

  constructor(driver: Driver, blocks: Blocks, reader: Reader) {
    this.#driver = driver;
    this.#blocks = blocks;
    this.#reader = reader;
  }

  /** Begins to receive. */
  start(connection: Connection): void {
    const token = tokenOf(Token.RECEIVE, connection.index);
    const result = this.#driver.receive(connection.handle, token);
    this.#operation[connection.index] = Math.max(result, 0);
    if (result > 0) return;
    // A connection that is being closed; its close completes without this.
    assert(result === -Errno.EBADF, `a receive is taken by the driver, got ${result}`);
  }

  /** Stops reading for a reason; again for the same one changes nothing. */
  pause(connection: Connection, reason: number): void {
    connection.paused |= reason;
  }

  /** Takes the reason back; reading goes on when there is none left. */
  resume(connection: Connection, reason: number): void {
    if ((connection.paused & reason) === 0) return;
    connection.paused &= ~reason;
    if (connection.paused !== 0 || connection.state === State.RELEASED) return;
    if (connection.inbox === null && this.#operation[connection.index]! > 0) return;
    this.#resumed.push(connection);
    if (this.#resumed.length === 1 && !this.#going) this.#reader.soon();
  }

  /** Whether connections wait for `goOn`. */
  get isDue(): boolean {
    return this.#resumed.length > 0;
  }

  /** Hands over what waits for connections that are not paused any more. */
  goOn(): void {
    if (this.#going) return;
    this.#going = true;
    try {
      // Those that are added meanwhile have their turn in the next round: one that is paused and
      // resumed for each of its messages does not keep the others waiting.
      const round = this.#resumed;
      this.#resumed = [];
      for (const connection of round) this.#continue(connection);
    } finally {
      this.#going = false;
      if (this.#resumed.length > 0) this.#reader.soon();
    }
  }

  /** A receive has completed. */
  completed(connection: Connection, result: number, flags: number, buffer: number): void {
    if ((flags & CompletionFlag.BUFFER) !== 0) this.#arrived(connection, buffer, result);
    if ((flags & CompletionFlag.MORE) !== 0) return;
    const cancelled = this.#operation[connection.index] === CANCELLED;
    this.#operation[connection.index] = 0;
    if (connection.state === State.RELEASED) return;
    // Bytes and an end of the operation in one: the end of the connection would come by itself.
    if (result > 0 || (cancelled && result === -Errno.ECANCELED)) {
      if (connection.paused === 0) this.#continue(connection);
      return;
    }
    const { inbox } = connection;
    if (result === 0 && (connection.paused !== 0 || inbox !== null)) {
      this.#inboxOf(connection).ended = 0;
      this.#reader.ending(connection);
    } else {
      this.#reader.ended(connection, result);
    }
  }

  /** Forgets what waits, when the connection is over. */
  discard(connection: Connection): void {
    const { inbox } = connection;
    if (inbox === null) return;
    connection.inbox = null;
    for (const waiting of inbox.waiting) this.#giveBack(waiting);
  }

  #arrived(connection: Connection, buffer: number, length: number): void {
    if (connection.paused !== 0 || connection.inbox !== null) {
      if (connection.state === State.RELEASED) {
        this.#driver.release(buffer);
        return;
      }
      this.#stop(connection);
      if ((connection.paused & Pause.END) !== 0) this.#driver.release(buffer);
      else this.#keep(connection, buffer, 0, length);
      return;
    }
    let taken = length;
    try {
      taken = this.#reader.take(connection, buffer, length);
    } finally {
      if (taken === length || connection.state === State.RELEASED) this.#driver.release(buffer);
      else this.#keep(connection, buffer, taken, length);
    }
  }

  /** Cancels the receive: the peer's bytes stay in the kernel from now on. */
  #stop(connection: Connection): void {
    const operation = this.#operation[connection.index]!;
    if (operation <= 0) return;
    this.#driver.cancel(operation);
    this.#operation[connection.index] = CANCELLED;
  }

  #keep(connection: Connection, buffer: number, from: number, length: number): void {
    const { waiting } = this.#inboxOf(connection);
    const size = length - from;
    const block = this.#blocks.acquire(size);
    if (block === 0) {
      waiting.push({ memory: buffer, inBlock: false, start: buffer + from, end: buffer + length });
      return;
    }
    this.#driver.arena.bytes.copyWithin(block, buffer + from, buffer + length);
    this.#driver.release(buffer);
    waiting.push({ memory: block, inBlock: true, start: block, end: block + size });
  }

  #continue(connection: Connection): void {
    const { inbox } = connection;
    while (inbox !== null && inbox.waiting.length > 0) {
      if (connection.paused !== 0 || connection.state === State.RELEASED) return;
      const first = inbox.waiting[0]!;
      const length = first.end - first.start;
      const taken = this.#reader.take(connection, first.start, length);
      // The connection may have been released by a handler, and its inbox with it.
      if (connection.inbox !== inbox) return;
      first.start += taken;
      if (taken === length) this.#giveBack(inbox.waiting.shift()!);
    }
    if (connection.paused !== 0 || connection.state === State.RELEASED) return;
    connection.inbox = null;
    if (inbox?.ended !== undefined) this.#reader.ended(connection, inbox.ended);
    else if (this.#operation[connection.index] === 0 && (connection.ends & Ends.RECEIVING) === 0) {
      this.start(connection);
    }
  }

  #giveBack({ memory, inBlock }: Waiting): void {
    if (inBlock) this.#blocks.release(memory);
    else this.#driver.release(memory);
  }

  #inboxOf(connection: Connection): Inbox {
    return (connection.inbox ??= { waiting: [], ended: undefined });
  }
}
