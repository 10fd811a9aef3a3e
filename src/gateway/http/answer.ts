/** Where a request leads: to a WebSocket, a handler, or what the gateway itself has to say. */
import type { RequestHead } from '../../http/index.ts';
import { checkUpgrade, wantsUpgrade, type AcceptedUpgrade } from '../../websocket/index.ts';
import { EXPOSITION_TYPE } from '../metrics/exposition.ts';
import { pageResponse } from '../page/index.ts';
import type { PathMatch, PathTable } from '../routing/paths.ts';
import type { Route } from '../sockets/handlers.ts';
import { makeReply, textReply, type Reply } from './reply.ts';
import type { HttpMatch, HttpRoutes } from './routes.ts';

/** What a request leads to. */
export type Target =
  | {
      readonly kind: 'upgrade';
      readonly upgrade: AcceptedUpgrade;
      readonly match: PathMatch<Route>;
    }
  /** Said at once; `isLast` when nothing may be read behind the request. */
  | { readonly kind: 'reply'; readonly reply: Reply; readonly isLast: boolean }
  | Extract<HttpMatch, { kind: 'handler' | 'events' }>;

/** What the gateway can say of itself. */
export interface BuiltIns {
  /** Whether `/` is a page on which a person can try the routes. */
  readonly page: boolean;
  /** Whether `/metrics` is there. */
  readonly metrics: boolean;
  isReady(): boolean;
  /** The text of `/metrics`. */
  metricsText(): string;
}

const READ_METHODS = ['GET', 'HEAD'];
const NO_STORE = { 'Cache-Control': 'no-store' };

/**
 * Finds it. A route of the program comes before what the gateway has of its own, and that before
 * files, except for the page at `/`.
 */
export function findTarget(
  request: RequestHead,
  sockets: PathTable<Route>,
  routes: HttpRoutes,
  builtIns: BuiltIns,
): Target {
  const { path, method } = request;
  const socket = sockets.match(path);
  if (wantsUpgrade(request)) {
    // Behind an upgrade that was refused nothing is read: a proxy may have taken it for frames and
    // let it through.
    return socket === undefined ? nothing(true) : openSocket(request, socket, true);
  }
  if (path === '*') return options(READ_METHODS);
  const found = routes.match(method, path);
  if (found !== undefined && (found.kind !== 'methods' || socket === undefined)) {
    return fromMatch(method, found);
  }
  // A page may have its WebSocket at its own address.
  const isPage = path === '/' && (builtIns.page || routes.matchFiles(method, path) !== undefined);
  if (socket !== undefined && !isPage) return openSocket(request, socket, false);
  const resource = findResource(path, builtIns);
  if (resource !== undefined) return read(method, resource);
  const files = routes.matchFiles(method, path);
  if (files !== undefined) return fromMatch(method, files);
  if (path === '/' && builtIns.page) return read(method, page);
  return nothing(false);
}

function openSocket(
  request: RequestHead,
  socket: NonNullable<ReturnType<PathTable<Route>['match']>>,
  isLast: boolean,
): Target {
  if (socket.kind === 'problem') return say(textReply(socket.status, socket.reason), isLast);
  const upgrade = checkUpgrade(request);
  if (!upgrade.accepted) {
    const { status, reason, headers } = upgrade;
    return say(textReply(status, reason, headers), isLast);
  }
  if (request.contentLength > 0 || request.chunked) {
    return say(textReply(400, 'A WebSocket handshake has no body'), true);
  }
  return { kind: 'upgrade', upgrade, match: socket };
}

function fromMatch(method: string, found: HttpMatch): Target {
  if (found.kind === 'problem') return say(textReply(found.status, found.reason), false);
  if (found.kind !== 'methods') return found;
  return method === 'OPTIONS' ? options(found.allowed) : wrongMethod(found.allowed);
}

/** What the gateway knows of itself. */
function findResource(path: string, builtIns: BuiltIns): (() => Reply) | undefined {
  if (path === '/healthz') return () => textReply(200, 'ok', NO_STORE);
  if (path === '/readyz') {
    return () =>
      builtIns.isReady() ? textReply(200, 'ready', NO_STORE) : textReply(503, 'closing', NO_STORE);
  }
  if (path !== '/metrics' || !builtIns.metrics) return undefined;
  return () =>
    makeReply(200, { 'Content-Type': EXPOSITION_TYPE, ...NO_STORE }, builtIns.metricsText());
}

function page(): Reply {
  const { headers, body } = pageResponse();
  return makeReply(200, headers, body);
}

function read(method: string, resource: () => Reply): Target {
  if (READ_METHODS.includes(method)) return say(resource(), false);
  return method === 'OPTIONS' ? options(READ_METHODS) : wrongMethod(READ_METHODS);
}

function options(allowed: readonly string[]): Target {
  return say(makeReply(204, { Allow: [...allowed, 'OPTIONS'].join(', ') }), false);
}

function wrongMethod(allowed: readonly string[]): Target {
  const isReadOnly = allowed.every((method) => READ_METHODS.includes(method));
  const reason = isReadOnly ? 'This resource can only be read' : 'This resource has no such method';
  return say(textReply(405, reason, { Allow: allowed.join(', ') }), false);
}

function nothing(isLast: boolean): Target {
  return say(textReply(404, 'Nothing is here'), isLast);
}

function say(reply: Reply, isLast: boolean): Target {
  return { kind: 'reply', reply, isLast };
}
