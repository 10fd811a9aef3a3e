/**
 * The syntax of a request head (RFC 9112 §2–§6, RFC 9110 §5, §7), on text whose lines have been
 * checked to end in CRLF and to hold no control characters but tab. Strict: where the RFC lets a
 * server choose between repairing and refusing, it refuses, since two servers that repair
 * differently can be played against each other.
 */
import type { ResolvedRequestLimits } from './limits.ts';

/** A request without its body. */
export interface RequestHead {
  readonly kind: 'head';
  /** As sent; case-sensitive. */
  readonly method: string;
  readonly version: '1.0' | '1.1';
  /** The target as sent. */
  readonly target: string;
  /** The target's path, still percent-encoded: starts with '/', or is '*' (for OPTIONS only). */
  readonly path: string;
  /** What follows the first '?', still encoded; '' without one. */
  readonly query: string;
  /** From an absolute target or the Host header, with the port if given. May be ''. */
  readonly host: string;
  /** Names in lower case; repeated headers joined with ', ' (cookies with '; '). */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether the client wants to use the connection again. Never in HTTP/1.0. */
  readonly keepAlive: boolean;
  /** Bytes of body by Content-Length; 0 without one. */
  readonly contentLength: number;
  /** The body comes in chunks. */
  readonly chunked: boolean;
  /** Bytes of the head, with the empty line that ends it. */
  readonly headLength: number;
}

