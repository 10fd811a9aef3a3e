/**
 * WebSockets: what their bytes mean for the route's handlers, and what handlers say to them.
 * Nothing that a handler throws leaves this file.
 */
import { inspect } from 'node:util';
import { misuse, outOfRange } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import {
  CloseCode,
  headSize,
  MAX_CLOSE_FRAME_BYTES,
  MAX_CONTROL_BYTES,
  MessageReceiver,
  Opcode,
  ReceiverContext,
  upgradeResponse,
  writeCloseFrame,
  type Failure,
  type MessageSink,
} from '../../websocket/index.ts';
import type { UpgradeAnswer } from '../http/answer.ts';
import { State, type Connection, type SendResult } from './connection.ts';
import { Count, type GatewayCounts } from '../metrics/counters.ts';
import { encode, encoded } from './encode.ts';
import type { Engine } from '../engine/engine.ts';
import type { Route } from './handlers.ts';
import { Message } from './message.ts';
import type { Output } from '../output/output.ts';

const LATE: Failure = {
  closeCode: CloseCode.POLICY_VIOLATION,
  reason: 'A message took too long to arrive',
};

/** What is to be sent, taken apart: kept in fields, so that a message costs no object. */
class Outgoing {
  opcode = 0;
  /** An offset in the arena, or private memory of which the beginning counts. */
  source: number | Uint8Array = 0;
  length = 0;

  /** @throws {TypeError} ERR_OPTION_TYPE, ERR_LEASE_RELEASED */
  set(data: Message | string | Uint8Array, arena: Arena): void {
    if (data instanceof Message) {
      this.opcode = data.opcode;
      this.source = data.isIn(arena) ? data.offset : data.bytes();
      this.length = data.length;
    } else if (typeof data === 'string') {
      this.opcode = Opcode.TEXT;
      const length = encode(data);
      this.source = length < 0 ? Buffer.from(data) : encoded;
      this.length = length < 0 ? this.source.length : length;
    } else if (data instanceof Uint8Array) {
      this.opcode = Opcode.BINARY;
      this.source = data;
      this.length = data.length;
    } else {
      throw misuse(
        'ERR_OPTION_TYPE',
        `Cannot send ${typeof data}: it must be a string, a Uint8Array or a received message`,
      );
    }
  }
}

/** See the head of this file. */
export class Sockets implements MessageSink<Connection> {
  readonly #engine: Engine;
  readonly #output: Output;
  readonly #counts: GatewayCounts;
  readonly #context: ReceiverContext<Connection>;
  readonly #message: Message;
  readonly #outgoing: Outgoing = new Outgoing();

