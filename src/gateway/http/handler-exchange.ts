/**
 * A request that a handler answers.
 *
 *  1. The next request is read when this one's body has ended, its response is written, and little
 *     of it waits to be sent; so responses leave in the order of the requests, and a client that
 *     asks for more than it reads waits.
 *  2. Reading is paused only when bytes arrive that nobody can take: a client that goes away while
 *     a handler is at work is noticed.
 *  3. Once the head of a response is written, a failure can be told in one way only: the connection
 *     is reset, so that nobody takes a part for the whole.
 */
import { CONTINUE, formatHead, type RequestHead } from '../../http/index.ts';
import { Pause } from '../engine/pause.ts';
import { Count } from '../metrics/counters.ts';
import { WATCHED } from '../output/output.ts';
import type { AnyParams } from '../routing/paths.ts';
import type { Connection } from '../sockets/connection.ts';
import { Refusal } from '../sockets/handlers.ts';
import { periodOf, Progress, WATER_BYTES, type Exchange, type ExchangeKeeper } from './exchange.ts';
import { callHandler, clientGone, RequestBodyError } from './failures.ts';
import { checkReply, isIterable, textReply, type Reply } from './reply.ts';
import { ReplyWriter } from './reply-writer.ts';
import { HttpRequest } from './request.ts';
import { RequestBody } from './request-body.ts';
import { BodySource, openSource } from './source.ts';

/** A body that comes slower than this, beside its `bodyTimeoutMs`, is given up. */
const BODY_BYTES_PER_SECOND = 240;

/** Milliseconds, when a route does not say. */
export const BODY_TIMEOUT_MS = 30_000;
export const SEND_TIMEOUT_MS = 60_000;

/** What holds for the requests of a route. */
export interface RouteLimits {
  /** For people: `GET /path`. */
  readonly name: string;
  readonly maxBodyBytes: number;
  /** Milliseconds that a body may pause, and that it has beside those for its bytes. */
  readonly bodyTimeoutMs: number;
  /** Milliseconds in which a client must take some of what it is sent. */
  readonly sendTimeoutMs: number;
}

/** What answers the requests of a route. */
export interface HandlerRoute extends RouteLimits {
  readonly handle: (request: HttpRequest) => unknown;
}

/** See the head of this file. */
export class HandlerExchange implements Exchange {
  readonly periodMs: number;
  readonly #keeper: ExchangeKeeper;
  readonly #connection: Connection;
  readonly #head: RequestHead;
  readonly #route: RouteLimits;
  readonly #request: HttpRequest;
  readonly #body: RequestBody | undefined;
  readonly #writer: ReplyWriter;
  readonly #progress: Progress;
  /** The client waits for word before it sends the body. */
  #continueWanted: boolean;
  #keepAlive: boolean;
  #replied = false;
  #sent = false;
  #inputEnded = false;
  #over = false;
  /** When the body was waited for last, and for how long in all, without our own pauses. */
  #tickedAt = -1;
  #waitedMs = 0;
  #idleMs = 0;
  #receivedBefore = 0;

