/** Server-sent events: a response that goes on, one chunk for each event. */
import { choiceOption, integerOption, misuse, rejectUnknown } from '../../base/index.ts';
import {
  formatChunk,
  formatEvent,
  formatHead,
  HEARTBEAT,
  LAST_CHUNK,
  type RequestHead,
  type ServerEvent,
} from '../../http/index.ts';
import { Count } from '../metrics/counters.ts';
import { WATCHED } from '../output/output.ts';
import type { AnyParams } from '../routing/paths.ts';
import type { Connection } from '../sockets/connection.ts';
import { Refusal } from '../sockets/handlers.ts';
import { isWritable, periodOf, Progress, type Exchange, type ExchangeKeeper } from './exchange.ts';
import { callHandler } from './failures.ts';
import { HandlerExchange, SEND_TIMEOUT_MS, type RouteLimits } from './handler-exchange.ts';
import { isReplyObject, textReply } from './reply.ts';
import { HttpRequest } from './request.ts';

/** What became of an event. */
export type EventResult =
  /** On its way, nothing before it. */
  | 'sent'
  /** It waits behind others. `drain` tells when they have left. */
  | 'queued'
  /**
   * Too much waits: this event was dropped with `drop-newest`, the oldest that waited with
   * `drop-oldest`. Counted in `dropped`.
   */
  | 'dropped'
  /** Nobody will get it: the stream is over, or was ended because too much waits. */
  | 'closed';

/** What happens on a stream of events. Handlers may be async; what they throw ends the stream. */
export interface EventHandlers<Params = AnyParams, Data = unknown> {
  /**
   * A client is there. As long as nothing was sent, a reply that this returns is what the client
   * gets instead of the stream: `refuse(401)`, `{ status: 204 }` (which keeps browsers from coming
   * again).
   */
  open(stream: EventStream<Params, Data>): unknown;
  /** Little waits, after something was 'queued' or 'dropped'. */
  drain?(stream: EventStream<Params, Data>): unknown;
  /** The stream is over, whoever ended it. Called once, unless `open` replied something else. */
  close?(stream: EventStream<Params, Data>): unknown;
}

/** How a route of events is served. */
export interface EventOptions {
  /**
   * Milliseconds of silence after which a comment is sent, so that proxies do not take it for an
   * end, and clients that vanished are found; 0 for never, up to 3,600,000. @default 15,000
   */
  readonly heartbeatMs?: number;
  /**
   * Milliseconds in which a client must take some of what waits for it, 1 to 3,600,000; then it is
   * reset. While memory is scarce it is reset after 2 seconds already. @default 60,000
   */
  readonly sendTimeoutMs?: number;
  /**
   * Bytes that may wait for one client, 1 KiB to 1 GiB; one event always may. For all clients
   * together it is the gateway's `memoryBytes`. @default 1 MiB
   */
  readonly maxQueueBytes?: number;
  /**
   * What happens to an event for which there is no room: the stream is ended (its client comes
   * again, and says what it got last), or this one or the oldest that waits is dropped.
   * @default 'close'
   */
  readonly queuePolicy?: 'close' | 'drop-newest' | 'drop-oldest';
}

/** A route of events. */
export interface EventRoute extends RouteLimits {
  readonly handlers: EventHandlers;
  readonly heartbeatMs: number;
  readonly maxQueueBytes: number;
  readonly queuePolicy: NonNullable<EventOptions['queuePolicy']>;
}

const HOUR_MS = 3_600_000;
const KIB = 1024;
const POLICIES = ['close', 'drop-newest', 'drop-oldest'] as const;

