/** The browser's WebSocket on Rondo's driver, and what a program on a server needs beside it. */
import { misuse, outOfRange, RondoError } from '../../base/index.ts';
import { MAX_CONTROL_BYTES } from '../codec/index.ts';
import { parseTarget } from './address.ts';
import { checkCloseArguments } from './close-arguments.ts';
import { TypedEventTarget } from './event-target.ts';
import { CloseEvent, ErrorEvent, MessageEvent } from './events.ts';
import { checkProtocols } from './handshake.ts';
import { Iteration, type IterationHost } from './iteration.ts';
import {
  isBinaryType,
  resolveWebSocketOptions,
  type BinaryType,
  type ResolvedWebSocketOptions,
  type WebSocketOptions,
} from './options.ts';
import type { Sendable } from './outbox.ts';
import {
  closePayload,
  Pause,
  ReadyState,
  Session,
  type SessionEnd,
  type SessionOwner,
} from './session.ts';
import { nodeTimers, type Timers } from './timers.ts';
import type { MessageData, SendData } from './types.ts';

/** The events of a `WebSocket`. */
export type WebSocketEvents = {
  open: Event;
  message: MessageEvent;
  /** The answer to a `ping`; its data is a Uint8Array. */
  pong: MessageEvent;
  /** `bufferedAmount` was above `drainBytes` and is not any more. */
  drain: Event;
  error: ErrorEvent;
  close: CloseEvent;
};

/** Text up to this size is copied by hand, which is faster than making an object to copy to. */
const SMALL_BYTES = 256;
const scratch: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A WebSocket client with the browser's interface (WHATWG WebSockets), and more by its options: see
 * `WebSocketOptions`. It is also an async iterable of its messages, which reads no faster than the
 * loop does.
 *
 * Events are dispatched from the event loop, never from inside a call. Messages that arrive
 * together are dispatched in one turn.
 *
 * @example
 * const socket = new WebSocket('ws://127.0.0.1:9001/echo');
 * socket.onopen = () => socket.send('hello');
 * for await (const message of socket) {
 *   console.log(message);
 *   socket.close();
 * }
 */
export class WebSocket extends TypedEventTarget<WebSocketEvents> {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  /** The URL it connects to, as it was resolved. */
  readonly url: string;
  readonly #options: ResolvedWebSocketOptions;
  readonly #origin: string;
  readonly #session: Session;
  readonly #iterations: Set<Iteration> = new Set();
  #host: IterationHost | undefined;
  #binaryType: BinaryType;
  #end: SessionEnd | undefined;
  /** `bufferedAmount` was seen above `drainBytes`. */
  #above = false;
  #drained: Waiter[] = [];
  #opened: Waiter[] = [];

  /**
   * Begins to connect.
   * @throws {DOMException} SyntaxError for a URL or subprotocols that cannot be used
   * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_HTTP_HEADER
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] = [],
    options: WebSocketOptions = {},
    timers: Timers = nodeTimers,
  ) {
    super();
    const target = parseTarget(url);
    const checked = checkProtocols(protocols);
    this.#options = resolveWebSocketOptions(options);
    this.url = target.url;
    this.#origin = target.origin;
    this.#binaryType = this.#options.binaryType;
    const settings = { target, protocols: checked, options: this.#options, timers };
    this.#session = new Session(settings, this.#makeOwner());
  }

  get CONNECTING(): 0 {
    return 0;
  }

  get OPEN(): 1 {
    return 1;
  }

  get CLOSING(): 2 {
    return 2;
  }

  get CLOSED(): 3 {
    return 3;
  }

  /** 0 CONNECTING, 1 OPEN, 2 CLOSING or 3 CLOSED. */
  get readyState(): number {
    return this.#session.readyState;
  }

  /** The subprotocol that the server chose; '' before, and without one. */
  get protocol(): string {
    return this.#session.agreement.protocol;
  }

  /** The extensions that were agreed, as the server wrote them; '' before, and without any. */
  get extensions(): string {
    return this.#session.agreement.extensions;
  }

  /**
   * Bytes of messages that were sent and have not been handed to the system. After the end it only
   * grows.
   */
  get bufferedAmount(): number {
    return this.#session.bufferedAmount;
  }