  constructor(
    keeper: ExchangeKeeper,
    connection: Connection,
    head: RequestHead,
    params: AnyParams,
    route: RouteLimits,
  ) {
    this.#keeper = keeper;
    this.#connection = connection;
    this.#head = head;
    this.#route = route;
    const hasBody = head.chunked || head.contentLength > 0;
    this.#body = hasBody ? new RequestBody(head, route.maxBodyBytes, this.#bodyOwner()) : undefined;
    const addressOf = (): string => keeper.addressOf(connection, head.headers);
    this.#request = new HttpRequest(head, params, addressOf, this.#body);
    this.#writer = new ReplyWriter(keeper.engine, connection, {
      sent: () => this.#replySent(),
      failed: (error) => this.#sourceFailed(error),
    });
    this.#progress = new Progress(route.sendTimeoutMs);
    this.periodMs = periodOf(route.sendTimeoutMs, route.bodyTimeoutMs);
    const isRead = head.method === 'GET' || head.method === 'HEAD';
    // What a body of a GET means nobody knows: servers that disagree can be played against each
    // other, so nothing is read behind it.
    this.#keepAlive = head.keepAlive && !(hasBody && isRead);
    this.#continueWanted = hasBody && head.headers.has('expect');
  }

  get stalledMs(): number {
    return this.#progress.stalledMs;
  }

  /** The request as the handler sees it. */
  get request(): HttpRequest {
    return this.#request;
  }

  /** Calls the handler. */
  start(handle: HandlerRoute['handle']): void {
    const { headers, contentLength } = this.#head;
    const expected = headers.get('expect');
    if (expected !== undefined && expected.toLowerCase() !== '100-continue') {
      this.answer(textReply(417, 'The only expectation that can be met is 100-continue'));
      return;
    }
    const limit = this.#route.maxBodyBytes;
    if (contentLength > limit) {
      this.#keepAlive = false;
      this.answer(textReply(413, `A body may have at most ${limit} bytes here`));
      return;
    }
    callHandler(
      () => handle(this.#request),
      (value) => this.answer(value),
      (error) => this.#failed(error),
    );
  }

  /** Answers with what a handler gave. */
  answer(value: unknown): void {
    if (this.#over || this.#replied) {
      this.#dismiss(value);
      return;
    }
    let reply: Reply;
    let head: Buffer;
    let body: Uint8Array | BodySource;
    try {
      reply = checkReply(value);
      this.#settleKeepAlive(reply);
      head = this.#formatHead(reply);
      body = reply.body instanceof Uint8Array ? reply.body : openSource(reply.body);
    } catch (error) {
      this.#dismiss(value);
      this.#failed(error);
      return;
    }
    this.#replied = true;
    this.#continueWanted = false;
    this.#keeper.responded(reply.status);
    if (this.#head.method === 'HEAD') {
      if (body instanceof BodySource) this.#close(body);
      body = NOTHING;
    }
    this.#writer.write(head, body, this.#head.version === '1.1' && reply.length === undefined);
  }

  // ---- what the engine tells

  receive(offset: number, length: number): number {
    const { engine } = this.#keeper;
    const body = this.#body;
    const taken = body === undefined ? 0 : body.feed(engine.driver.arena.bytes, offset, length);
    if (taken > 0) this.#continueWanted = false;
    if (this.#sent) this.#settle();
    if (taken < length && !this.#over) engine.pause(this.#connection, Pause.HTTP);
    return taken;
  }

  drained(): void {
    if (this.#sent) this.#settle();
    else this.#writer.goOn();
  }

  inputEnded(): boolean {
    this.#inputEnded = true;
    this.#body?.fail(clientGone());
    this.#request.gone();
    if (!this.#sent) return true;
    this.#end();
    return false;
  }

  drain(): void {
    this.#keepAlive = false;
  }

  tick(now: number): void {
    const { engine } = this.#keeper;
    const { queued } = this.#connection;
    if (!this.#progress.isMade(now, this.#writer.written, queued)) {
      engine.counts.add(Count.timeouts, 1);
      engine.release(this.#connection, 'reset');
      return;
    }
    this.#watchBody(now);
    if (!this.#over && this.#replied) this.drained();
  }

  gone(): void {
    this.#over = true;
    this.#keeper.drop(this);
    this.#body?.fail(clientGone());
    this.#request.gone();
    this.#writer.stop();
  }

  // ---- the body

  #bodyOwner(): { wanted(): void; hasRoom(): void } {
    return {
      wanted: () => this.#sayContinue(),
      hasRoom: () => {
        if (!this.#over) this.#keeper.engine.resume(this.#connection, Pause.HTTP);
      },
    };
  }

  #sayContinue(): void {
    if (!this.#continueWanted || this.#over || this.#head.version === '1.0') return;
    this.#continueWanted = false;
    // Without memory the client goes on by itself after a while, or does not.
    this.#keeper.engine.output.raw(this.#connection, CONTINUE);
    this.#keeper.engine.written();
  }

  #watchBody(now: number): void {
    const body = this.#body;
    const elapsed = this.#tickedAt < 0 ? 0 : now - this.#tickedAt;
    this.#tickedAt = now;
    if (body === undefined || !body.isOpen || this.#continueWanted || this.#inputEnded) return;
    this.#waitedMs += elapsed;
    this.#idleMs = body.received === this.#receivedBefore ? this.#idleMs + elapsed : 0;
    this.#receivedBefore = body.received;
    const { bodyTimeoutMs } = this.#route;
    const allowed = bodyTimeoutMs + (body.received * 1000) / BODY_BYTES_PER_SECOND;
    if (this.#idleMs < bodyTimeoutMs && this.#waitedMs < allowed) return;
    this.#keeper.engine.counts.add(Count.timeouts, 1);
    body.fail(new RequestBodyError(408, 'The body took too long'));
    if (this.#sent) this.#finish();
    else if (!body.isRead && !this.#replied) this.answer(textReply(408, 'The body took too long'));
  }

  // ---- the response

  #formatHead({ status, headers, body, length }: Reply): Buffer {
    const keepAlive = this.#keepAlive;
    if (body instanceof Uint8Array) {
      return formatHead({ status, headers, keepAlive, length: body.length });
    }
    if (length !== undefined) return formatHead({ status, headers, keepAlive, length });
    // A status that allows no body is refused here, as with a length.
    if (status === 204 || status === 304) formatHead({ status, length: 1 });
    const framing = this.#head.version === '1.1' ? 'chunked' : 'close';
    return formatHead({ status, headers, keepAlive, length: framing });
  }

  /** Whether the connection can be used again, as far as it is known when the head is written. */
  #settleKeepAlive(reply: Reply): void {
    const body = this.#body;
    if (body !== undefined && !body.isComplete) {
      // A response that is produced piece by piece may be made of the body.
      const isWanted = body.isRead || !(reply.body instanceof Uint8Array);
      if (isWanted) this.#sayContinue();
      // A client that was not told to go on may send the body or not: nobody could tell it from the
      // next request.
      this.#keepAlive &&= !this.#continueWanted && (isWanted || !body.isTooLongToDiscard);
      this.#keepAlive &&= !body.hasFailed;
    }
    this.#keepAlive &&= !this.#inputEnded && this.#keeper.isReady;
  }

  #failed(error: unknown): void {
    if (error instanceof Refusal) {
      this.answer(error);
      return;
    }
    const isOurs = error instanceof RequestBodyError;
    if ((this.#over || this.#inputEnded) && (isOurs || isAbortError(error))) {
      // Nobody waits for an answer any more, and none was made.
      if (!this.#over) this.#finish();
    } else if (isOurs) {
      this.answer(textReply(error.status, error.message));
    } else {
      this.#keeper.handlerFailed(this.#route.name, error);
      this.answer(textReply(500, 'The server failed to answer'));
    }
  }

  #sourceFailed(error: unknown): void {
    const isAbort = error instanceof RequestBodyError || isAbortError(error);
    if (!isAbort) this.#keeper.handlerFailed(this.#route.name, error);
    if (!this.#over) this.#keeper.engine.release(this.#connection, 'reset');
  }

  /** What was given has a body that nobody will be sent. */
  #dismiss(reply: unknown): void {
    let source: BodySource | undefined;
    try {
      const isReply = typeof reply === 'object' && reply !== null && 'body' in reply;
      if (isReply && isIterable(reply.body)) source = openSource(reply.body);
    } catch {
      // What cannot be opened need not be closed.
      return;
    }
    if (source !== undefined) this.#close(source);
  }

  #close(source: BodySource): void {
    source.close().catch((error: unknown) => this.#keeper.handlerFailed(this.#route.name, error));
  }

  // ---- the end

  #replySent(): void {
    this.#sent = true;
    const body = this.#body;
    if (body !== undefined && !body.isComplete) body.discard();
    this.#settle();
  }

  /** Goes on to the next request, if this one is over. */
  #settle(): void {
    if (this.#over) return;
    const body = this.#body;
    if (!this.#keepAlive || this.#inputEnded || body?.hasFailed === true) {
      this.#finish();
    } else if (body !== undefined && !body.isComplete) {
      if (body.isTooLongToDiscard) this.#finish();
    } else if (this.#connection.queued > WATER_BYTES) {
      this.#connection.ends |= WATCHED;
    } else {
      this.#end();
      const { engine } = this.#keeper;
      engine.awaitRequest(this.#connection);
      engine.resume(this.#connection, Pause.HTTP);
    }
  }

  #finish(): void {
    this.#end();
    this.#keeper.engine.finish(this.#connection);
  }

  #end(): void {
    this.#over = true;
    this.#keeper.drop(this);
    if (this.#connection.exchange === this) this.#connection.exchange = null;
  }
}

const NOTHING = new Uint8Array(0);

function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
