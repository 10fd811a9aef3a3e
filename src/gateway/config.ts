/** What `rondo serve` is given: a module of handlers and a config file, with types for both. */
import { rejectUnknown } from '../base/index.ts';
import type { Gateway } from './gateway.ts';
import { GATEWAY_OPTION_NAMES, type GatewayOptions } from './options.ts';
import type { RouteParams } from './routing/paths.ts';
import type { WebSocketHandlers } from './sockets/handlers.ts';

/**
 * WebSocket routes: handlers by path. `Data` has the type of each path's `connection.data`, which is
 * found by what `upgrade` returns; parameters have their types by the path.
 */
export type HandlerRoutes<Data extends object = Record<string, unknown>> = {
  readonly [Path in keyof Data]: WebSocketHandlers<RouteParams<Path & string>, Data[Path]>;
};

/** Adds routes to a gateway that does not listen yet. */
export type AddHandlers = (gateway: Gateway) => void | Promise<void>;

/** What a module of handlers exports as its default. */
export type HandlersModule = HandlerRoutes | AddHandlers;

/** What a config file of `rondo serve` exports as its default: options, and these. */
export interface ServeConfig extends GatewayOptions {
  /**
   * The module of handlers, relative to the config file, or the handlers themselves.
   * @default an echo, topics, and a page to try them
   */
  readonly handlers?: string | HandlersModule;
  /** Lines for people, or a JSON object in each line. @default 'text' */
  readonly log?: 'text' | 'json';
  /** The least that is logged. @default 'info' */
  readonly logLevel?: 'info' | 'warn' | 'error';
}

/**
 * Gives what it is given: a module of handlers that says `export default defineHandlers(…)` has its
 * types checked. It is given a function, or handlers by path.
 *
 * @example
 * export default defineHandlers({
 *   '/rooms/:room': {
 *     message(connection, message) {
 *       connection.send(`${connection.params.room}: ${message.text()}`);
 *     },
 *   },
 * });
 */
export function defineHandlers(handlers: AddHandlers): AddHandlers;
/** The same for handlers by path. */
export function defineHandlers<Data extends Record<string, unknown>>(
  handlers: HandlerRoutes<Data>,
): HandlerRoutes<Data>;
export function defineHandlers(handlers: HandlersModule): HandlersModule {
  return handlers;
}

/**
 * Gives what it is given: a config file that says `export default defineConfig(…)` has its types
 * checked.
 *
 * @example
 * export default defineConfig({ port: 8080, handlers: './handlers.js', log: 'json' });
 */
export function defineConfig(config: ServeConfig): ServeConfig {
  return config;
}

const SERVE_NAMES: readonly (keyof ServeConfig)[] = ['handlers', 'log', 'logLevel'];

/**
 * Checks the keys of a config file; its values are checked where they are used. `what` is the file.
 * @throws {TypeError} ERR_OPTION_UNKNOWN
 */
export function checkServeConfig(config: object, what: string): ServeConfig {
  rejectUnknown(what, config, [...GATEWAY_OPTION_NAMES, ...SERVE_NAMES]);
  return config;
}
