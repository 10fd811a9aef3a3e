/**
 * A WebSocket that comes back: the same interface over one connection after another.
 *
 *  1. At most one connection is there at a time, and at most one timer or lookup of a URL.
 *  2. A message is handed to one connection only. It goes to the next when nothing of it was handed
 *     to the system; what was may or may not have arrived, and is never sent again.
 *  3. `close` is dispatched once, at the end; what happens between is told by `reconnecting`.
 */
import { RondoError, systemRandom, type Random } from '../../base/index.ts';
import { backoffDelay } from './backoff.ts';
import { checkCloseArguments } from './close-arguments.ts';
import { TypedEventTarget } from './event-target.ts';
import { CloseEvent, ErrorEvent, MessageEvent, ReconnectingEvent } from './events.ts';
import { Fifo } from './fifo.ts';
import { checkProtocols } from './handshake.ts';
import { Iteration, type IterationHost } from './iteration.ts';
import { isBinaryType, resolveWebSocketOptions, type BinaryType } from './options.ts';
import type { Sendable } from './outbox.ts';
import {
  resolveReconnectOptions,
  type ReconnectingWebSocketOptions,
  type ResolvedReconnectOptions,
} from './reconnect-options.ts';
import { Pause, ReadyState } from './session.ts';
import { nodeTimers, type Timers } from './timers.ts';
import type { MessageData, SendData } from './types.ts';
import { sizeOf, toSendable, WebSocket } from './websocket.ts';

/** The events of a `ReconnectingWebSocket`. */
export type ReconnectingWebSocketEvents = {
  /** For each connection. */
  open: Event;
  message: MessageEvent;
  drain: Event;
  reconnecting: ReconnectingEvent;
  /** It will not come back; a close event follows. */
  error: ErrorEvent;
  /** Once, at the end. */
  close: CloseEvent;
};

/** A URL, or what gives one for each connection, such as one with a fresh token in it. */
export type UrlSource = string | URL | (() => string | URL | Promise<string | URL>);

/** What it stands on; a test hands in others. */
export interface ReconnectSystem {
  readonly timers: Timers;
  readonly random: Random;
  connect(url: string | URL, protocols: readonly string[], options: object): WebSocket;
}

const SYSTEM: ReconnectSystem = {
  timers: nodeTimers,
  random: systemRandom,
  connect: (url, protocols, options) => new WebSocket(url, protocols, options),
};

interface Queued {
  readonly data: Sendable;
  readonly size: number;
}

/**
 * A WebSocket that connects again when its connection is lost, after delays that grow exponentially
 * with full jitter, and sends what was to be sent meanwhile. The interface is that of `WebSocket`;
 * `readyState` is CONNECTING while there is no connection, and `close` comes once, at the end.
 *
 * Messages that the system had taken when a connection was lost may or may not have arrived: they
 * are not sent again.
 *
 * @example
 * const socket = new ReconnectingWebSocket(() => `wss://example.com/feed?token=${freshToken()}`);
 * socket.onreconnecting = ({ attempt, delayMs }) => console.log(attempt, delayMs);
 * for await (const message of socket) console.log(message);
 */