  /** What binary messages are from now on. Setting another value than its three changes nothing. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (isBinaryType(type)) this.#binaryType = type;
  }

  // ---- the attributes that are listeners

  get onopen(): ((event: Event) => unknown) | null {
    return this.attribute('open');
  }

  set onopen(handler: ((event: Event) => unknown) | null) {
    this.setAttribute('open', handler);
  }

  get onmessage(): ((event: MessageEvent) => unknown) | null {
    return this.attribute('message');
  }

  set onmessage(handler: ((event: MessageEvent) => unknown) | null) {
    this.setAttribute('message', handler);
  }

  get onerror(): ((event: ErrorEvent) => unknown) | null {
    return this.attribute('error');
  }

  set onerror(handler: ((event: ErrorEvent) => unknown) | null) {
    this.setAttribute('error', handler);
  }

  get onclose(): ((event: CloseEvent) => unknown) | null {
    return this.attribute('close');
  }

  set onclose(handler: ((event: CloseEvent) => unknown) | null) {
    this.setAttribute('close', handler);
  }

  // ---- sending

  /**
   * Sends a message. Text is sent as text, anything else as bytes, which are copied. When the
   * connection is closing or closed the message is dropped, as in browsers, and only counted in
   * `bufferedAmount`.
   * @throws {DOMException} InvalidStateError while it is connecting
   * @throws {RondoError} ERR_SEND_QUEUE when more would wait than `maxSendQueueBytes`
   */
  send(data: SendData): void {
    const session = this.#session;
    if (session.readyState === ReadyState.CONNECTING) {
      throw new DOMException('Cannot send: the WebSocket is connecting', 'InvalidStateError');
    }
    const sendable = toSendable(data);
    session.send(sendable, sizeOf(sendable));
    if (session.bufferedAmount > this.#options.drainBytes) this.#above = true;
  }

  /**
   * Resolves when at most `drainBytes` wait to be sent: at once, or with the drain event. Await it
   * between sends to send no faster than the network takes it.
   * @throws {RondoError} ERR_WEBSOCKET_CLOSED when the connection is not open, or ends before
   */
  drained(): Promise<void> {
    if (this.readyState >= ReadyState.CLOSING) return Promise.reject(this.#overError());
    if (this.bufferedAmount <= this.#options.drainBytes) return Promise.resolve();
    return new Promise((resolve, reject) => this.#drained.push({ resolve, reject }));
  }

  /**
   * Sends a ping; the answer is a pong event with the same bytes. Of several that wait to be sent,
   * only the last is. Nothing happens unless the connection is open.
   * @throws {TypeError} ERR_OPTION_TYPE when the payload is no string and no bytes
   * @throws {RangeError} ERR_OPTION_RANGE when it has more than 125 bytes
   */
  ping(payload: string | Uint8Array = ''): void {
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot ping: the payload must be a string or a Uint8Array');
    }
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : new Uint8Array(payload);
    if (bytes.length > MAX_CONTROL_BYTES) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot ping: the payload must have 0 to ${MAX_CONTROL_BYTES} bytes, got ${bytes.length}`,
      );
    }
    this.#session.ping(bytes);
  }

  // ---- receiving

  /**
   * Stops reading from the network, so that the server has to wait, until `resume`. A message or
   * two may still be dispatched. While it is paused the connection cannot end by itself.
   */
  pause(): void {
    this.#session.pause(Pause.PROGRAM);
  }

  /** Reads again. */
  resume(): void {
    this.#session.resume(Pause.PROGRAM);
  }

  /** Whether `pause` was called, and not `resume` since. */
  get isPaused(): boolean {
    return this.#session.isPaused;
  }

  /**
   * The messages from now on. Reading pauses when `readAheadBytes` of them wait for the loop. The
   * iteration ends with the connection, by throwing its error when that did not end cleanly;
   * leaving the loop does not close the connection.
   * @throws {RondoError} what the error event has, or ERR_WEBSOCKET_CLOSED
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageData, undefined> {
    this.#host ??= {
      roomChanged: () => this.#roomChanged(),
      left: (iteration) => {
        this.#iterations.delete(iteration);
        this.#roomChanged();
      },
    };
    const iteration = new Iteration(this.#host, this.#options.readAheadBytes);
    if (this.#end === undefined) this.#iterations.add(iteration);
    else iteration.end(this.#iterationError(this.#end));
    return iteration;
  }

  /** Resolves when the connection is open. @throws {RondoError} the reason why it will not be */
  opened(): Promise<void> {
    if (this.readyState === ReadyState.OPEN) return Promise.resolve();
    if (this.#end !== undefined) return Promise.reject(this.#overError());
    return new Promise((resolve, reject) => this.#opened.push({ resolve, reject }));
  }

  // ---- ending

  /**
   * Closes the connection: what was sent goes out first, then the close handshake. While it is
   * connecting it is given up. Nothing happens when it is closing or closed already.
   * @throws {DOMException} InvalidAccessError when the code is neither 1000 nor 3000 to 4999
   * @throws {DOMException} SyntaxError when the reason is above 123 bytes of UTF-8
   */
  close(code?: number, reason?: string): void {
    const checked = checkCloseArguments(code, reason);
    this.#session.close(closePayload(checked.code, checked.reason));
  }

  /** Ends the connection at once, without a close handshake: the close event has code 1006. */
  terminate(): void {
    this.#session.terminate();
  }

  /** Messages of which nothing was handed to the system, once it is closed. @internal */
  get unsent(): readonly Sendable[] {
    return this.#end?.unsent ?? [];
  }

  // ---- what the session tells

  #makeOwner(): SessionOwner {
    return {
      opened: () => {
        for (const { resolve } of this.#opened.splice(0)) resolve();
        this.dispatchEvent(new Event('open'));
      },
      message: (isText, offset, length) => {
        const data = this.#read(isText, offset, length);
        for (const iteration of this.#iterations) iteration.push(data, length);
        this.dispatchEvent(new MessageEvent('message', data, this.#origin));
      },
      pong: (payload) => {
        this.dispatchEvent(new MessageEvent('pong', payload, this.#origin));
      },
      progressed: () => this.#progressed(),
      closed: (end) => this.#closed(end),
    };
  }

  #read(isText: boolean, offset: number, length: number): MessageData {
    const memory = this.#session.hub.bytes;
    // Into private memory first: others may write to the arena while it is decoded.
    if (isText && length <= SMALL_BYTES) {
      for (let i = 0; i < length; i++) scratch[i] = memory[offset + i]!;
      return scratch.toString('utf8', 0, length);
    }
    const bytes = memory.slice(offset, offset + length);
    const { buffer } = bytes;
    if (isText) return Buffer.from(buffer).toString('utf8');
    if (this.#binaryType === 'blob') return new Blob([buffer]);
    return this.#binaryType === 'arraybuffer' ? buffer : bytes;
  }

  #progressed(): void {
    if (!this.#above || this.bufferedAmount > this.#options.drainBytes) return;
    this.#above = false;
    for (const { resolve } of this.#drained.splice(0)) resolve();
    this.dispatchEvent(new Event('drain'));
  }

  #roomChanged(): void {
    const full = [...this.#iterations].some((iteration) => iteration.isFull);
    if (full) this.#session.pause(Pause.ITERATION);
    else this.#session.resume(Pause.ITERATION);
  }

  #closed(end: SessionEnd): void {
    this.#end = end;
    for (const { reject } of [...this.#opened.splice(0), ...this.#drained.splice(0)]) {
      reject(this.#overError());
    }
    for (const iteration of this.#iterations) iteration.end(this.#iterationError(end));
    this.#iterations.clear();
    if (end.error !== undefined) this.dispatchEvent(new ErrorEvent('error', end.error));
    this.dispatchEvent(new CloseEvent('close', end));
  }

  #iterationError(end: SessionEnd): Error | undefined {
    return end.wasClean ? undefined : this.#overError();
  }

  #overError(): Error {
    const end = this.#end;
    if (end?.error !== undefined) return end.error;
    const how = end === undefined ? 'it is closing' : `it was closed with ${end.code}`;
    return new RondoError('ERR_WEBSOCKET_CLOSED', `Cannot use the WebSocket: ${how}`);
  }
}

/** What is neither text nor bytes is sent as text, as the standard converts it. */
export function toSendable(data: SendData): Sendable {
  if (typeof data === 'string' || data instanceof Uint8Array || data instanceof Blob) return data;
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) return new Uint8Array(data);
  return String(data);
}

/** Bytes of a message. */
export function sizeOf(data: Sendable): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return data instanceof Blob ? data.size : data.length;
}
