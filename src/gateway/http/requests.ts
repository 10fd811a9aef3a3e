/**
 * HTTP on the connections of an engine: heads are read, answered in their order, one at a time, and
 * one may open a WebSocket.
 */
import {
  formatResponse,
  RequestReader,
  type HttpResponse,
  type RequestHead,
} from '../../http/index.ts';
import type { Alarm } from '../engine/alarms.ts';
import { warnOfHandler } from '../handler-results.ts';
import type { Engine } from '../engine/engine.ts';
import { Count } from '../metrics/counters.ts';
import { State, type Connection } from '../sockets/connection.ts';
import { findTarget, type BuiltIns, type Target } from './answer.ts';
import { EventExchange } from './event-stream.ts';
import type { Exchange, ExchangeKeeper } from './exchange.ts';
import {
  BODY_TIMEOUT_MS,
  HandlerExchange,
  SEND_TIMEOUT_MS,
  type RouteLimits,
} from './handler-exchange.ts';
import { textReply } from './reply.ts';

/** Readers kept for reuse. */
const READERS_MAX = 64;
/** Whoever has taken nothing for so long pays for it when memory is scarce. */
const STALLED_MS = 2000;
/** The part of the memory that is made free then, at a time. */
const RELIEF = 0.5;
const NO_PARAMS = Object.freeze({});
const OWN: RouteLimits = Object.freeze({
  name: 'of the gateway',
  maxBodyBytes: 0,
  bodyTimeoutMs: BODY_TIMEOUT_MS,
  sendTimeoutMs: SEND_TIMEOUT_MS,
});

/** See the head of this file. */
export class Requests implements ExchangeKeeper {
  readonly engine: Engine;
  readonly #builtIns: BuiltIns;
  readonly #readers: RequestReader[] = [];
  /** Requests that take longer than the call that began them. */
  readonly #kept: Set<Exchange> = new Set();
  #alarm: Alarm | undefined;
  /** Milliseconds between two looks at the deadlines. */
  #period = Infinity;
  /** Bytes of events that wait in private memory. */
  #reserved = 0;

