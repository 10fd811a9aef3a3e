/**
 * The life of a gateway's connections, on one thread.
 *
 * HTTP → (101) OPEN → CLOSING, when this side closes first → ENDING → RELEASED → gone.
 *
 *  1. A connection's index is free again when its `close` has completed, so that every completion
 *     finds the connection that it belongs to (rule 7 of the driver).
 *  2. A route's `close` is called exactly once for each connection that was open, after its other
 *     handlers have ended.
 *  3. Every state but OPEN ends by itself: by the deadline of the handshake in HTTP (a reply has
 *     deadlines of its own), by that of closing in CLOSING and ENDING (by that of the drain in a
 *     CLOSING that it caused). OPEN ends by the idle timeout, unless that is turned off.
 *  4. FIN is sent after the last byte, and the peer's is awaited: closing a socket with something
 *     unread in it resets it, and the peer could lose the close frame.
 */
import { assert } from '../../base/index.ts';
import {
  CompletionFlag,
  type CloseMode,
  type CreateDriverOptions,
  type Driver,
  type Handle,
} from '../../driver/index.ts';
import { CloseCode, type MessageReceiver } from '../../websocket/index.ts';
import type { GatewayContext } from '../context.ts';
import { Requests } from '../http/requests.ts';
import { Count, type GatewayCounts } from '../metrics/counters.ts';
import { Output } from '../output/output.ts';
import { Connection, Ends, State } from '../sockets/connection.ts';
import { Sockets } from '../sockets/sockets.ts';
import { Alarms } from './alarms.ts';
import { Deadlines } from './deadlines.ts';
import { Drain, type DrainOptions, type DrainReport } from './drain.ts';
import { Pause } from './pause.ts';
import { Pulse } from './pulse.ts';
import { Reading } from './reading.ts';
import { Shares } from './shares.ts';
import { indexOf, kindOf, Token, tokenOf } from './tokens.ts';

/** Indices of timers. */
const Timer = { REQUEST: 0, END: 1, MESSAGE: 2, ALARM: 3 } as const;

/**
 * Operations of a connection at once: receive, two sends, shutdown, close, and the close of the one
 * before it in the same slot.
 */
const OPERATIONS_PER_CONNECTION = 6;
const OPERATIONS_BESIDE = 64;
const ACCEPT_RETRY_MS = 1000;
/** Bytes that a peer may send after the end, which were mostly on their way before it. */
const IGNORED_BYTES_MAX = 64 * 1024;

/** See the head of this file. */
export class Engine {
  readonly context: GatewayContext;
  readonly driver: Driver;
  readonly output: Output;
  readonly sockets: Sockets;
  readonly requests: Requests;
  readonly counts: GatewayCounts;
  readonly alarms: Alarms;
  readonly #reading: Reading;
  readonly #pulse: Pulse;
  readonly #connections: (Connection | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #awaitingRequest: Deadlines;
  readonly #awaitingEnd: Deadlines;
  /** Connections in the middle of a message. */
  readonly #awaitingMessage: Deadlines;
  /** Timers that run, by index. */
  readonly #armed: boolean[] = [false, false, false];
  /** Connections that wait for memory. */
  readonly #starved: Connection[] = [];
  readonly #shares: Shares;
  /** Bytes that came when all was said, by connection. */
  readonly #ignored: number[] = [];
  readonly #flushLater: () => void;
  #listener: Handle = 0;
  #live = 0;
  /** In a completion; what is written is handed over at its end. */
  #inside = false;
  #flushAsked = false;
  #drain: Drain | undefined;
  /** In `shed`. */
  #shedding = false;
  /** Whose message is being put together or inflated. */
  #receiving: Connection | null = null;