/**
 * Checks a route of events.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveEventRoute(
  path: string,
  handlers: EventHandlers,
  options: EventOptions,
): EventRoute {
  const what = `route ${path}`;
  if (typeof handlers !== 'object' || handlers === null || typeof handlers.open !== 'function') {
    throw misuse('ERR_OPTION_TYPE', `Cannot add ${what}: it needs handlers, of which one is open`);
  }
  rejectUnknown(what, handlers, ['open', 'drain', 'close']);
  rejectUnknown(what, options, ['heartbeatMs', 'sendTimeoutMs', 'maxQueueBytes', 'queuePolicy']);
  const { heartbeatMs, sendTimeoutMs, maxQueueBytes, queuePolicy } = options;
  return Object.freeze({
    name: `GET ${path}`,
    handlers,
    maxBodyBytes: 0,
    bodyTimeoutMs: SEND_TIMEOUT_MS,
    sendTimeoutMs: integerOption('sendTimeoutMs', sendTimeoutMs, SEND_TIMEOUT_MS, 1, HOUR_MS),
    heartbeatMs: integerOption('heartbeatMs', heartbeatMs, 15_000, 0, HOUR_MS),
    maxQueueBytes: integerOption('maxQueueBytes', maxQueueBytes, KIB * KIB, KIB, KIB ** 3),
    queuePolicy: choiceOption('queuePolicy', queuePolicy, 'close', POLICIES),
  });
}

/**
 * The server's side of an `EventSource`. `Params` are the parameters of its route's path, `Data` is
 * what the program keeps in `data`.
 */
export class EventStream<Params = AnyParams, Data = unknown> {
  /** What the client asked for. */
  readonly request: HttpRequest<Params>;
  /** The program's own; undefined at first. */
  data: Data = undefined as Data;
  readonly #exchange: EventExchange;

  /** @internal */
  constructor(exchange: EventExchange, request: HttpRequest) {
    this.#exchange = exchange;
    this.request = request as HttpRequest<Params>;
  }

  /** The parameters of the route's path, decoded. */
  get params(): Params {
    return this.request.params;
  }

  /** The id of the last event that the client got on an earlier stream; '' on its first. */
  get lastEventId(): string {
    return this.request.headers.get('last-event-id') ?? '';
  }

  /** Whether events can be sent. */
  get isOpen(): boolean {
    return this.#exchange.isOpen;
  }

  /** Bytes that were sent here and have not left yet. */
  get bufferedAmount(): number {
    return this.#exchange.buffered;
  }

  /** Events that were dropped because too much waited. */
  get dropped(): number {
    return this.#exchange.dropped;
  }

  /**
   * Sends an event.
   * @throws {TypeError} ERR_EVENT when a field is not as it must be
   */
  send(event: ServerEvent): EventResult {
    return this.#exchange.send(event);
  }

  /** Ends the stream after what was sent. Browsers come again, unless they were told otherwise. */
  close(): void {
    this.#exchange.close();
  }
}

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache',
  // nginx, and others after it, would keep events back to fill a buffer.
  'X-Accel-Buffering': 'no',
};

/** The stream on its connection. */
export class EventExchange implements Exchange {
  readonly periodMs: number;
  readonly #keeper: ExchangeKeeper;
  readonly #connection: Connection;
  readonly #head: RequestHead;
  readonly #params: AnyParams;
  readonly #route: EventRoute;
  readonly #stream: EventStream;
  readonly #progress: Progress;
  /** Events that wait for room, whole. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #written = 0;
  #headSent = false;
  #drainWanted = false;
  #open = true;
  /** `open` may still answer something else. */
  #opening = true;
  /** Bytes came behind the request, and were thrown away. */
  #heard = false;
  /** It is to end when nothing waits any more. */
  #closing = false;
  #dropped = 0;
  /** `written` at the last tick, and when it changed last. */
  #writtenBefore = 0;
  #quietSince = -1;

  constructor(
    keeper: ExchangeKeeper,
    connection: Connection,
    head: RequestHead,
    params: AnyParams,
    route: EventRoute,
  ) {
    this.#keeper = keeper;
    this.#connection = connection;
    this.#head = head;
    this.#params = params;
    this.#route = route;
    const addressOf = (): string => keeper.addressOf(connection, head.headers);
    this.#stream = new EventStream(this, new HttpRequest(head, params, addressOf, undefined));
    this.#progress = new Progress(route.sendTimeoutMs);
    this.periodMs = periodOf(route.sendTimeoutMs, route.heartbeatMs);
  }

