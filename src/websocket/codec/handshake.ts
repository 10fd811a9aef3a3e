/** The opening handshake as a server sees it (RFC 6455 §4.2). */
import { createHash } from 'node:crypto';
import { misuse } from '../../base/index.ts';

/** What the handshake needs of a parsed request; `RequestHead` of the HTTP parser is one. */
export interface UpgradeRequest {
  readonly method: string;
  /** '1.1' or '1.0'. */
  readonly version: string;
  /** Names in lower case; repeated headers joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A handshake that can be accepted. */
export interface AcceptedUpgrade {
  readonly accepted: true;
  /** The value of Sec-WebSocket-Accept. */
  readonly accept: string;
  /** The subprotocols that the client offers, its favourite first. One of them may be chosen. */
  readonly protocols: readonly string[];
}

/** A handshake that must be refused, with the HTTP answer. */
export interface RefusedUpgrade {
  readonly accepted: false;
  /** 400, 405 or 426. */
  readonly status: number;
  /** Headers that this status asks for. */
  readonly headers: Readonly<Record<string, string>>;
  /** For people: the rule that the request breaks. */
  readonly reason: string;
}

/** RFC 6455 §1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** 16 bytes in base64. The unused low bits of the last digit may be anything (RFC 4648 §3.5). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const UPGRADE_REQUIRED: Readonly<Record<string, string>> = Object.freeze({
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
});

/** Whether a request asks for a WebSocket at all; what does not is plain HTTP. */
export function wantsUpgrade(request: UpgradeRequest): boolean {
  return listHas(request.headers.get('upgrade'), 'websocket');
}

/** Checks every rule of RFC 6455 §4.2.1 and computes the answer to the client's key. */
export function checkUpgrade(request: UpgradeRequest): AcceptedUpgrade | RefusedUpgrade {
  const { headers } = request;
  if (request.method !== 'GET') {
    return refuse(405, 'A WebSocket handshake must be a GET request', { Allow: 'GET' });
  }
  if (!wantsUpgrade(request)) {
    return refuse(426, 'This resource speaks WebSocket only', UPGRADE_REQUIRED);
  }
  if (request.version === '1.0') return refuse(400, 'A WebSocket handshake needs HTTP/1.1');
  if (!headers.get('host')) return refuse(400, 'The Host header is missing');
  if (!listHas(headers.get('connection'), 'upgrade')) {
    return refuse(400, 'The Connection header must contain "Upgrade"');
  }
  if (headers.get('sec-websocket-version') !== '13') {
    return refuse(426, 'The only supported Sec-WebSocket-Version is 13', UPGRADE_REQUIRED);
  }
  const key = headers.get('sec-websocket-key');
  if (key === undefined || !KEY.test(key)) {
    return refuse(400, 'The Sec-WebSocket-Key header must be 16 bytes in base64');
  }
  const offered = headers.get('sec-websocket-protocol');
  const protocols = offered === undefined ? [] : splitList(offered);
  if (offered !== undefined && !areProtocols(protocols)) {
    return refuse(400, 'The Sec-WebSocket-Protocol header must be a list of different tokens');
  }
  return { accepted: true, accept: acceptKey(key), protocols };
}

/** The Sec-WebSocket-Accept value for a key (RFC 6455 §4.2.2). */
export function acceptKey(key: string): string {
  return createHash('sha1')
    .update(key + KEY_SUFFIX, 'latin1')
    .digest('base64');
}

/** What the answer to a handshake says beside the key. */
export interface UpgradeResponseOptions {
  /** The subprotocol, one that was offered. @default none */
  readonly protocol?: string | undefined;
  /** The value of Sec-WebSocket-Extensions. @default none */
  readonly extensions?: string | undefined;
  /** More headers, as cookies; a list makes one line for each value. @default none */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

const HEADER_VALUE = /^[\t -~\x80-\xff]*$/;
/** Headers of the handshake itself, and those that would give a 101 a body. */
const OWN_HEADER = /^(?:upgrade|connection|content-length|transfer-encoding|sec-websocket-.*)$/i;

/**
 * The 101 response that opens the connection, as latin1 text.
 * @throws {TypeError} ERR_SUBPROTOCOL when the subprotocol was not offered
 * @throws {TypeError} ERR_HTTP_HEADER when a header cannot be sent, or is the handshake's own
 */
export function upgradeResponse(
  upgrade: AcceptedUpgrade,
  options: UpgradeResponseOptions = {},
): string {
  const { protocol, extensions, headers } = options;
  if (protocol !== undefined && !upgrade.protocols.includes(protocol)) {
    throw misuse(
      'ERR_SUBPROTOCOL',
      `Cannot choose subprotocol ${JSON.stringify(protocol)}: the client must have offered it, ` +
        `it offers ${JSON.stringify(upgrade.protocols)}`,
    );
  }
  const chosen = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  const extended = extensions === undefined ? '' : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  return (
    'HTTP/1.1 101 Switching Protocols\r\n' +
    'Upgrade: websocket\r\n' +
    'Connection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${upgrade.accept}\r\n${chosen}${extended}${linesOf(headers)}\r\n`
  );
}

function linesOf(headers: UpgradeResponseOptions['headers'] = {}): string {
  let lines = '';
  for (const [name, values] of Object.entries(headers)) {
    for (const value of typeof values === 'object' ? values : [values]) {
      if (!TOKEN.test(name) || OWN_HEADER.test(name) || !HEADER_VALUE.test(value)) {
        throw misuse(
          'ERR_HTTP_HEADER',
          `Cannot send header ${JSON.stringify(name)} with the handshake: it must be a token and ` +
            "not one of the handshake's own, and its value latin1 text without control characters",
        );
      }
      lines += `${name}: ${value}\r\n`;
    }
  }
  return lines;
}

function refuse(
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): RefusedUpgrade {
  return { accepted: false, status, headers, reason };
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function listHas(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  return splitList(value).some((item) => item.toLowerCase() === token);
}

function areProtocols(items: readonly string[]): boolean {
  return (
    items.length > 0 &&
    new Set(items).size === items.length &&
    items.every((item) => TOKEN.test(item))
  );
}