  /**
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED
   */
  constructor(context: GatewayContext, makeDriver: (options: CreateDriverOptions) => Driver) {
    const { options, name } = context;
    this.context = context;
    this.counts = context.counts;
    this.driver = makeDriver({
      ...(options.driver === undefined ? {} : { kind: options.driver }),
      ...(options.tls === undefined ? {} : { tls: true }),
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
      {
        owner: name,
        memoryBytes: options.memoryBytes,
        limit: options.maxSendQueueBytes,
        dropsOldest: options.sendQueuePolicy === 'drop-oldest',
      },
      this.#connections,
      {
        failed: (index) => this.release(this.#connections[index]!, 'finish'),
        drained: (index) => this.sockets.drained(this.#connections[index]!),
        // Not at the cost of those who are only a little behind.
        exhausted: (size) => this.#receiving !== null && this.shed(this.#receiving, size >>> 2),
      },
    );
    this.alarms = new Alarms(this.driver, tokenOf(Token.TIMER, Timer.ALARM));
    this.#reading = new Reading(this.driver, this.output.blocks, {
      take: (connection, offset, length) => this.#take(connection, offset, length),
      ended: (connection, result) => this.#receiveEnded(connection, result),
      ending: (connection) => {
        // Who does not even wait for the answer to a handshake is gone.
        if (this.sockets.handshakes.isUndecided(connection)) this.release(connection, 'finish');
      },
      soon: () => this.written(),
    });
    try {
      this.sockets = new Sockets(this);
    } catch (error) {
      this.output.release();
      throw error;
    }
    this.requests = new Requests(this);
    this.#pulse = new Pulse(this.#connections, this.alarms, options, {
      quiet: (connection) => this.sockets.sendPing(connection, ''),
      idle: (connection) => {
        this.counts.add(Count.timeouts, 1);
        this.sockets.startClose(connection, CloseCode.GOING_AWAY, 'Nothing was heard for too long');
      },
      old: (connection) =>
        this.sockets.startClose(connection, CloseCode.GOING_AWAY, 'The longest time is over'),
    });
    this.#shares = new Shares((connection) => this.resume(connection, Pause.TURN));
    this.#awaitingRequest = new Deadlines(options.handshakeTimeoutMs);
    this.#awaitingEnd = new Deadlines(options.closeTimeoutMs);
    this.#awaitingMessage = new Deadlines(options.messageTimeoutMs);
    this.#flushLater = () => {
      this.#flushAsked = false;
      this.#settle();
    };
  }

  /** Connections that are not gone. */
  get live(): number {
    return this.#live;
  }

  /** The connections that are not gone. */
  *connections(): Iterable<Connection> {
    for (const connection of this.#connections) if (connection !== undefined) yield connection;
  }

  /** Accepts the connections of a listener. */
  accept(listener: Handle): void {
    this.#listener = listener;
    const result = this.driver.accept(listener, tokenOf(Token.ACCEPT, 0));
    assert(result > 0, `an accept is taken by the driver, got ${result}`);
  }

  /**
   * Something was written, or a pause has ended: outside a completion it is seen to when the
   * program pauses.
   */
  written(): void {
    if (this.#inside || this.#flushAsked) return;
    this.#flushAsked = true;
    queueMicrotask(this.#flushLater);
  }

  /** The address of a connection's peer; '' for Unix sockets and for what is gone. */
  peerOf(connection: Connection): string {
    const peer = this.driver.peer(connection.handle);
    return peer !== undefined && 'host' in peer ? peer.host : '';
  }

  // ---- reading

  /** Stops reading a connection, for one of the reasons in `Pause`. */
  pause(connection: Connection, reason: number): void {
    if (connection.paused === 0) this.counts.add(Count.pauses, 1);
    this.#reading.pause(connection, reason);
  }

  /**
   * Takes a reason back. When none is left, what arrived meanwhile is handed on in order, after the
   * caller has returned.
   */
  resume(connection: Connection, reason: number): void {
    this.#reading.resume(connection, reason);
  }

  /** Goes on with a message that is inflated over several turns, and may end it. */
  proceed(connection: Connection, receiver: MessageReceiver<Connection>): void {
    this.#receiving = connection;
    receiver.proceed();
    this.#receiving = null;
    if (!receiver.unfinished) this.#awaitingMessage.remove(connection.index);
  }

  // ---- ways to end

  /** Everything was written that will be: sends it, then FIN, and waits for the peer's. */
  finish(connection: Connection): void {
    if (connection.state === State.RELEASED) return;
    connection.state = State.ENDING;
    // Nothing that comes is of interest any more: the memory of a message in pieces goes back.
    connection.receiver?.stop();
    this.#awaitingMessage.remove(connection.index);
    this.output.finish(connection);
    this.awaitEnd(connection);
    // The peer's end is awaited: whatever held the reading back is of no interest any more.
    this.#reading.resume(connection, connection.paused);
  }

  /** Ends it now. */
  release(connection: Connection, mode: CloseMode): void {
    if (connection.state === State.RELEASED) return;
    connection.state = State.RELEASED;
    this.#awaitingRequest.remove(connection.index);
    this.#awaitingEnd.remove(connection.index);
    this.#awaitingMessage.remove(connection.index);
    if (mode === 'reset') this.#drain?.wasReset();
    if (connection.receiver !== null) {
      connection.receiver.stop();
      this.#pulse.stop();
    }
    connection.reader = null;
    this.#reading.discard(connection);
    this.output.discard(connection);
    const token = tokenOf(Token.CLOSE, connection.index);
    const result = this.driver.close(connection.handle, token, mode);
    assert(result > 0, `a close is taken by the driver, got ${result}`);
    if (this.#shedding) queueMicrotask(() => this.requests.gone(connection));
    else this.requests.gone(connection);
    this.sockets.gone(connection);
  }

  /**
   * There is no memory: resets the connection to which most waits to be sent, so that those who do
   * not read pay for it; not `except`, nor one to which less than `least` waits. False when there is
   * none. No handler is called from here: it might send, in the middle of what needs the memory.
   */
  shed(except: Connection | null = null, least: number = 0): boolean {
    let worst: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection === undefined || connection.backlog === null) continue;
      if (connection === except || connection.queued < least) continue;
      if (worst === undefined || connection.queued > worst.queued) worst = connection;
    }
    if (worst === undefined) return false;
    this.counts.add(Count.sendQueueOverflows, 1);
    this.#shedding = true;
    this.release(worst, 'reset');
    this.#shedding = false;
    return true;
  }

  /** The connection has become a WebSocket. */
  opened(connection: Connection): void {
    this.requestDone(connection);
    this.#pulse.start(connection.index);
  }

  /** Starts the time that a client has for its next request. */
  awaitRequest(connection: Connection): void {
    if (connection.state !== State.HTTP) return;
    if (this.#drain !== undefined) {
      this.finish(connection);
      return;
    }
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

  /** Stops accepting and closes everything: see `drain.ts`. */
  drain(options: DrainOptions): Promise<DrainReport> {
    if (this.#listener !== 0) {
      this.driver.close(this.#listener, tokenOf(Token.CLOSE_LISTENER, 0));
      this.#listener = 0;
    }
    this.#drain = new Drain(this, options);
    return this.#drain.run();
  }

  /** The deadline of the whole drain counts for a close that it caused, not that of closing. */
  waitWithoutDeadline(connection: Connection): void {
    this.#awaitingEnd.remove(connection.index);
  }

  /** After `drain`: ends the driver and gives the memory back. */
  async destroy(): Promise<void> {
    this.alarms.stop();
    await this.driver.destroy();
    this.sockets.destroy();
    this.output.release();
  }

  // ---- completions

  #completed(token: number, result: number, flags: number, buffer: number): void {
    this.#inside = true;
    try {
      const index = indexOf(token);
      switch (kindOf(token)) {
        case Token.RECEIVE:
          this.#reading.completed(this.#connections[index]!, result, flags, buffer);
          break;
        case Token.SEND:
          this.#sent(this.output.completed(index, result));
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
          if (index === Timer.ALARM) {
            this.alarms.ring();
          } else {
            this.#armed[index] = false;
            if (result === 0) this.#timer(index);
          }
          break;
        default:
          break;
      }
      if (this.#reading.isDue || this.#starved.length > 0) this.#settle();
      else this.output.flush();
    } finally {
      this.#inside = false;
    }
  }

  /** A peer that reads, however slowly, is not late in ending. */
  #sent(index: number): void {
    if (this.#awaitingEnd.has(index)) this.#awaitingEnd.add(index, this.driver.now());
  }

  /** Goes on with connections whose pause has ended, and hands over what was written. */
  #settle(): void {
    const inside = this.#inside;
    this.#inside = true;
    try {
      if (this.#starved.length > 0 && this.output.isRelieved) this.#feed();
      if (this.sockets.handlers.hasRoom) this.sockets.handlers.letIn();
      this.#reading.goOn();
      this.output.flush();
    } finally {
      this.#inside = inside;
    }
    // A round was done; who was paused and resumed in it has a turn of its own.
    const isDue = this.#reading.isDue || this.sockets.handlers.hasRoom;
    if (isDue && !this.#flushAsked) {
      this.#flushAsked = true;
      setImmediate(this.#flushLater);
    }
  }

  #take(connection: Connection, offset: number, length: number): number {
    let taken = 0;
    if (connection.state === State.HTTP) {
      if (!this.#shares.mayAsk()) {
        this.pause(connection, Pause.TURN);
        this.#shares.waitToAsk(connection);
        return 0;
      }
      taken = this.requests.take(connection, offset, length);
      if (taken === length || connection.paused !== 0) return taken;
    }
    const { receiver } = connection;
    if (receiver === null || connection.state > State.CLOSING) {
      return this.#ignore(connection, length);
    }
    this.#pulse.heard(connection.index);
    const { handlers } = this.sockets;
    if (handlers.isFull && connection.state === State.OPEN) {
      handlers.wait(connection);
      return taken;
    }
    const began = receiver.unfinished;
    if (connection.queued > 0 && !began && this.output.isPressed) {
      this.#starve(connection);
      return taken;
    }
    taken += this.#receive(connection, receiver, offset + taken, length - taken);
    if (receiver.blocked) this.sockets.compression.inflateLater(connection);
    else if (taken < length && connection.paused === 0) this.#shareTurn(connection);
    if (receiver.unfinished) {
      this.#awaitMessage(connection);
      if (!began && this.output.isPressed) this.#starve(connection);
    } else if (began) {
      this.#awaitingMessage.remove(connection.index);
    }
    return taken;
  }

  #receive(
    connection: Connection,
    receiver: MessageReceiver<Connection>,
    offset: number,
    length: number,
  ): number {
    const { receiving } = this.sockets;
    receiving.frameBudget = this.#shares.framesFor(connection.index, length);
    this.#receiving = connection;
    const taken = receiver.receive(offset, length);
    this.#receiving = null;
    this.#shares.took(connection.index, receiving.frameBudget);
    return taken;
  }

  #shareTurn(connection: Connection): void {
    this.pause(connection, Pause.TURN);
    this.#shares.wait(connection);
  }

  /**
   * What comes when all is said is of no interest: taken, so that the peer's end is seen, but not
   * for ever. The kernel lets who goes on sending wait then, until the deadline of the end.
   */
  #ignore(connection: Connection, length: number): number {
    const ignored = this.#ignored[connection.index]! + length;
    this.#ignored[connection.index] = ignored;
    if (ignored > IGNORED_BYTES_MAX) this.pause(connection, Pause.END);
    return length;
  }

  /** Lets a connection that would need more memory wait until there is more. */
  #starve(connection: Connection): void {
    if (connection.state > State.CLOSING) return;
    this.pause(connection, Pause.MEMORY);
    this.#awaitingMessage.remove(connection.index);
    this.#starved.push(connection);
    this.counts.add(Count.memoryPauses, 1);
  }

  #feed(): void {
    for (const connection of this.#starved.splice(0)) {
      if (connection.receiver?.unfinished === true) this.#awaitMessage(connection);
      this.resume(connection, Pause.MEMORY);
    }
  }

  /** A message has the same time however it comes: each piece of it does not start it again. */
  #awaitMessage(connection: Connection): void {
    if (connection.state > State.CLOSING || this.#awaitingMessage.has(connection.index)) return;
    this.#awaitingMessage.add(connection.index, this.driver.now());
    this.#armFor(Timer.MESSAGE, this.#awaitingMessage);
  }

  #receiveEnded(connection: Connection, result: number): void {
    connection.ends |= Ends.RECEIVING;
    if (connection.state === State.RELEASED) return;
    if (result < 0 || (connection.ends & Ends.SENDING) !== 0) {
      this.release(connection, 'finish');
    } else if (connection.exchange === null || !connection.exchange.inputEnded()) {
      this.finish(connection);
      this.sockets.report(connection, CloseCode.ABNORMAL, '');
    }
  }

  #shutdownDone(connection: Connection, result: number): void {
    connection.ends |= Ends.SENDING;
    if (result < 0 || (connection.ends & Ends.RECEIVING) !== 0) this.release(connection, 'finish');
  }

  #accepted(result: number, flags: number): void {
    if (result > 0) this.#open(result);
    if ((flags & CompletionFlag.MORE) !== 0 || this.#drain !== undefined) return;
    process.emitWarning(
      `The gateway cannot accept connections (errno ${-result}); it tries again`,
      {
        type: 'RondoWarning',
        code: 'RONDO_ACCEPT',
      },
    );
    this.alarms.after(ACCEPT_RETRY_MS, () => {
      if (this.#drain === undefined) this.accept(this.#listener);
    });
  }

  #open(handle: Handle): void {
    const index = this.#free.pop() ?? this.#connections.length;
    const connection = new Connection(this.sockets, this.context.nextId(), index, handle);
    this.#connections[index] = connection;
    this.#ignored[index] = 0;
    this.#live += 1;
    this.counts.add(Count.connectionsAccepted, 1);
    if (this.#drain !== undefined || !this.sockets.admission.admit(connection)) {
      this.release(connection, this.#drain === undefined ? 'reset' : 'finish');
      return;
    }
    this.#reading.start(connection);
    this.awaitRequest(connection);
  }

  #gone(connection: Connection): void {
    this.#connections[connection.index] = undefined;
    this.#free.push(connection.index);
    this.#live -= 1;
    this.counts.add(Count.connectionsClosed, 1);
    if (this.#live === 0) this.#drain?.allGone();
  }

  // ---- timers

  #timer(timer: number): void {
    const list = this.#listOf(timer);
    this.#expire(list);
    this.#armFor(timer, list);
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
      if (connection.state === State.HTTP) {
        if (!this.sockets.handshakes.expire(connection)) this.requests.expire(connection);
      } else if (list === this.#awaitingMessage) this.sockets.late(connection);
      else this.release(connection, (connection.ends & Ends.SENDING) !== 0 ? 'finish' : 'reset');
    }
  }

  #armFor(timer: number, list: Deadlines): void {
    if (list.isEmpty || this.#armed[timer] === true) return;
    this.#armed[timer] = true;
    const wait = Math.max(0, Math.ceil(list.first - this.driver.now()));
    const result = this.driver.timeout(wait, tokenOf(Token.TIMER, timer));
    assert(result > 0, `a timeout is taken by the driver, got ${result}`);
  }
}
