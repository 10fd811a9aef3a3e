/**
 * The life of a gateway's connections, on one thread.
 *
 * HTTP → (101) OPEN → CLOSING, when this side closes first → ENDING → RELEASED → gone.
 *
 *  1. A connection's index is free again when its `close` has completed, so that every completion
 *     finds the connection that it belongs to (rule 7 of the driver).
 *  2. A route's `close` is called exactly once for each connection that was open, before it is gone.
 *  3. Every state but OPEN ends by itself: by the deadline of the handshake in HTTP, by that of
 *     closing in CLOSING and ENDING (by that of the drain in a CLOSING that it caused).
 *  4. FIN is sent after the last byte, and the peer's is awaited: closing a socket with something
 *     unread in it resets it, and the peer could lose the close frame.
 */
import { assert, Errno } from '../../base/index.ts';
import {
  CompletionFlag,
  createDriver,
  type CloseMode,
  type CreateDriverOptions,
  type Driver,
  type Handle,
} from '../../driver/index.ts';
import { CloseCode } from '../../websocket/index.ts';
import { Connection, State } from '../sockets/connection.ts';
import { Count, type GatewayCounts } from '../metrics/counters.ts';
import { Deadlines } from './deadlines.ts';
import type { Route } from '../sockets/handlers.ts';
import type { ResolvedGatewayOptions } from '../options.ts';
import { Output } from '../output/output.ts';
import type { PathTable } from '../routing/paths.ts';
import { Requests } from '../http/requests.ts';
import { Sockets } from '../sockets/sockets.ts';
import { indexOf, kindOf, Token, tokenOf } from './tokens.ts';

/** Indices of timers. */
const Timer = { REQUEST: 0, END: 1, ACCEPT: 2, DRAIN: 3, MESSAGE: 4 } as const;

/**
 * Operations of a connection at once: receive, two sends, shutdown, close, and the close of the one
 * before it in the same slot.
 */
const OPERATIONS_PER_CONNECTION = 6;
const OPERATIONS_BESIDE = 64;
const ACCEPT_RETRY_MS = 1000;

/** What became of the connections in a drain. */
export interface DrainReport {
  /** Ended in time. */
  readonly closed: number;
  /** Did not, and were reset. */
  readonly reset: number;
}

/** See the head of this file. */
export class Engine {
  readonly driver: Driver;
  readonly output: Output;
  readonly sockets: Sockets;
  readonly counts: GatewayCounts;
  readonly #requests: Requests;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #awaitingRequest: Deadlines;
  readonly #awaitingEnd: Deadlines;
  /** Connections in the middle of a message. */
  readonly #awaitingMessage: Deadlines;
  /** Timers that run, by index. */
  readonly #armed: boolean[] = [false, false, false, false, false];
  readonly #flushLater: () => void;
  #listener: Handle = 0;
  #live = 0;
  #lastId = 0;
  /** In a completion; what is written is handed over at its end. */
  #inside = false;
  #flushAsked = false;
  #draining = false;
  /** Connections that a drain, or something during it, has reset. */
  #drainResets = 0;
  /** Called when the last connection is gone, and when the deadline of a drain has passed. */
  #onDrain: ((late: boolean) => void) | undefined;

  /**
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED
   */
  constructor(
    name: string,
    options: ResolvedGatewayOptions,
    routes: PathTable<Route>,
    counts: GatewayCounts,
    makeDriver: (options: CreateDriverOptions) => Driver = createDriver,
  ) {
    this.counts = counts;
    this.driver = makeDriver({
      ...(options.driver === undefined ? {} : { kind: options.driver }),
      arena: options.arena,
      name,
      connections: options.maxConnections,
      operations: options.maxConnections * OPERATIONS_PER_CONNECTION + OPERATIONS_BESIDE,
      buffers: options.receiveBuffers,
      bufferSize: options.receiveBufferSize,
      handler: (token, result, flags, buffer) => this.#completed(token, result, flags, buffer),
    });
    this.output = new Output(
      this.driver,
      { owner: name, memoryBytes: options.memoryBytes, limit: options.maxSendQueueBytes },
      this.#connections,
      (index) => this.release(this.#connections[index]!, 'finish'),
    );
    this.sockets = new Sockets(this, options);
    this.#requests = new Requests(this, routes, options);
    this.#awaitingRequest = new Deadlines(options.handshakeTimeoutMs);
    this.#awaitingEnd = new Deadlines(options.closeTimeoutMs);
    this.#awaitingMessage = new Deadlines(options.messageTimeoutMs);
    this.#flushLater = () => {
      this.#flushAsked = false;
      this.output.flush();
    };
  }