  constructor(engine: Engine) {
    this.engine = engine;
    const { context } = engine;
    const { page, metrics } = context.options;
    this.#builtIns = {
      page,
      metrics,
      isReady: () => context.isReady(),
      metricsText: () => context.metricsText(),
    };
  }

  /** Takes bytes that arrived; returns how many: fewer when they are no requests, or must wait. */
  take(connection: Connection, offset: number, length: number): number {
    const { bytes } = this.engine.driver.arena;
    let taken = 0;
    while (taken < length && connection.state === State.HTTP) {
      const { exchange } = connection;
      if (exchange !== null) {
        taken += exchange.receive(offset + taken, length - taken);
      } else {
        const reader = connection.reader ?? this.#borrowReader();
        const request = reader.read(bytes, offset + taken, length - taken);
        taken += reader.consumed;
        connection.reader = reader;
        if (request === undefined) break;
        connection.reader = null;
        if (request.kind === 'problem') {
          this.refuse(connection, request.status, request.reason);
          break;
        }
        if (this.#readers.length < READERS_MAX) this.#readers.push(reader);
        this.#answer(connection, request);
      }
      if (connection.paused !== 0) break;
    }
    return taken;
  }

  /** The time for a request has passed. */
  expire(connection: Connection): void {
    if (this.engine.sockets.handshakes.expire(connection)) return;
    if (connection.reader === null) {
      // It has said nothing since its last request, if there was one: nothing is to be answered.
      this.engine.finish(connection);
    } else {
      connection.reader = null;
      this.refuse(connection, 408, 'The request took too long');
    }
  }

  /** The connection is over. */
  gone(connection: Connection): void {
    const { exchange } = connection;
    connection.exchange = null;
    exchange?.gone();
  }

  /** Answers with an error, or with what an `upgrade` handler wants instead, and ends. */
  refuse(
    connection: Connection,
    status: number,
    reason: string,
    headers: NonNullable<HttpResponse['headers']> = {},
  ): void {
    const { output } = this.engine;
    const reply = textReply(status, reason, headers);
    let response: Buffer;
    let sent = status;
    try {
      const body = reply.body as Uint8Array;
      response = formatResponse({ status, headers: reply.headers, body, keepAlive: false });
    } catch (error) {
      this.handlerFailed('upgrade', error);
      sent = 500;
      response = formatResponse({ status: sent, keepAlive: false });
    }
    this.responded(sent);
    if (output.raw(connection, response)) this.engine.finish(connection);
    else this.engine.release(connection, 'reset');
    this.engine.written();
  }

  // ---- for the exchanges

  get isReady(): boolean {
    return this.#builtIns.isReady();
  }

  addressOf(connection: Connection, headers: ReadonlyMap<string, string>): string {
    return this.engine.context.resolveAddress(this.engine.peerOf(connection), headers);
  }

  keep(exchange: Exchange): void {
    this.#kept.add(exchange);
    if (exchange.periodMs >= this.#period) return;
    this.#period = exchange.periodMs;
    this.engine.alarms.cancel(this.#alarm);
    this.#wait();
  }

  responded(status: number): void {
    const { counts, context } = this.engine;
    counts.add(Count.requests, 1);
    if (status >= 400) counts.add(Count.requestsRefused, 1);
    context.metrics.responded(status);
  }

  drop(exchange: Exchange): void {
    this.#kept.delete(exchange);
  }

  reserve(bytes: number): boolean {
    const { memoryBytes } = this.engine.context.options;
    if (bytes > 0 && this.#reserved + bytes > memoryBytes) return false;
    this.#reserved += bytes;
    return true;
  }

  handlerFailed(route: string, error: unknown): void {
    this.engine.counts.add(Count.handlerErrors, 1);
    warnOfHandler(route, error);
  }

  #wait(): void {
    this.#alarm = this.engine.alarms.after(this.#period, () => {
      const now = this.engine.driver.now();
      for (const exchange of this.#kept) exchange.tick(now);
      if (this.engine.output.isPressed) this.#relieve();
      if (this.#kept.size > 0) this.#wait();
      else this.#period = Infinity;
    });
  }

  /** Memory is scarce: resets those who do not read, the longest first, until some is free. */
  #relieve(): void {
    const { engine } = this;
    const stalled: { readonly connection: Connection; readonly ms: number }[] = [];
    for (const connection of engine.connections()) {
      const ms = connection.exchange?.stalledMs ?? 0;
      if (ms >= STALLED_MS && connection.queued > 0) stalled.push({ connection, ms });
    }
    stalled.sort((one, other) => other.ms - one.ms);
    let wanted = engine.context.options.memoryBytes * RELIEF;
    for (const { connection } of stalled) {
      if (wanted <= 0) return;
      wanted -= connection.queued;
      engine.counts.add(Count.sendQueueOverflows, 1);
      engine.release(connection, 'reset');
    }
  }

  #borrowReader(): RequestReader {
    const { maxHeaderBytes } = this.engine.context.options;
    return this.#readers.pop() ?? new RequestReader({ maxHeadBytes: maxHeaderBytes });
  }

  #answer(connection: Connection, head: RequestHead): void {
    const { routes, httpRoutes } = this.engine.context;
    const target = findTarget(head, routes, httpRoutes, this.#builtIns);
    if (target.kind === 'upgrade') {
      const { handshakes } = this.engine.sockets;
      handshakes.begin(connection, head, target.upgrade, target.match);
      return;
    }
    this.#start(connection, head, target);
    const { exchange } = connection;
    if (exchange === null || connection.state !== State.HTTP) return;
    this.engine.requestDone(connection);
    this.keep(exchange);
  }

  #start(
    connection: Connection,
    head: RequestHead,
    target: Exclude<Target, { kind: 'upgrade' }>,
  ): void {
    if (target.kind === 'events') {
      const exchange = new EventExchange(this, connection, head, target.params, target.route);
      connection.exchange = exchange;
      exchange.start();
      return;
    }
    const isOwn = target.kind === 'reply';
    const params = isOwn ? NO_PARAMS : target.params;
    const route = isOwn ? OWN : target.route;
    const exchange = new HandlerExchange(this, connection, head, params, route);
    connection.exchange = exchange;
    if (!isOwn) {
      exchange.start(target.route.handle);
    } else {
      if (target.isLast) exchange.drain();
      exchange.answer(target.reply);
    }
  }
}
