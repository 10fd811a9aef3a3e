/** What a request is answered with: a page, an error, or the upgrade to a WebSocket. */
import type { HttpResponse, RequestHead, RequestProblem } from '../../http/index.ts';
import { checkUpgrade, wantsUpgrade, type AcceptedUpgrade } from '../../websocket/index.ts';
import type { Route } from '../sockets/handlers.ts';
import { pageResponse } from '../page/index.ts';
import type { PathMatch, PathTable } from '../routing/paths.ts';

/** A plain response. `keepAlive` is false when the connection ends after it. */
export interface PlainAnswer {
  readonly kind: 'response';
  readonly response: HttpResponse;
  readonly keepAlive: boolean;
}

/** A handshake that is right. */
export interface UpgradeAnswer {
  readonly kind: 'upgrade';
  readonly upgrade: AcceptedUpgrade;
  readonly match: PathMatch<Route>;
}

const TEXT = 'text/plain; charset=utf-8';

/** What the path of a plain resource gives. */
type Resource = () => Pick<HttpResponse, 'headers' | 'body'>;

const healthy: Resource = () => ({
  headers: { 'Content-Type': TEXT, 'Cache-Control': 'no-store' },
  body: 'ok\n',
});

/** Answers a request. With `page`, `/` is the page on which a person can try the routes. */
export function answerRequest(
  request: RequestHead,
  routes: PathTable<Route>,
  page: boolean,
): PlainAnswer | UpgradeAnswer {
  // A body is not read: what follows the head could not be told from the next request. Nor is
  // anything after a refused upgrade: a proxy may have taken it for frames and let it through.
  const bodiless = request.contentLength === 0 && !request.chunked;
  const keepAlive = request.keepAlive && bodiless && !wantsUpgrade(request);
  const headOnly = request.method === 'HEAD';
  const plain = (response: HttpResponse): PlainAnswer => ({
    kind: 'response',
    response: { ...response, keepAlive, headOnly },
    keepAlive,
  });

  const match = routes.match(request.path);
  if (match?.kind === 'problem') return plain(refusal(match.status, match.reason));
  if (match !== undefined) {
    const upgrade = checkUpgrade(request);
    if (!upgrade.accepted) return plain(refusal(upgrade.status, upgrade.reason, upgrade.headers));
    if (!bodiless) return plain(refusal(400, 'A WebSocket handshake has no body'));
    return { kind: 'upgrade', upgrade, match };
  }
  const resource = findResource(request.path, page);
  if (resource === undefined || wantsUpgrade(request)) {
    return plain(refusal(404, 'Nothing is here'));
  }
  if (request.method !== 'GET' && !headOnly) {
    return plain(refusal(405, 'This resource can only be read', { Allow: 'GET, HEAD' }));
  }
  return plain({ status: 200, ...resource() });
}

/** The answer to a request that cannot be understood. */
export function answerProblem({ status, reason }: Omit<RequestProblem, 'kind'>): PlainAnswer {
  const response = { ...refusal(status, reason), keepAlive: false };
  return { kind: 'response', response, keepAlive: false };
}

function findResource(path: string, page: boolean): Resource | undefined {
  if (path === '/healthz') return healthy;
  return path === '/' && page ? pageResponse : undefined;
}

function refusal(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { 'Content-Type': TEXT, ...headers }, body: `${reason}\n` };
}
