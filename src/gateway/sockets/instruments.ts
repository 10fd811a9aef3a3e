/** What watches handlers: traces and times, for those messages that are sampled. */
import { isThenable } from '../../base/index.ts';
import type { RequestHead } from '../../http/index.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import type { HandlerTimer } from '../metrics/handler-timer.ts';
import type { Instrumentation } from '../metrics/instrumentation.ts';
import type { Connection } from './connection.ts';
import type { Route } from './handlers.ts';
import type { Message } from './message.ts';

/** See the head of this file. */
export class Instruments {
  /** Whether anything is to be called at all. */
  readonly active: boolean;
  readonly #watcher: Instrumentation | undefined;
  readonly #timer: HandlerTimer | null;

  constructor(instrumentation: Instrumentation | undefined, metrics: GatewayMetrics) {
    this.#watcher = instrumentation;
    this.#timer = metrics.timer;
    this.active = this.#watcher !== undefined || this.#timer !== null;
  }

  /** A handshake has become a WebSocket. */
  opened(connection: Connection, route: Route, request: RequestHead): void {
    if (this.#watcher?.upgraded === undefined) return;
    const { path, headers } = request;
    try {
      const upgrade = { connectionId: connection.id, route: route.path, path, headers };
      const context = this.#watcher.upgraded(upgrade);
      if (context !== undefined) connection.rarely.context = context;
    } catch (error) {
      warn(error);
    }
  }

  /** Calls the route's `message`. */
  handle(connection: Connection, route: Route, message: Message): unknown {
    const timer = this.#timer;
    if (timer === null || !timer.due()) return this.#watch(connection, route, message);
    const started = timer.start();
    let result: unknown;
    try {
      result = this.#watch(connection, route, message);
    } catch (error) {
      timer.stop(started);
      throw error;
    }
    if (!isThenable(result)) {
      timer.stop(started);
      return result;
    }
    // Once for all: what looks like a promise may begin its work each time that it is awaited.
    const promise = Promise.resolve(result);
    const stop = (): void => timer.stop(started);
    promise.then(stop, stop);
    return promise;
  }

  /** A WebSocket is over. */
  closed(connection: Connection): void {
    try {
      this.#watcher?.closed?.(connection.id, connection.rare?.context);
    } catch (error) {
      warn(error);
    }
  }

  #watch(connection: Connection, route: Route, message: Message): unknown {
    const watcher = this.#watcher;
    if (watcher === undefined || !watcher.sampled()) {
      return route.handlers.message!(connection, message);
    }
    const context = connection.rare?.context;
    const info = { connectionId: connection.id, route: route.path, context, message };
    return watcher.message(info, () => route.handlers.message!(connection, message));
  }
}

function warn(error: unknown): void {
  process.emitWarning(`The gateway's instrumentation failed: ${String(error)}`, {
    type: 'RondoWarning',
    code: 'RONDO_INSTRUMENTATION',
  });
}
