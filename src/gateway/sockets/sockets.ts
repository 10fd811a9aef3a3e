/**
 * The WebSockets of an engine: what arrives on them, and how they begin and end. What handlers are
 * called with is in `handling.ts`, what they say in `sending.ts`.
 */
import { outOfRange } from '../../base/index.ts';
import type { RequestHead } from '../../http/index.ts';
import {
  CloseCode,
  MAX_CLOSE_FRAME_BYTES,
  MessageReceiver,
  ReceiverContext,
  writeCloseFrame,
  type Failure,
  type MessageSink,
} from '../../websocket/index.ts';
import type { Engine } from '../engine/engine.ts';
import { Pause } from '../engine/pause.ts';
import { Count, type GatewayCounts } from '../metrics/counters.ts';
import type { Histogram } from '../metrics/histogram.ts';
import type { Output } from '../output/output.ts';
import { TopicHub } from '../topics/hub.ts';
import { Admission } from './admission.ts';
import { Compression } from './compression.ts';
import { State, type Connection, type SendResult } from './connection.ts';
import type { Route } from './handlers.ts';
import { Handling } from './handling.ts';
import { Handshakes } from './handshakes.ts';
import type { Sendable } from './outgoing.ts';
import { Sending } from './sending.ts';

const LATE: Failure = {
  closeCode: CloseCode.POLICY_VIOLATION,
  reason: 'A message took too long to arrive',
};

/** See the head of this file. */
export class Sockets implements MessageSink<Connection> {
  readonly engine: Engine;
  readonly admission: Admission;
  readonly handshakes: Handshakes;
  readonly handlers: Handling;
  readonly sending: Sending;
  readonly compression: Compression;
  readonly topics: TopicHub;
  readonly #output: Output;
  readonly #counts: GatewayCounts;
  readonly #sizes: Histogram | null;
  readonly #limitsMessages: boolean;
  readonly receiving: ReceiverContext<Connection>;

  constructor(engine: Engine) {
    this.engine = engine;
    this.#output = engine.output;
    this.#counts = engine.counts;
    const { options, limiter, metrics } = engine.context;
    const { maxMessageSize, maxFrameSize } = options;
    this.receiving = new ReceiverContext<Connection>({
      bytes: engine.driver.arena.bytes,
      memory: engine.driver.arena.memory,
      blocks: engine.output.source,
      sink: this,
      maxMessageSize,
      maxFrameSize,
    });
    this.#sizes = metrics.messageSizes;
    this.#limitsMessages = limiter.limitsMessages;
    this.admission = new Admission(engine);
    this.handshakes = new Handshakes(engine);
    this.handlers = new Handling(engine);
    this.sending = new Sending(engine, this.handlers);
    this.compression = new Compression(engine);
    this.topics = new TopicHub(engine);
  }

  // ---- beginning

  /** The handshake was answered. */
  opened(connection: Connection, route: Route, request: RequestHead): void {
    this.#counts.add(Count.webSocketsOpened, 1);
    connection.route = route;
    const inflaters = connection.deflate?.inflaters ?? null;
    connection.receiver = new MessageReceiver(this.receiving, connection, inflaters);
    connection.state = State.OPEN;
    this.engine.opened(connection);
    const { instruments } = this.engine.context;
    if (instruments.active) instruments.opened(connection, route, request);
    if (route.handlers.open !== undefined) this.handlers.opened(connection, route);
  }

  // ---- what arrives

