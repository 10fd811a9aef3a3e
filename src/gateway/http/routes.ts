/** Which handler a plain HTTP request belongs to. */
import { integerOption, misuse, rejectUnknown } from '../../base/index.ts';
import { PathTable, type AnyParams, type PathProblem } from '../routing/paths.ts';
import {
  resolveEventRoute,
  type EventHandlers,
  type EventOptions,
  type EventRoute,
} from './event-stream.ts';
import { FileRoute, type FileOptions } from './files.ts';
import { BODY_TIMEOUT_MS, SEND_TIMEOUT_MS, type HandlerRoute } from './handler-exchange.ts';
import type { HttpReply } from './reply.ts';
import type { HttpRequest } from './request.ts';
import type { Refusal } from '../sockets/handlers.ts';

/** What a handler may answer with; text is sent with status 200. */
export type HttpAnswer = HttpReply | string | Refusal;

/**
 * Answers a request. What it throws, or its promise rejects with, is answered with 500 and warned
 * of; a thrown `refuse(…)` is an answer like a returned one.
 */
export type HttpHandler<Params = AnyParams> = (
  request: HttpRequest<Params>,
) => HttpAnswer | PromiseLike<HttpAnswer>;

/** How a route is served. */
export interface HttpRouteOptions {
  /** Bytes of a request's body, 0 to 2^40; more is answered 413. @default 1 MiB */
  readonly maxBodyBytes?: number;
  /**
   * Milliseconds that a body may pause, 1 to 3,600,000; it also has to come with 240 bytes a second
   * when these milliseconds are over. Then it is answered 408. @default 30,000
   */
  readonly bodyTimeoutMs?: number;
  /**
   * Milliseconds in which a client must take some of what it is sent, 1 to 3,600,000; then it is
   * reset. While memory is scarce it is reset after 2 seconds already. @default 60,000
   */
  readonly sendTimeoutMs?: number;
}

/** What a request leads to. */
export type HttpMatch =
  | { readonly kind: 'handler'; readonly route: HandlerRoute; readonly params: AnyParams }
  | { readonly kind: 'events'; readonly route: EventRoute; readonly params: AnyParams }
  /** The path has routes, but none for the method. */
  | { readonly kind: 'methods'; readonly allowed: readonly string[] }
  | PathProblem;

type AnyRoute =
  | { readonly kind: 'handler'; readonly route: HandlerRoute }
  | { readonly kind: 'events'; readonly route: EventRoute };

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Z]+$/;
const MIB = 1 << 20;
const HOUR_MS = 3_600_000;

/** See the head of this file. */
export class HttpRoutes {
  readonly #tables = new Map<string, PathTable<AnyRoute>>();
  /** Longest prefix first. */
  readonly #files: FileRoute[] = [];

  /**
   * Adds a route of a method; one of GET answers HEAD too, unless that has its own.
   * @throws {TypeError} ERR_ROUTE when method or path are not valid, or taken
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  add(
    method: string,
    path: string,
    handler: HttpHandler<never>,
    options: HttpRouteOptions = {},
  ): void {
    const name = `${method} ${path}`;
    if (typeof method !== 'string' || !METHOD.test(method) || method === 'CONNECT') {
      const rule = 'its method must be upper-case, such as GET or POST, and not CONNECT';
      throw misuse('ERR_ROUTE', `Cannot add route ${name}: ${rule}`);
    }
    if (typeof handler !== 'function') {
      throw misuse('ERR_OPTION_TYPE', `Cannot add route ${name}: its handler must be a function`);
    }
    rejectUnknown(`route ${name}`, options, ['maxBodyBytes', 'bodyTimeoutMs', 'sendTimeoutMs']);
    const { maxBodyBytes, bodyTimeoutMs, sendTimeoutMs } = options;
    const route: HandlerRoute = Object.freeze({
      name,
      maxBodyBytes: integerOption('maxBodyBytes', maxBodyBytes, MIB, 0, 2 ** 40),
      bodyTimeoutMs: integerOption('bodyTimeoutMs', bodyTimeoutMs, BODY_TIMEOUT_MS, 1, HOUR_MS),
      sendTimeoutMs: integerOption('sendTimeoutMs', sendTimeoutMs, SEND_TIMEOUT_MS, 1, HOUR_MS),
      handle: handler as HandlerRoute['handle'],
    });
    this.#tableOf(method).add(path, { kind: 'handler', route });
  }

  /**
   * Adds a route of server-sent events.
   * @throws {TypeError} ERR_ROUTE
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  addEvents(path: string, handlers: EventHandlers<never, never>, options: EventOptions = {}): void {
    const route = resolveEventRoute(path, handlers, options);
    this.#tableOf('GET').add(path, { kind: 'events', route });
  }

  /**
   * Serves the files of a directory below a prefix.
   * @throws {TypeError} ERR_ROUTE when the prefix is not valid or is taken
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  addFiles(prefix: string, directory: string, options: FileOptions = {}): void {
    const route = new FileRoute(prefix, directory, options);
    if (this.#files.some((other) => other.prefix === route.prefix)) {
      throw misuse('ERR_ROUTE', `Cannot serve files at ${prefix}: the prefix is taken`);
    }
    this.#files.push(route);
    this.#files.sort((one, other) => other.prefix.length - one.prefix.length);
  }

  /** What a request leads to; files are asked for by `matchFiles`. */
  match(method: string, path: string): HttpMatch | undefined {
    const found =
      this.#tables.get(method)?.match(path) ??
      (method === 'HEAD' ? this.#tables.get('GET')?.match(path) : undefined);
    if (found?.kind === 'problem') return found;
    if (found !== undefined) return { ...found.route, params: found.params };
    const allowed = this.#methodsOf(path);
    return allowed.length === 0 ? undefined : { kind: 'methods', allowed };
  }

  /** The files that a path may be one of. */
  matchFiles(method: string, path: string): HttpMatch | undefined {
    const files = this.#files.find((each) => path.startsWith(each.prefix));
    if (files === undefined) return undefined;
    const isRead = method === 'GET' || method === 'HEAD';
    if (!isRead) return { kind: 'methods', allowed: ['GET', 'HEAD'] };
    return { kind: 'handler', route: files.route, params: NO_PARAMS };
  }

  #methodsOf(path: string): string[] {
    const methods = new Set<string>();
    for (const [method, table] of this.#tables) {
      if (table.match(path)?.kind !== 'match') continue;
      methods.add(method);
      if (method === 'GET') methods.add('HEAD');
    }
    return [...methods];
  }

  #tableOf(method: string): PathTable<AnyRoute> {
    let table = this.#tables.get(method);
    if (table === undefined) {
      table = new PathTable();
      this.#tables.set(method, table);
    }
    return table;
  }
}

const NO_PARAMS: AnyParams = Object.freeze({});
