/**
 * Calling a route's handlers. Nothing that one throws leaves this file.
 *
 * Handlers may be async. A connection with `concurrency` of them at work is not read until one has
 * ended, so that the events of a connection are handled in order. While all connections together
 * have `maxPendingHandlers` at work, no message is taken from any of them. (`open` may go above
 * that: a handshake that was accepted is not kept waiting.)
 */
import { isThenable, RondoError } from '../../base/index.ts';
import { CloseCode } from '../../websocket/index.ts';
import type { Engine } from '../engine/engine.ts';
import { sanitizer, type Arena } from '../../memory/index.ts';
import { Pause } from '../engine/pause.ts';
import { warnOfHandler } from '../handler-results.ts';
import { Count } from '../metrics/counters.ts';
import { LENT_BYTES, type Output } from '../output/output.ts';
import { makeMessage, type Message } from './message.ts';
import { State, type Connection } from './connection.ts';
import type { Route } from './handlers.ts';
import type { Instruments } from './instruments.ts';

/** See the head of this file. */
export class Handling {
  readonly #engine: Engine;
  readonly #output: Output;
  readonly #arena: Arena;
  readonly #debug: boolean;
  readonly #instruments: Instruments;
  readonly #concurrency: number;
  readonly #maxPending: number;
  /** The message that handlers are given; another one when a handler keeps it for longer. */
  message: Message;
  /** No more handlers may begin. */
  isFull = false;
  #pending = 0;
  /** Connections that wait for others' handlers to end, in their order. */
  readonly #crowded: Connection[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#output = engine.output;
    this.#arena = engine.driver.arena;
    this.#debug = engine.context.options.debug || sanitizer !== undefined;
    this.#instruments = engine.context.instruments;
    const { concurrency, maxPendingHandlers } = engine.context.options;
    this.#concurrency = concurrency;
    this.#maxPending = maxPendingHandlers;
    this.message = makeMessage(this.#arena, this.#output);
  }

  /** Handlers that are at work. */
  get pending(): number {
    return this.#pending;
  }

  /** Something has arrived while `isFull`: it waits until there is room. */
  wait(connection: Connection): void {
    this.#engine.pause(connection, Pause.CROWD);
    this.#crowded.push(connection);
  }

  /** Whether somebody waits and could go on. */
  get hasRoom(): boolean {
    return !this.isFull && this.#crowded.length > 0;
  }

  /**
   * Goes on with as many as there is room for. Those that make no use of it leave it to others, so
   * it is asked again until nobody waits, or it is full.
   */
  letIn(): void {
    const room = this.#maxPending - this.#pending;
    for (const connection of this.#crowded.splice(0, Math.max(room, 0))) {
      this.#engine.resume(connection, Pause.CROWD);
    }
  }

  /** Calls `open`. */
  opened(connection: Connection, route: Route): void {
    try {
      const result = route.handlers.open?.(connection);
      if (!isThenable(result)) return;
      connection.rarely.opening = true;
      void this.#pend(connection, route, result, undefined);
    } catch (error) {
      this.failed(connection, route, error);
    }
  }

  /** Calls `message`. */
  received(
    connection: Connection,
    route: Route,
    opcode: number,
    offset: number,
    length: number,
  ): void {
    const message = this.#debug ? makeMessage(this.#arena, this.#output) : this.message;
    message.begin(opcode, offset, length);
    const isLarge = length >= LENT_BYTES;
    if (isLarge) this.#output.beginMessage(offset);
    let ended = true;
    try {
      const result = this.#instruments.active
        ? this.#instruments.handle(connection, route, message)
        : route.handlers.message!(connection, message);
      if (typeof result === 'object' && isThenable(result)) {
        message.own();
        if (message === this.message) this.message = makeMessage(this.#arena, this.#output);
        ended = false;
        void this.#pend(connection, route, result, message);
      }
    } catch (error) {
      this.failed(connection, route, error);
    } finally {
      if (ended) message.end();
      if (isLarge) this.#output.endMessage();
    }
  }

  /** Calls `drain`. */
  drained(connection: Connection, route: Route): void {
    try {
      this.#watch(connection, route, route.handlers.drain?.(connection));
    } catch (error) {
      this.failed(connection, route, error);
    }
  }

  /** Calls `close`, when the handlers at work have ended. */
  closed(connection: Connection, route: Route, code: number, reason: string): void {
    const { rare } = connection;
    if (rare !== null && rare.pending > 0) {
      rare.closed ??= { code, reason };
      return;
    }
    connection.route = null;
    this.#engine.context.metrics.closed(code);
    try {
      this.#watch(connection, route, route.handlers.close?.(connection, code, reason));
    } catch (error) {
      this.failed(connection, route, error);
    }
  }

  /** A handler has failed: the connection ends, and `error` is told. */
  failed(connection: Connection, route: Route, error: unknown): void {
    const isTheirs = isNoJson(error);
    this.#engine.counts.add(isTheirs ? Count.protocolFailures : Count.handlerErrors, 1);
    const { sockets } = this.#engine;
    if (isTheirs) sockets.startClose(connection, CloseCode.INVALID_DATA, 'The message is not JSON');
    else sockets.startClose(connection, CloseCode.INTERNAL_ERROR, 'A handler failed');
    if (route.handlers.error === undefined) {
      if (!isTheirs) warnOfHandler(route.path, error);
      return;
    }
    try {
      const result = route.handlers.error(connection, error);
      if (isThenable(result)) {
        Promise.resolve(result).catch((again: unknown) => warnOfHandler(route.path, again));
      }
    } catch (again) {
      warnOfHandler(route.path, again);
    }
  }

  /** An `upgrade` handler has failed; there is no connection yet to tell of. */
  upgradeFailed(route: Route, error: unknown): void {
    this.#engine.counts.add(Count.handlerErrors, 1);
    warnOfHandler(route.path, error);
  }

  /**
   * Counts a handler as at work until its promise is settled: by `await`, which takes the first word
   * of a promise or thenable and no other.
   */
  async #pend(
    connection: Connection,
    route: Route,
    result: PromiseLike<unknown>,
    message: Message | undefined,
  ): Promise<void> {
    const rare = connection.rarely;
    rare.pending += 1;
    this.#pending += 1;
    this.isFull = this.#pending >= this.#maxPending;
    // Of a connection that was closed nothing is handled any more, and its end is to be heard.
    if ((rare.opening || rare.pending >= this.#concurrency) && connection.isOpen) {
      this.#engine.pause(connection, Pause.HANDLER);
    }
    try {
      await result;
    } catch (error) {
      this.failed(connection, route, error);
    }
    this.#settled(connection, route, message);
  }

  #settled(connection: Connection, route: Route, message: Message | undefined): void {
    message?.end();
    const rare = connection.rarely;
    rare.pending -= 1;
    rare.opening = false;
    this.#pending -= 1;
    this.isFull = this.#pending >= this.#maxPending;
    if (rare.pending === 0 && rare.closed !== undefined) {
      const { code, reason } = rare.closed;
      this.closed(connection, route, code, reason);
    }
    if (connection.state !== State.RELEASED) this.#engine.resume(connection, Pause.HANDLER);
    this.#engine.written();
  }

  /** What a handler returns may be a promise, which may reject. */
  #watch(connection: Connection, route: Route, result: unknown): void {
    if (!isThenable(result)) return;
    Promise.resolve(result).catch((error: unknown) => this.failed(connection, route, error));
  }
}

/** What `Message.json` throws: the client's fault, not the handler's. */
function isNoJson(error: unknown): boolean {
  return error instanceof RondoError && error.code === 'ERR_MESSAGE_JSON';
}