export class ReconnectingWebSocket extends TypedEventTarget<ReconnectingWebSocketEvents> {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  readonly #source: UrlSource;
  readonly #protocols: readonly string[];
  readonly #options: ResolvedReconnectOptions;
  readonly #sendLimit: number;
  readonly #drainBytes: number;
  readonly #readAheadBytes: number;
  readonly #system: ReconnectSystem;
  readonly #queue: Fifo<Queued> = new Fifo();
  #queuedBytes = 0;
  #dropped = 0;
  #readyState: number = ReadyState.CONNECTING;
  #binaryType: BinaryType;
  #socket: WebSocket | undefined;
  /** The last URL that was connected to. */
  #url = '';
  /** Attempts since the last stable connection. */
  #attempt = 0;
  /** Until the next attempt, or until the connection is stable. */
  #timer: unknown;
  #closeAsked: { code: number | undefined; reason: string } | undefined;
  /** Bits of `Pause`. */
  #paused = 0;
  #above = false;
  #waiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly #iterations: Set<Iteration> = new Set();
  readonly #host: IterationHost = {
    roomChanged: () => this.#roomChanged(),
    left: (iteration) => {
      this.#iterations.delete(iteration);
      this.#roomChanged();
    },
  };
  #end: CloseEvent | undefined;

  /**
   * Begins to connect. `system` is for tests.
   * @throws {DOMException} SyntaxError for subprotocols that cannot be used
   * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_HTTP_HEADER
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  constructor(
    url: UrlSource,
    protocols: string | readonly string[] = [],
    options: ReconnectingWebSocketOptions = {},
    system: ReconnectSystem = SYSTEM,
  ) {
    super();
    this.#source = url;
    this.#protocols = checkProtocols(protocols);
    this.#options = resolveReconnectOptions(options);
    const connection = resolveWebSocketOptions(this.#options.connection);
    this.#binaryType = connection.binaryType;
    this.#sendLimit = connection.maxSendQueueBytes;
    this.#drainBytes = connection.drainBytes;
    this.#readAheadBytes = connection.readAheadBytes;
    this.#system = system;
    this.#connect();
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

  /** 0 CONNECTING, for the first time or again, 1 OPEN, 2 CLOSING or 3 CLOSED. */
  get readyState(): number {
    return this.#readyState;
  }

  /** The URL of the last connection; '' before the first. */
  get url(): string {
    return this.#url;
  }

  /** The subprotocol of the connection; '' without one. */
  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  /** The extensions of the connection; '' without any. */
  get extensions(): string {
    return this.#socket?.extensions ?? '';
  }

  /** Bytes of messages that wait for a connection, or to be handed to the system. */
  get bufferedAmount(): number {
    return this.#queuedBytes + (this.#socket?.bufferedAmount ?? 0);
  }

  /** Messages that were dropped: by `queuePolicy`, and those that waited at the end. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What binary messages are from now on. */
  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (!isBinaryType(type)) return;
    this.#binaryType = type;
    if (this.#socket !== undefined) this.#socket.binaryType = type;
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

  get onreconnecting(): ((event: ReconnectingEvent) => unknown) | null {
    return this.attribute('reconnecting');
  }

  set onreconnecting(handler: ((event: ReconnectingEvent) => unknown) | null) {
    this.setAttribute('reconnecting', handler);
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

  // ---- what the program says

  /**
   * Sends a message on the connection, or on the next one. When it is closing or closed the message
   * is dropped.
   * @throws {RondoError} ERR_SEND_QUEUE when more would wait than `maxQueueBytes`, and the policy is
   * 'error'
   */
  send(data: SendData): void {
    const sendable = toSendable(data);
    const size = sizeOf(sendable);
    if (this.#readyState >= ReadyState.CLOSING) {
      this.#dropped += 1;
    } else if (this.#queue.length === 0 && this.#fits(size)) {
      this.#socket!.send(sendable);
    } else if (this.#makeRoom(size)) {
      const kept = sendable instanceof Uint8Array ? new Uint8Array(sendable) : sendable;
      this.#queue.push({ data: kept, size });
      this.#queuedBytes += size;
    }
    if (this.bufferedAmount > this.#drainBytes) this.#above = true;
  }

  /**
   * Resolves when at most `drainBytes` wait; while there is no connection that takes until there is
   * one again.
   * @throws {RondoError} ERR_WEBSOCKET_CLOSED when it is closing, closed or closes before
   */
  drained(): Promise<void> {
    if (this.#readyState >= ReadyState.CLOSING) return Promise.reject(this.#overError());
    if (this.bufferedAmount <= this.#drainBytes) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Stops reading from the network until `resume`, also on the next connections. */
  pause(): void {
    this.#setPaused(this.#paused | Pause.PROGRAM);
  }

  /** Reads again. */
  resume(): void {
    this.#setPaused(this.#paused & ~Pause.PROGRAM);
  }

  /** Whether `pause` was called, and not `resume` since. */
  get isPaused(): boolean {
    return (this.#paused & Pause.PROGRAM) !== 0;
  }

  /**
   * The messages of all connections from now on; see the same of `WebSocket`. Ends at `close`, by
   * throwing when that was not clean.
   * @throws {RondoError} what the error event has, or ERR_WEBSOCKET_CLOSED
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<MessageData, undefined> {
    const iteration = new Iteration(this.#host, this.#readAheadBytes);
    if (this.#end === undefined) this.#iterations.add(iteration);
    else iteration.end(this.#end.wasClean ? undefined : this.#overError());
    return iteration;
  }

  /**
   * Closes for good. With a connection, what was sent goes out first; without one the messages that
   * wait are dropped, and the close event has code 1006.
   * @throws {DOMException} InvalidAccessError, SyntaxError as `WebSocket.close`
   */
  close(code?: number, reason?: string): void {
    const checked = checkCloseArguments(code, reason);
    if (this.#readyState >= ReadyState.CLOSING) return;
    const wasOpen = this.#readyState === ReadyState.OPEN;
    this.#readyState = ReadyState.CLOSING;
    this.#closeAsked = checked;
    this.#system.timers.stop(this.#timer);
    if (wasOpen) this.#pump();
    else if (this.#socket !== undefined) this.#socket.close();
    else this.#timer = this.#system.timers.start(() => this.#finish(GIVEN_UP), 0, true);
  }

  // ---- connections

  #connect(): void {
    const source = this.#source;
    if (typeof source !== 'function') {
      this.#open(source);
      return;
    }
    // The function is not called before the constructor has returned.
    Promise.resolve()
      .then(source)
      .then(
        (url) => this.#open(url),
        (error: unknown) => this.#refused(error),
      );
  }

  #open(url: string | URL): void {
    if (this.#readyState !== ReadyState.CONNECTING) return;
    const options = { ...this.#options.connection, binaryType: this.#binaryType };
    let socket: WebSocket;
    try {
      socket = this.#system.connect(url, this.#protocols, options);
    } catch (error) {
      if (typeof this.#source !== 'function') throw error;
      this.#refused(error);
      return;
    }
    this.#socket = socket;
    this.#url = socket.url;
    if (this.#paused !== 0) socket.pause();
    socket.addEventListener('open', () => this.#opened());
    socket.addEventListener('message', (event) => this.#received(event));
    socket.addEventListener('drain', () => this.#pump());
    socket.addEventListener('close', (event) => this.#lost(event));
  }

  /** There is no URL, or none that can be used. */
  #refused(error: unknown): void {
    if (this.#readyState !== ReadyState.CONNECTING) return;
    const cause = error instanceof Error ? error : new Error(String(error));
    const message = `Cannot open the WebSocket: its URL cannot be had: ${cause.message}`;
    const reason = new RondoError('ERR_WEBSOCKET_CONNECT', message, { cause });
    this.#lost(new CloseEvent('close', { ...ABNORMAL, error: reason }));
  }

  #opened(): void {
    if (this.#readyState !== ReadyState.CONNECTING) return;
    this.#readyState = ReadyState.OPEN;
    const { stableAfterMs } = this.#options;
    this.#timer = this.#system.timers.start(() => (this.#attempt = 0), stableAfterMs, false);
    this.#pump();
    this.dispatchEvent(new Event('open'));
  }

  #received({ data, origin }: MessageEvent): void {
    for (const iteration of this.#iterations) iteration.push(data, lengthOf(data));
    this.dispatchEvent(new MessageEvent('message', data, origin));
  }

  #lost(event: CloseEvent): void {
    const { timers, random } = this.#system;
    timers.stop(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) this.#takeBack(socket.unsent);
    let comesBack = false;
    try {
      comesBack = this.#readyState !== ReadyState.CLOSING && this.#comesBack(event);
    } finally {
      // Also when `shouldReconnect` throws: it is over then, and the error is the program's.
      if (!comesBack) this.#finish(event);
    }
    if (!comesBack) return;
    this.#readyState = ReadyState.CONNECTING;
    this.#attempt += 1;
    const delayMs = backoffDelay(this.#options, this.#attempt, random);
    this.#timer = timers.start(() => this.#connectAgain(), delayMs, true);
    this.dispatchEvent(new ReconnectingEvent(this.#attempt, delayMs, event));
  }

  #connectAgain(): void {
    try {
      this.#connect();
    } catch (error) {
      this.#refused(error);
    }
  }

  #comesBack(event: CloseEvent): boolean {
    return this.#attempt < this.#options.maxAttempts && this.#options.shouldReconnect(event);
  }

  #finish(event: CloseEvent): void {
    this.#readyState = ReadyState.CLOSED;
    this.#dropped += this.#queue.drain().length;
    this.#queuedBytes = 0;
    this.#end = event;
    const asked = this.#closeAsked !== undefined;
    const error = event.wasClean || asked ? undefined : this.#overError();
    for (const { reject } of this.#waiters.splice(0)) reject(this.#overError());
    for (const iteration of this.#iterations) iteration.end(error);
    this.#iterations.clear();
    if (error !== undefined) this.dispatchEvent(new ErrorEvent('error', error));
    this.dispatchEvent(new CloseEvent('close', { ...fieldsOf(event), error }));
  }

  #overError(): Error {
    const end = this.#end;
    if (end?.error !== undefined) return end.error;
    const how = end === undefined ? 'it is closing' : `it was closed with ${end.code}`;
    return new RondoError('ERR_WEBSOCKET_CLOSED', `Cannot use the WebSocket: ${how}`);
  }

  // ---- the queue

  /** Whether the connection takes so much now. */
  #fits(size: number): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== ReadyState.OPEN || this.#readyState === ReadyState.CONNECTING) {
      return false;
    }
    return socket.bufferedAmount === 0 || socket.bufferedAmount + size <= this.#sendLimit;
  }

  /** Whether the message may wait; drops others for it when the policy says so. */
  #makeRoom(size: number): boolean {
    const { maxQueueBytes, queuePolicy } = this.#options;
    const over = () => this.#queuedBytes + size > maxQueueBytes;
    if (!over()) return true;
    if (queuePolicy === 'error') {
      throw new RondoError(
        'ERR_SEND_QUEUE',
        `Cannot send ${size} bytes: ${this.#queuedBytes} wait already, of ${maxQueueBytes}`,
      );
    }
    while (queuePolicy === 'drop-oldest' && over() && this.#queue.length > 0) {
      this.#queuedBytes -= this.#queue.shift()!.size;
      this.#dropped += 1;
    }
    if (!over()) return true;
    this.#dropped += 1;
    return false;
  }

  /** Hands over what waits, as far as the connection takes it. */
  #pump(): void {
    const queue = this.#queue;
    while (queue.length > 0 && this.#fits(queue.first.size)) {
      const { data, size } = queue.shift()!;
      this.#queuedBytes -= size;
      this.#socket!.send(data);
    }
    if (queue.length === 0 && this.#closeAsked !== undefined) {
      this.#socket?.close(this.#closeAsked.code, this.#closeAsked.reason);
    }
    if (!this.#above || this.bufferedAmount > this.#drainBytes) return;
    this.#above = false;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
    this.dispatchEvent(new Event('drain'));
  }

  /** Before what waits: they were sent before it. */
  #takeBack(unsent: readonly Sendable[]): void {
    if (unsent.length === 0) return;
    const waiting = this.#queue.drain();
    for (const data of unsent) {
      const size = sizeOf(data);
      this.#queue.push({ data, size });
      this.#queuedBytes += size;
    }
    for (const item of waiting) this.#queue.push(item);
  }

  // ---- pausing

  #roomChanged(): void {
    const full = [...this.#iterations].some((iteration) => iteration.isFull);
    this.#setPaused(full ? this.#paused | Pause.ITERATION : this.#paused & ~Pause.ITERATION);
  }

  #setPaused(paused: number): void {
    const before = this.#paused;
    this.#paused = paused;
    if (before === 0 && paused !== 0) this.#socket?.pause();
    else if (before !== 0 && paused === 0) this.#socket?.resume();
  }
}

const ABNORMAL = { code: 1006, reason: '', wasClean: false, error: undefined };

/** The end of one that had no connection when it was closed. */
const GIVEN_UP: CloseEvent = new CloseEvent('close', ABNORMAL);

function fieldsOf({ code, reason, wasClean }: CloseEvent): Omit<typeof ABNORMAL, 'error'> {
  return { code, reason, wasClean };
}

function lengthOf(data: MessageData): number {
  if (typeof data === 'string') return data.length;
  return data instanceof Blob ? data.size : data.byteLength;
}
