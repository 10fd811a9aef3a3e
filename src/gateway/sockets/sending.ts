/**
 * What handlers say to connections: into frames, within the limit of what may wait. Above it,
 * `sendQueuePolicy` decides; without memory, the connection to which most waits has to go.
 */
import { misuse, outOfRange } from '../../base/index.ts';
import { CloseCode, headSize, MAX_CONTROL_BYTES, Opcode } from '../../websocket/index.ts';
import type { Engine } from '../engine/engine.ts';
import { Count, type GatewayCounts } from '../metrics/counters.ts';
import type { Histogram } from '../metrics/histogram.ts';
import { WATCHED, type Output } from '../output/output.ts';
import { State, type Connection, type SendResult } from './connection.ts';
import type { Handling } from './handling.ts';
import { Outgoing, type Sendable } from './outgoing.ts';
import { SharedMessage } from './shared-message.ts';

/** See the head of this file. */
export class Sending {
  readonly #engine: Engine;
  readonly #handling: Handling;
  readonly #output: Output;
  readonly #counts: GatewayCounts;
  readonly #depths: Histogram | null;
  readonly #policy: string;
  readonly #outgoing: Outgoing = new Outgoing();

  constructor(engine: Engine, handling: Handling) {
    this.#engine = engine;
    this.#handling = handling;
    this.#output = engine.output;
    this.#counts = engine.counts;
    this.#depths = engine.context.metrics.queueDepths;
    this.#policy = engine.context.options.sendQueuePolicy;
  }

  /** See `Connection.send`. */
  send(connection: Connection, data: Sendable): SendResult {
    // The message that is being handled, which is what an echo sends, takes the short way.
    if (data === this.#handling.message) {
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
    if (connection.deflate !== null) {
      return this.#engine.sockets.compression.send(connection, opcode, source, length);
    }
    return this.frame(connection, opcode, source, length, length);
  }

  /**
   * Sends a frame; `opcode` with the bit for a compressed one. `length` is that of the payload as
   * it travels, `counted` that of the message.
   */
  frame(
    connection: Connection,
    opcode: number,
    source: number | Uint8Array,
    length: number,
    counted: number,
  ): SendResult {
    const output = this.#output;
    const size = headSize(length) + length;
    const room = output.hasRoom(connection, size);
    if (!room) {
      const end = this.#makeRoom(connection, size);
      if (end !== undefined) return end;
    }
    const behind = output.isBehind(connection);
    while (!this.#write(connection, opcode, source, length)) {
      if (!this.#findMemory(connection, size)) return 'closed';
    }
    this.#counts.add(Count.messagesSent, 1);
    this.#counts.add(Count.bytesSent, counted);
    this.#engine.written();
    if (!behind) return 'sent';
    if (this.#depths !== null) this.#depths.record(connection.queued);
    this.watch(connection);
    return room ? 'queued' : 'dropped';
  }

  #write(
    connection: Connection,
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): boolean {
    return typeof source === 'number'
      ? this.#output.frame(connection, opcode, source, length)
      : this.#output.frameOf(connection, opcode, source, length);
  }

  /** A message for many but `except`: encoded once, when the first of them is there. */
  begin(data: Sendable, except?: Connection): SharedMessage {
    const outgoing = this.#outgoing;
    outgoing.set(data, this.#engine.driver.arena);
    return new SharedMessage(this.#engine, this, outgoing, except);
  }

  /** Sends bytes of private memory as text or binary. */
  value(connection: Connection, opcode: number, bytes: Uint8Array): SendResult {
    return this.#send(connection, opcode, bytes, bytes.length);
  }

  /** See `Connection.ping`. @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE */
  ping(connection: Connection, payload: string | Uint8Array): SendResult {
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
    return this.#control(connection, Opcode.PING, bytes, bytes.length);
  }

  /** Answers a ping. Who sends pings and reads no pongs is no better than who reads no messages. */
  pong(connection: Connection, offset: number, length: number): void {
    this.#control(connection, Opcode.PONG, offset, length);
  }

  /** A ping or pong. When too much waits it is dropped, or not, like a message that is new. */
  #control(
    connection: Connection,
    opcode: number,
    source: number | Uint8Array,
    length: number,
  ): SendResult {
    const behind = this.#output.isBehind(connection);
    const size = headSize(length) + length;
    if (!this.#output.hasRoom(connection, size)) return this.full(connection);
    while (!this.#write(connection, opcode, source, length)) {
      if (!this.#findMemory(connection, size)) return 'closed';
    }
    this.#engine.written();
    return behind ? 'queued' : 'sent';
  }

  /** Too much waits: undefined when there is room now, else what becomes of the message. */
  #makeRoom(connection: Connection, size: number): SendResult | undefined {
    const { maxBlock } = this.#output.blocks;
    if (size > maxBlock) this.#refuseSize(size);
    if (this.#policy === 'close') return this.#tooMuch(connection);
    this.watch(connection);
    if (this.#policy === 'drop-oldest') {
      this.#dropped(connection, this.#output.dropOldest(connection, size));
      if (this.#output.hasRoom(connection, size)) return undefined;
    }
    this.#dropped(connection, 1);
    return 'dropped';
  }

  #dropped(connection: Connection, count: number): void {
    if (count === 0) return;
    connection.rarely.dropped += count;
    this.#counts.add(Count.messagesDropped, count);
  }

  /**
   * There is no memory for a frame: makes some. False when the connection itself had to go.
   * @throws {RangeError} ERR_OPTION_RANGE when there never is enough
   */
  #findMemory(connection: Connection, size: number): boolean {
    if (size > this.#output.blocks.maxBlock) this.#refuseSize(size);
    if (!this.#engine.shed()) this.#tooMuch(connection);
    return connection.state === State.OPEN;
  }

  /** @throws {RangeError} ERR_OPTION_RANGE */
  #refuseSize(size: number): never {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot send a message: its frame must have at most ${this.#output.blocks.maxBlock} bytes ` +
        `(see memoryBytes), got ${size}`,
    );
  }

  #tooMuch(connection: Connection): 'closed' {
    this.#counts.add(Count.sendQueueOverflows, 1);
    const { sockets } = this.#engine;
    sockets.startClose(connection, CloseCode.TRY_AGAIN_LATER, 'Too much waits to be read');
    return 'closed';
  }

  /** Too much waits for something that nothing older can make room for. */
  full(connection: Connection): SendResult {
    if (this.#policy === 'close') return this.#tooMuch(connection);
    this.watch(connection);
    this.#dropped(connection, 1);
    return 'dropped';
  }

  /** `drain` is to be called when little waits. */
  watch(connection: Connection): void {
    if (connection.route?.handlers.drain !== undefined) connection.ends |= WATCHED;
  }

  /** Room in a connection's queue for a frame that many get, as `frame` makes it. */
  hasRoomFor(connection: Connection, size: number): boolean {
    return this.#output.hasRoom(connection, size) || this.#makeRoom(connection, size) === undefined;
  }

  /** No memory to let a frame wait that many get. False when the connection had to go. */
  findMemoryFor(connection: Connection, size: number): boolean {
    return this.#findMemory(connection, size);
  }
}