  /** Connections that are not gone. */
  get live(): number {
    return this.#live;
  }

  /** Accepts the connections of a listener. */
  accept(listener: Handle): void {
    this.#listener = listener;
    const result = this.driver.accept(listener, tokenOf(Token.ACCEPT, 0));
    assert(result > 0, `an accept is taken by the driver, got ${result}`);
  }

  /** Something was written: outside a completion it is handed over when the program pauses. */
  written(): void {
    if (this.#inside || this.#flushAsked) return;
    this.#flushAsked = true;
    queueMicrotask(this.#flushLater);
  }

  // ---- ways to end

  /** Everything was written that will be: sends it, then FIN, and waits for the peer's. */
  finish(connection: Connection): void {
    if (connection.state === State.RELEASED) return;
    connection.state = State.ENDING;
    this.output.finish(connection);
    this.awaitEnd(connection);
  }

  /** Ends it now. */
  release(connection: Connection, mode: CloseMode): void {
    if (connection.state === State.RELEASED) return;
    connection.state = State.RELEASED;
    this.#awaitingRequest.remove(connection.index);
    this.#awaitingEnd.remove(connection.index);
    this.#awaitingMessage.remove(connection.index);
    if (mode === 'reset' && this.#draining) this.#drainResets += 1;
    connection.receiver?.stop();
    connection.reader = null;
    this.output.discard(connection);
    const token = tokenOf(Token.CLOSE, connection.index);
    const result = this.driver.close(connection.handle, token, mode);
    assert(result > 0, `a close is taken by the driver, got ${result}`);
    this.sockets.report(connection, CloseCode.ABNORMAL, '');
  }

  /** Starts the time that a client has for its next request. */
  awaitRequest(connection: Connection): void {
    this.#awaitingRequest.add(connection.index, this.driver.now());
    this.#armFor(Timer.REQUEST, this.#awaitingRequest);
  }

  /** Stops it. */
  requestDone(connection: Connection): void {
    this.#awaitingRequest.remove(connection.index);
  }

  /** Starts the time that a peer has to end its side. */
  awaitEnd(connection: Connection): void {
    this.#awaitingRequest.remove(connection.index);
    this.#awaitingEnd.add(connection.index, this.driver.now());
    this.#armFor(Timer.END, this.#awaitingEnd);
  }

  /** Closes everything: stops accepting, says `code` to all, resets what is left at the deadline. */
  drain(code: number, deadlineMs: number): Promise<DrainReport> {
    this.#draining = true;
    if (this.#listener !== 0) {
      this.driver.close(this.#listener, tokenOf(Token.CLOSE_LISTENER, 0));
    }
    const all = this.#live;
    for (const connection of this.#connections) {
      if (connection === undefined) continue;
      if (connection.state === State.HTTP) this.finish(connection);
      if (connection.state !== State.OPEN) continue;
      this.sockets.startClose(connection, code, '');
      this.#awaitingEnd.remove(connection.index);
    }
    return new Promise((resolve) => {
      this.#onDrain = (late) => {
        if (late) this.#resetAll();
        else resolve({ closed: all - this.#drainResets, reset: this.#drainResets });
      };
      if (this.#live === 0) this.#onDrain(false);
      else this.#arm(Timer.DRAIN, deadlineMs);
    });
  }

  #resetAll(): void {
    for (const connection of this.#connections) {
      if (connection !== undefined) this.release(connection, 'reset');
    }
  }

  /** After `drain`: ends the driver and gives the memory back. */
  async destroy(): Promise<void> {
    await this.driver.destroy();
    this.output.release();
  }

  // ---- completions

  #completed(token: number, result: number, flags: number, buffer: number): void {
    this.#inside = true;
    try {
      const index = indexOf(token);
      switch (kindOf(token)) {
        case Token.RECEIVE:
          this.#received(this.#connections[index]!, result, flags, buffer);
          break;
        case Token.SEND:
          this.output.completed(index, result);
          // A peer that reads, however slowly, is not late. (The clock is asked only then: a number
          // with a fraction is garbage, and an echo makes none.)
          if (this.#awaitingEnd.has(index)) this.#awaitingEnd.add(index, this.driver.now());
          break;
        case Token.ACCEPT:
          this.#accepted(result, flags);
          break;
        case Token.SHUTDOWN:
          this.#shutdownDone(this.#connections[index]!, result);
          break;
        case Token.CLOSE:
          this.#gone(this.#connections[index]!);
          break;
        case Token.TIMER:
          this.#armed[index] = false;
          if (result === 0) this.#timer(index);
          break;
        default:
          break;
      }
      this.output.flush();
    } finally {
      this.#inside = false;
    }
  }

  #received(connection: Connection, result: number, flags: number, buffer: number): void {
    if ((flags & CompletionFlag.BUFFER) !== 0) {
      try {
        this.#take(connection, buffer, result);
      } finally {
        this.driver.release(buffer);
      }
    }
    if ((flags & CompletionFlag.MORE) === 0) this.#receiveEnded(connection, result);
  }

  #take(connection: Connection, offset: number, length: number): void {
    let taken = 0;
    if (connection.state === State.HTTP) taken = this.#requests.take(connection, offset, length);
    // What comes when all is said is of no interest.
    if (taken === length || connection.state > State.CLOSING) return;
    const { receiver } = connection;
    if (receiver === null) return;
    receiver.receive(offset + taken, length - taken);
    if (receiver.unfinished) this.#awaitMessage(connection);
    else this.#awaitingMessage.remove(connection.index);
  }

  /** A message has the same time however it comes: each piece of it does not start it again. */
  #awaitMessage(connection: Connection): void {
    if (connection.state > State.CLOSING || this.#awaitingMessage.has(connection.index)) return;
    this.#awaitingMessage.add(connection.index, this.driver.now());
    this.#armFor(Timer.MESSAGE, this.#awaitingMessage);
  }

  #receiveEnded(connection: Connection, result: number): void {
    connection.receiveEnded = true;
    if (connection.state === State.RELEASED) return;
    if (result < 0 || connection.shutdownDone) {
      this.release(connection, 'finish');
    } else {
      this.finish(connection);
      this.sockets.report(connection, CloseCode.ABNORMAL, '');
    }
  }

  #shutdownDone(connection: Connection, result: number): void {
    connection.shutdownDone = true;
    if (result < 0 || connection.receiveEnded) this.release(connection, 'finish');
  }

  #accepted(result: number, flags: number): void {
    if (result > 0) this.#open(result);
    if ((flags & CompletionFlag.MORE) !== 0 || this.#draining) return;
    process.emitWarning(
      `The gateway cannot accept connections (errno ${-result}); it tries again`,
      {
        type: 'RondoWarning',
        code: 'RONDO_ACCEPT',
      },
    );
    this.#arm(Timer.ACCEPT, ACCEPT_RETRY_MS);
  }

  #open(handle: Handle): void {
    const index = this.#free.pop() ?? this.#connections.length;
    const connection = new Connection(this.sockets, ++this.#lastId, index, handle);
    this.#connections[index] = connection;
    this.#live += 1;
    this.counts.add(Count.connectionsAccepted, 1);
    if (this.#draining) {
      this.release(connection, 'finish');
      return;
    }
    const result = this.driver.receive(handle, tokenOf(Token.RECEIVE, index));
    assert(result !== -Errno.ENOBUFS, 'the table of operations has room for every connection');
    this.awaitRequest(connection);
  }

  #gone(connection: Connection): void {
    this.#connections[connection.index] = undefined;
    this.#free.push(connection.index);
    this.#live -= 1;
    this.counts.add(Count.connectionsClosed, 1);
    if (this.#live === 0) this.#onDrain?.(false);
  }

  // ---- timers

  #timer(timer: number): void {
    if (timer === Timer.DRAIN) {
      this.#onDrain?.(true);
    } else if (timer === Timer.ACCEPT) {
      if (!this.#draining) this.accept(this.#listener);
    } else {
      const list = this.#listOf(timer);
      this.#expire(list);
      this.#armFor(timer, list);
    }
  }

  #listOf(timer: number): Deadlines {
    if (timer === Timer.MESSAGE) return this.#awaitingMessage;
    return timer === Timer.REQUEST ? this.#awaitingRequest : this.#awaitingEnd;
  }

  #expire(list: Deadlines): void {
    const now = this.driver.now();
    for (let index = list.takeExpired(now); index !== -1; index = list.takeExpired(now)) {
      this.counts.add(Count.timeouts, 1);
      const connection = this.#connections[index]!;
      if (connection.state === State.HTTP) this.#requests.expire(connection);
      else if (list === this.#awaitingMessage) this.sockets.late(connection);
      else this.release(connection, connection.shutdownDone ? 'finish' : 'reset');
    }
  }

  #armFor(timer: number, list: Deadlines): void {
    if (!list.isEmpty) this.#arm(timer, Math.max(0, Math.ceil(list.first - this.driver.now())));
  }

  #arm(timer: number, milliseconds: number): void {
    if (this.#armed[timer] === true) return;
    this.#armed[timer] = true;
    const result = this.driver.timeout(milliseconds, tokenOf(Token.TIMER, timer));
    assert(result > 0, `a timeout is taken by the driver, got ${result}`);
  }
}