  get stalledMs(): number {
    return this.#progress.stalledMs;
  }

  get isOpen(): boolean {
    return this.#open && !this.#closing;
  }

  get buffered(): number {
    return this.#open ? this.#connection.queued + this.#waitingBytes : 0;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Calls `open`. */
  start(): void {
    const { chunked, contentLength, method } = this.#head;
    if (method === 'HEAD' || chunked || contentLength > 0) {
      const refusal = textReply(400, 'A request for events has no body');
      this.#answer(method === 'HEAD' ? { headers: HEADERS } : refusal);
      return;
    }
    callHandler(
      () => this.#route.handlers.open(this.#stream),
      (value) => this.#opened(value),
      (error) => {
        if (error instanceof Refusal) this.#opened(error);
        else this.#failed(error);
      },
    );
  }

  send(event: ServerEvent): EventResult {
    const bytes = this.#frame(formatEvent(event));
    const { maxBlock } = this.#keeper.engine.output.blocks;
    if (bytes.length > maxBlock) {
      const rule = `it must have at most ${maxBlock} bytes (see memoryBytes)`;
      throw misuse('ERR_EVENT', `Cannot send an event: ${rule}, got ${bytes.length}`);
    }
    return this.isOpen ? this.#push(bytes) : 'closed';
  }

  close(): void {
    if (!this.#open || this.#closing) return;
    this.#closing = true;
    this.#sendHead();
    this.#flush();
  }

  // ---- what the engine tells

  /** Whatever a client says on a stream, nobody listens. */
  receive(_offset: number, length: number): number {
    this.#heard = true;
    return length;
  }

  drained(): void {
    this.#flush();
    if (this.#waiting.length > 0 || !this.#drainWanted || !this.isOpen) return;
    this.#drainWanted = false;
    this.#call('drain');
  }

  inputEnded(): boolean {
    this.#end();
    return false;
  }

  drain(): void {
    this.close();
  }

  tick(now: number): void {
    const { engine } = this.#keeper;
    if (!this.#progress.isMade(now, this.#written, this.#connection.queued)) {
      engine.counts.add(Count.timeouts, 1);
      engine.release(this.#connection, 'reset');
      return;
    }
    this.#flush();
    if (this.#opening && !this.#headSent) return;
    const { heartbeatMs } = this.#route;
    if (this.#written !== this.#writtenBefore || this.#quietSince < 0) {
      this.#writtenBefore = this.#written;
      this.#quietSince = now;
    } else if (heartbeatMs > 0 && now - this.#quietSince >= heartbeatMs) {
      if (this.#waiting.length === 0) this.#write(this.#frame(HEARTBEAT));
      this.#quietSince = now;
    }
  }

  gone(): void {
    this.#end();
  }

  // ---- inside

  get #isChunked(): boolean {
    return this.#head.version === '1.1';
  }

  #frame(text: string): Buffer {
    const bytes = Buffer.from(text);
    return this.#isChunked ? formatChunk(bytes) : bytes;
  }

  #opened(value: unknown): void {
    this.#opening = false;
    if (!isReplyObject(value)) {
      this.#sendHead();
    } else if (this.#open && !this.#headSent) {
      this.#answer(value);
    } else if (this.#open) {
      this.#failed(late());
    }
  }

  /** Something else instead of the stream. */
  #answer(reply: unknown): void {
    this.#open = false;
    this.#dequeueAll();
    this.#keeper.drop(this);
    const { engine } = this.#keeper;
    const exchange = new HandlerExchange(
      this.#keeper,
      this.#connection,
      this.#head,
      this.#params,
      this.#route,
    );
    this.#connection.exchange = exchange;
    // What comes next may be the rest of a request whose beginning is gone.
    if (this.#heard) exchange.drain();
    exchange.answer(reply);
    if (this.#connection.exchange !== exchange) return;
    engine.requestDone(this.#connection);
    this.#keeper.keep(exchange);
  }

  #push(bytes: Buffer): EventResult {
    this.#sendHead();
    const behind = this.#keeper.engine.output.isBehind(this.#connection);
    if (this.#waiting.length === 0 && this.#write(bytes)) {
      if (behind) this.#drainWanted = true;
      return behind ? 'queued' : 'sent';
    }
    return this.#wait(bytes);
  }

  #wait(bytes: Buffer): EventResult {
    const { queuePolicy } = this.#route;
    let result: EventResult = 'queued';
    while (!this.#enqueue(bytes)) {
      if (queuePolicy === 'close') {
        this.#keeper.engine.counts.add(Count.sendQueueOverflows, 1);
        this.#keeper.engine.release(this.#connection, 'reset');
        return 'closed';
      }
      this.#dropped += 1;
      result = 'dropped';
      this.#drainWanted = true;
      if (queuePolicy === 'drop-newest' || this.#waiting.length === 0) break;
      this.#dequeue();
    }
    this.#connection.ends |= WATCHED;
    return result;
  }

  /** False when too much waits: of this client's, or in all. */
  #enqueue(bytes: Buffer): boolean {
    const total = this.#waitingBytes + bytes.length;
    if (this.#waiting.length > 0 && total > this.#route.maxQueueBytes) return false;
    if (!this.#keeper.reserve(bytes.length)) return false;
    this.#waiting.push(bytes);
    this.#waitingBytes = total;
    this.#drainWanted = true;
    return true;
  }

  #dequeue(): void {
    const { length } = this.#waiting.shift()!;
    this.#waitingBytes -= length;
    this.#keeper.reserve(-length);
  }

  #dequeueAll(): void {
    this.#keeper.reserve(-this.#waitingBytes);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #flush(): void {
    while (this.#open && this.#waiting.length > 0) {
      if (!this.#write(this.#waiting[0]!)) {
        this.#connection.ends |= WATCHED;
        return;
      }
      this.#dequeue();
    }
    if (!this.#closing || !this.#open) return;
    const { engine } = this.#keeper;
    const isEnded = !this.#isChunked || engine.output.raw(this.#connection, LAST_CHUNK);
    this.#end();
    // Without memory for its end a reset has to say that it is over.
    if (this.#headSent && isEnded) engine.finish(this.#connection);
    else engine.release(this.#connection, 'reset');
    engine.written();
  }

  #write(bytes: Buffer): boolean {
    const { engine } = this.#keeper;
    const { output } = engine;
    const connection = this.#connection;
    this.#sendHead();
    const isFull = !isWritable(engine, connection) || !output.hasRoom(connection, bytes.length);
    if (isFull || !this.#headSent || !output.raw(connection, bytes)) return false;
    this.#written += bytes.length;
    if (this.#drainWanted) connection.ends |= WATCHED;
    engine.written();
    return true;
  }

  #sendHead(): void {
    if (this.#headSent || !this.#open) return;
    const { engine } = this.#keeper;
    const length = this.#isChunked ? 'chunked' : 'close';
    const head = formatHead({ status: 200, headers: HEADERS, keepAlive: false, length });
    if (!engine.output.raw(this.#connection, head)) return;
    this.#headSent = true;
    this.#written += head.length;
    this.#keeper.responded(200);
    engine.written();
  }

  #failed(error: unknown): void {
    this.#keeper.handlerFailed(this.#route.name, error);
    if (!this.#open) return;
    if (this.#headSent || this.#closing) this.close();
    else this.#answer(textReply(500, 'The server failed to answer'));
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#keeper.drop(this);
    this.#dequeueAll();
    if (this.#connection.exchange === this) this.#connection.exchange = null;
    this.#stream.request.gone();
    this.#call('close');
  }

  #call(name: 'drain' | 'close'): void {
    callHandler(
      () => this.#route.handlers[name]?.(this.#stream),
      () => undefined,
      (error) => this.#failed(error),
    );
  }
}

function late(): TypeError {
  const why = 'the stream of events has begun, or is over';
  return misuse('ERR_HTTP_REPLY', `Cannot answer with a reply: ${why}`);
}