  constructor(engine: Engine, limits: { maxMessageSize: number; maxFrameSize: number }) {
    this.#engine = engine;
    this.#output = engine.output;
    this.#counts = engine.counts;
    const { maxMessageSize, maxFrameSize } = limits;
    this.#context = new ReceiverContext<Connection>({
      bytes: engine.driver.arena.bytes,
      blocks: engine.output.source,
      sink: this,
      maxMessageSize,
      maxFrameSize,
    });
    this.#message = new Message(engine.driver.arena);
  }

  /** Answers a handshake that is right. */
  start(connection: Connection, { upgrade, match }: UpgradeAnswer): void {
    if (!this.#output.raw(connection, Buffer.from(upgradeResponse(upgrade), 'latin1'))) {
      this.#engine.release(connection, 'reset');
      return;
    }
    this.#engine.requestDone(connection);
    this.#counts.add(Count.webSocketsOpened, 1);
    const { route } = match;
    connection.route = route;
    connection.parameters = match.params;
    connection.receiver = new MessageReceiver(this.#context, connection);
    connection.state = State.OPEN;
    if (route.handlers.open === undefined) return;
    try {
      this.#watch(connection, route, route.handlers.open(connection));
    } catch (error) {
      this.#handlerFailed(connection, route, error);
    }
  }

  /** Calls the route's `close`, if it was not called yet. */
  report(connection: Connection, code: number, reason: string): void {
    const { route } = connection;
    if (route === null) return;
    connection.route = null;
    if (route.handlers.close === undefined) return;
    try {
      this.#watch(connection, route, route.handlers.close(connection, code, reason));
    } catch (error) {
      this.#handlerFailed(connection, route, error);
    }
  }

  // ---- what arrives

  message(connection: Connection, opcode: number, offset: number, length: number): boolean {
    const { route } = connection;
    if (connection.state !== State.OPEN || route === null) return true;
    this.#counts.add(Count.messagesReceived, 1);
    this.#counts.add(Count.bytesReceived, length);
    if (route.handlers.message === undefined) return true;
    const { arena } = this.#engine.driver;
    const message = arena.debug ? new Message(arena) : this.#message;
    message.begin(opcode, offset, length);
    try {
      const result = route.handlers.message(connection, message);
      if (typeof result === 'object') this.#watch(connection, route, result);
    } catch (error) {
      this.#handlerFailed(connection, route, error);
    } finally {
      message.end();
    }
    return true;
  }

  ping(connection: Connection, offset: number, length: number): boolean {
    if (connection.state !== State.OPEN) return true;
    const sent =
      this.#output.hasRoom(connection, headSize(length) + length) &&
      this.#output.frame(connection, Opcode.PONG, offset, length);
    if (!sent) this.#overflow(connection);
    return true;
  }

  pong(): boolean {
    return true;
  }

  close(connection: Connection, code: number, offset: number, length: number): void {
    const text = this.#engine.driver.arena.bytes.slice(offset, offset + length);
    this.#answerClose(connection, code, '');
    this.#engine.finish(connection);
    this.report(connection, code, Buffer.from(text.buffer).toString('utf8'));
  }

  fail(connection: Connection, { closeCode, reason }: Failure): void {
    this.#counts.add(Count.protocolFailures, 1);
    this.#answerClose(connection, closeCode, reason);
    this.#engine.finish(connection);
    this.report(connection, closeCode, reason);
  }

  /** The time for a message has passed. Its memory is given back. */
  late(connection: Connection): void {
    connection.receiver?.stop();
    this.fail(connection, LATE);
  }

  /** A close frame, unless one was sent before. Without memory the end has to do without it. */
  #answerClose(connection: Connection, code: number, reason: string): void {
    if (connection.state === State.OPEN) {
      this.#output.raw(connection, encodeClose(code, reason));
    }
  }

  // ---- what handlers say

  send(connection: Connection, data: Message | string | Uint8Array): SendResult {
    // The message that is being handled, which is what an echo sends, takes the short way.
    if (data === this.#message) {
      return this.#send(connection, data.opcode, data.offset, data.length);
    }
    const outgoing = this.#outgoing;
    outgoing.set(data, this.#engine.driver.arena);
    return this.#send(connection, outgoing.opcode, outgoing.source, outgoing.length);
  }

  #send(
    connection: Connection,
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): SendResult {
    if (connection.state !== State.OPEN) return 'closed';
    const output = this.#output;
    const size = headSize(length) + length;
    if (!output.hasRoom(connection, size)) return this.#refuse(connection, size);
    const behind = output.isBehind(connection);
    const sent =
      typeof source === 'number'
        ? output.frame(connection, opcode, source, length)
        : output.frameOf(connection, opcode, source, length);
    if (!sent) return this.#refuse(connection, size);
    this.#counts.add(Count.messagesSent, 1);
    this.#counts.add(Count.bytesSent, length);
    this.#engine.written();
    return behind ? 'queued' : 'sent';
  }

  /** Sends to many; returns to how many. The frame is encoded once. */
  broadcast(connections: Iterable<Connection>, data: Message | string | Uint8Array): number {
    const outgoing = this.#outgoing;
    outgoing.set(data, this.#engine.driver.arena);
    const { opcode, source, length } = outgoing;
    const output = this.#output;
    const size = headSize(length) + length;
    const frame = output.beginShared(opcode, source, length);
    let reached = 0;
    for (const connection of connections) {
      if (connection.state !== State.OPEN) continue;
      const sent =
        frame !== undefined &&
        output.hasRoom(connection, size) &&
        output.sendShared(frame, connection);
      if (!sent) this.#refuse(connection, size);
      else reached += 1;
    }
    if (frame !== undefined) output.endShared(frame);
    this.#counts.add(Count.messagesSent, reached);
    this.#counts.add(Count.bytesSent, reached * length);
    this.#engine.written();
    return reached;
  }

  sendPing(connection: Connection, payload: string | Uint8Array): SendResult {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (!(bytes instanceof Uint8Array)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot ping: the payload must be a string or a Uint8Array');
    }
    if (bytes.length > MAX_CONTROL_BYTES) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot ping: the payload must have 0 to 125 bytes, got ${bytes.length}`,
      );
    }
    if (connection.state !== State.OPEN) return 'closed';
    const behind = this.#output.isBehind(connection);
    const sent =
      this.#output.hasRoom(connection, headSize(bytes.length) + bytes.length) &&
      this.#output.frameOf(connection, Opcode.PING, bytes, bytes.length);
    if (!sent) return this.#overflow(connection);
    this.#engine.written();
    return behind ? 'queued' : 'sent';
  }

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
    if (!this.#output.raw(connection, frame)) {
      this.#engine.release(connection, 'reset');
      return;
    }
    this.#engine.awaitEnd(connection);
    this.#engine.written();
  }

  #overflow(connection: Connection): 'closed' {
    this.#counts.add(Count.sendQueueOverflows, 1);
    this.startClose(connection, CloseCode.TRY_AGAIN_LATER, 'Too much waits to be read');
    return 'closed';
  }

  /**
   * There is no room or no memory for the frame.
   * @throws {RangeError} ERR_OPTION_RANGE when there never is
   */
  #refuse(connection: Connection, size: number): 'closed' {
    const { maxBlock } = this.#output.blocks;
    if (size <= maxBlock) return this.#overflow(connection);
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot send a message: its frame must have at most ${maxBlock} bytes (see memoryBytes), ` +
        `got ${size}`,
    );
  }

  // ---- handlers that fail

  /** What a handler returns may be a promise, which may reject. */
  #watch(connection: Connection, route: Route, result: unknown): void {
    if (!isThenable(result)) return;
    Promise.resolve(result).catch((error: unknown) => {
      this.#handlerFailed(connection, route, error);
    });
  }

  #handlerFailed(connection: Connection, route: Route, error: unknown): void {
    this.#counts.add(Count.handlerErrors, 1);
    this.startClose(connection, CloseCode.INTERNAL_ERROR, 'A handler failed');
    if (route.handlers.error === undefined) {
      warn(route, error);
      return;
    }
    try {
      const result = route.handlers.error(connection, error);
      if (isThenable(result)) {
        Promise.resolve(result).catch((again: unknown) => warn(route, again));
      }
    } catch (again) {
      warn(route, again);
    }
  }
}

/** Not only native promises: whatever can be awaited may fail. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

/** What was thrown may be made to throw again when it is looked at. */
function describe(error: unknown): string {
  try {
    return inspect(error);
  } catch {
    return 'an error that cannot be shown';
  }
}

function warn(route: Route, error: unknown): void {
  process.emitWarning(`A handler of route ${route.path} failed: ${describe(error)}`, {
    type: 'RondoWarning',
    code: 'RONDO_HANDLER',
  });
}

/** @throws {RangeError} ERR_CLOSE_CODE, ERR_CLOSE_REASON */
function encodeClose(code: number, reason: string): Uint8Array {
  const frame = new Uint8Array(MAX_CLOSE_FRAME_BYTES);
  return frame.subarray(0, writeCloseFrame(frame, 0, code, reason));
}