/** A request that must be refused. The connection cannot be used again. */
export interface RequestProblem {
  readonly kind: 'problem';
  /** 400, 414, 431, 501 or 505. */
  readonly status: number;
  /** For people: the rule that the request breaks. */
  readonly reason: string;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP\/([0-9])\.([0-9])$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ABSOLUTE_TARGET = /^[Hh][Tt][Tt][Pp][Ss]?:\/\/([^/?]+)(.*)$/;
/** uri-host [ ":" port ] (RFC 3986 §3.2.2), without user information; empty is a valid Host. */
const HOST =
  /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?$/;
const CONTENT_LENGTH = /^[0-9]{1,15}$/;

/** Of these a second one is refused: two readers could believe different ones. */
const SINGLE = new Set(['host', 'content-length', 'transfer-encoding']);

/** Makes a problem. */
export function problem(status: number, reason: string): RequestProblem {
  return { kind: 'problem', status, reason };
}

/** Parses the text of a head, without the empty line at its end. */
export function parseRequestText(
  text: string,
  headLength: number,
  limits: ResolvedRequestLimits,
): RequestHead | RequestProblem {
  const lines = text.split('\r\n');
  const line = parseRequestLine(lines[0]!, limits);
  if ('kind' in line) return line;
  const headers = parseHeaders(lines);
  if (!(headers instanceof Map)) return headers;
  const host = resolveHost(line, headers);
  if (typeof host !== 'string') return host;
  const body = parseBodyHeaders(line.version, headers);
  if ('kind' in body) return body;
  const bodiless = body.contentLength === 0 && !body.chunked;
  if (line.version === '1.0' && !((line.method === 'GET' || line.method === 'HEAD') && bodiless)) {
    return problem(505, 'HTTP/1.0 is supported for GET and HEAD without a body only');
  }
  const { method, target, path, query, version } = line;
  const keepAlive = version === '1.1' && !hasToken(headers.get('connection'), 'close');
  return {
    kind: 'head',
    method,
    version,
    target,
    path,
    query,
    host,
    headers,
    keepAlive,
    contentLength: body.contentLength,
    chunked: body.chunked,
    headLength,
  };
}

interface RequestLine {
  readonly method: string;
  readonly version: '1.0' | '1.1';
  readonly target: string;
  readonly path: string;
  readonly query: string;
  /** From an absolute target. */
  readonly authority: string | undefined;
}

function parseRequestLine(
  line: string,
  limits: ResolvedRequestLimits,
): RequestLine | RequestProblem {
  const match = REQUEST_LINE.exec(line);
  if (match === null) return problem(400, 'The request line is malformed');
  const method = match[1]!;
  const target = match[2]!;
  if (match[3] !== '1') return problem(505, 'Only HTTP/1.1 and HTTP/1.0 are supported');
  if (target.length > limits.maxTargetBytes) return problem(414, 'The request target is too long');
  if (method === 'CONNECT') return problem(501, 'CONNECT is not supported');
  const absolute = ABSOLUTE_TARGET.exec(target);
  let local = absolute === null ? target : absolute[2]!;
  // Only an absolute target may leave the path out (RFC 9112 §3.2.1).
  if (absolute !== null && !local.startsWith('/')) local = `/${local}`;
  const asterisk = local === '*' && method === 'OPTIONS';
  if ((!local.startsWith('/') && !asterisk) || local.includes('#')) {
    return problem(400, 'The request target is malformed');
  }
  const mark = local.indexOf('?');
  return {
    method,
    version: match[4] === '0' ? '1.0' : '1.1',
    target,
    path: mark < 0 ? local : local.slice(0, mark),
    query: mark < 0 ? '' : local.slice(mark + 1),
    authority: absolute?.[1],
  };
}

function parseHeaders(lines: readonly string[]): Map<string, string> | RequestProblem {
  const headers = new Map<string, string>();
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index]!;
    const colon = line.indexOf(':');
    // Space before the colon and folded lines are no tokens either.
    if (colon < 1 || !TOKEN.test(line.slice(0, colon))) {
      return problem(400, 'A header line is malformed');
    }
    const name = line.slice(0, colon).toLowerCase();
    const value = trim(line, colon + 1, line.length);
    const before = headers.get(name);
    if (before === undefined) {
      headers.set(name, value);
    } else if (SINGLE.has(name)) {
      return problem(400, `The ${name} header appears twice`);
    } else {
      headers.set(name, `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
    }
  }
  return headers;
}

function resolveHost(
  line: RequestLine,
  headers: ReadonlyMap<string, string>,
): string | RequestProblem {
  const header = headers.get('host');
  if (header === undefined && line.version === '1.1') {
    return problem(400, 'The host header is missing');
  }
  // An absolute target outranks the header, which must be valid all the same (RFC 9112 §3.2.2).
  const host = line.authority ?? header ?? '';
  if (!HOST.test(host) || !HOST.test(header ?? '')) {
    return problem(400, 'The host is malformed');
  }
  return host;
}

interface BodyHeaders {
  readonly contentLength: number;
  readonly chunked: boolean;
}

function parseBodyHeaders(
  version: string,
  headers: ReadonlyMap<string, string>,
): BodyHeaders | RequestProblem {
  const length = headers.get('content-length');
  const encoding = headers.get('transfer-encoding');
  if (length !== undefined && !CONTENT_LENGTH.test(length)) {
    return problem(400, 'The content-length header is malformed');
  }
  if (encoding === undefined) {
    return { contentLength: length === undefined ? 0 : Number(length), chunked: false };
  }
  if (length !== undefined) {
    return problem(400, 'Both content-length and transfer-encoding are given');
  }
  if (version === '1.0') return problem(400, 'HTTP/1.0 has no transfer-encoding');
  const codings = splitList(encoding);
  if (codings.indexOf('chunked') !== codings.length - 1) {
    return problem(400, 'The last transfer-encoding, and only that, must be chunked');
  }
  if (codings.length > 1) return problem(501, 'The only supported transfer-encoding is chunked');
  return { contentLength: 0, chunked: true };
}

/** Whether a comma-separated list holds a token, in any case. */
function hasToken(list: string | undefined, token: string): boolean {
  return list !== undefined && splitList(list).includes(token);
}

function splitList(list: string): string[] {
  return list.split(',').map((item) => trim(item, 0, item.length).toLowerCase());
}

/** Without the spaces and tabs at both ends: `String.trim` would take a no-break space as well. */
function trim(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}