  message(connection: Connection, opcode: number, offset: number, length: number): boolean {
    const { route } = connection;
    if (connection.state !== State.OPEN || route === null) return true;
    this.#counts.add(Count.messagesReceived, 1);
    this.#counts.add(Count.bytesReceived, length);
    if (this.#sizes !== null) this.#sizes.record(length);
    if (this.#limitsMessages && !this.admission.weigh(connection, length)) {
      this.startClose(connection, CloseCode.POLICY_VIOLATION, 'Too much was sent in a short time');
      return true;
    }
    if (route.handlers.message !== undefined) {
      this.handlers.received(connection, route, opcode, offset, length);
      if (this.handlers.isFull && connection.paused === 0 && connection.isOpen) {
        this.handlers.wait(connection);
      }
    }
    return connection.paused === 0;
  }

  ping(connection: Connection, offset: number, length: number): boolean {
    if (connection.state === State.OPEN) this.sending.pong(connection, offset, length);
    return true;
  }

  pong(): boolean {
    return true;
  }

  close(connection: Connection, code: number, offset: number, length: number): void {
    const text = this.engine.driver.arena.bytes.slice(offset, offset + length);
    this.#answerClose(connection, code, '');
    this.engine.finish(connection);
    // Who answers a close gives its code back, and mostly no reason.
    const reason = Buffer.from(text.buffer).toString('utf8') || connection.rare?.closeReason;
    this.report(connection, code, reason ?? '');
  }

  fail(connection: Connection, { closeCode, reason }: Failure): void {
    this.#counts.add(Count.protocolFailures, 1);
    this.#answerClose(connection, closeCode, reason);
    this.engine.finish(connection);
    this.report(connection, closeCode, reason);
  }

  /** The time for a message has passed. Its memory is given back. */
  late(connection: Connection): void {
    connection.receiver?.stop();
    this.fail(connection, LATE);
  }

  /** Little waits to be sent to a connection that was watched. */
  drained(connection: Connection): void {
    const { route, exchange } = connection;
    if (exchange !== null) exchange.drained();
    else if (route !== null && connection.state === State.OPEN) {
      this.handlers.drained(connection, route);
    }
  }

  /** A close frame, unless one was sent before. Without memory the end has to do without it. */
  #answerClose(connection: Connection, code: number, reason: string): void {
    if (connection.state === State.OPEN) {
      this.#output.raw(connection, encodeClose(code, reason));
    }
  }

  // ---- what handlers say

  /** See `Connection.send`. */
  send(connection: Connection, data: Sendable): SendResult {
    return this.sending.send(connection, data);
  }

  /** See `Connection.ping`. */
  sendPing(connection: Connection, payload: string | Uint8Array): SendResult {
    return this.sending.ping(connection, payload);
  }

  // ---- ending

  /**
   * Sends a close frame and waits for the peer's.
   * @throws {RangeError} ERR_CLOSE_CODE, ERR_CLOSE_REASON
   */
  startClose(connection: Connection, code: number, reason: string): void {
    if (code === CloseCode.NONE) {
      throw outOfRange('ERR_CLOSE_CODE', 'Cannot close with code 1005: it must not travel');
    }
    const frame = encodeClose(code, reason);
    if (connection.state !== State.OPEN) return;
    connection.state = State.CLOSING;
    if (reason !== '') connection.rarely.closeReason = reason;
    this.engine.awaitEnd(connection);
    const sendFrame = (): void => {
      if (connection.state !== State.CLOSING) return;
      if (!this.#output.raw(connection, frame)) this.engine.release(connection, 'reset');
    };
    if (this.compression.isBusy(connection)) this.compression.afterwards(connection, sendFrame);
    else sendFrame();
    // The peer's close frame may stand behind what was not read. (A message that is being inflated
    // takes that pause back by itself.)
    this.engine.resume(connection, connection.paused & ~Pause.INFLATE);
    this.engine.written();
  }

  /** Tells the route's `close`, once. */
  report(connection: Connection, code: number, reason: string): void {
    const { route } = connection;
    if (route !== null) this.handlers.closed(connection, route, code, reason);
  }

  /** The connection is over, however it ended. */
  gone(connection: Connection): void {
    this.handshakes.abort(connection);
    this.admission.left(connection);
    this.topics.left(connection);
    this.compression.left(connection);
    const { bridges, instruments } = this.engine.context;
    bridges.left(connection);
    if (instruments.active && connection.receiver !== null) instruments.closed(connection);
    // Not from here: this may be inside another handler, or in the middle of a send.
    if (connection.route === null) return;
    queueMicrotask(() => this.report(connection, CloseCode.ABNORMAL, ''));
  }

  /** Gives memory back when nothing is open any more. */
  destroy(): void {
    this.compression.destroy();
  }
}

/** @throws {RangeError} ERR_CLOSE_CODE, ERR_CLOSE_REASON */
function encodeClose(code: number, reason: string): Uint8Array {
  const frame = new Uint8Array(MAX_CLOSE_FRAME_BYTES);
  return frame.subarray(0, writeCloseFrame(frame, 0, code, reason));
}
