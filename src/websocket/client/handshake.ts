/** The opening handshake as a client sees it (RFC 6455 §4.1, and the WebSockets standard). */
import { misuse, RondoError, secureBytes } from '../../base/index.ts';
import {
  acceptDeflate,
  acceptKey,
  deflateOffer,
  type DeflateParameters,
  type DeflateSettings,
} from '../codec/index.ts';
import { basic, type Target } from './address.ts';
import { HandshakeError } from './errors.ts';
import type { ResolvedWebSocketOptions } from './options.ts';
import type { Response } from './response-reader.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What was asked for. */
export interface Offer {
  /** The Sec-WebSocket-Key. */
  readonly key: string;
  readonly protocols: readonly string[];
  /** Undefined when no compression is offered. */
  readonly deflate: DeflateSettings | undefined;
}

/** What was agreed. */
export interface Agreement {
  readonly protocol: string;
  /** The value of Sec-WebSocket-Extensions. */
  readonly extensions: string;
  /** Undefined when messages are not compressed. */
  readonly deflate: DeflateParameters | undefined;
}

/**
 * The subprotocols to offer.
 * @throws {DOMException} SyntaxError when one is no token, or comes twice in any case
 */
export function checkProtocols(protocols: string | readonly string[]): readonly string[] {
  if (typeof protocols === 'object' && !(Symbol.iterator in protocols)) {
    throw misuse(
      'ERR_OPTION_TYPE',
      'Cannot open a WebSocket: the second argument is the subprotocols; options are the third',
    );
  }
  const list = (typeof protocols === 'string' ? [protocols] : Array.from(protocols)).map(String);
  const different = new Set(list.map((protocol) => protocol.toLowerCase()));
  if (different.size === list.length && list.every((protocol) => TOKEN.test(protocol))) return list;
  const got = JSON.stringify(list);
  throw new DOMException(
    `Cannot open a WebSocket: subprotocols must be different tokens, got ${got}`,
    'SyntaxError',
  );
}

/** A new offer, with a key that nobody can guess. */
export function makeOffer(
  protocols: readonly string[],
  deflate: DeflateSettings | undefined,
): Offer {
  return { key: secureBytes(16).toString('base64'), protocols, deflate };
}

/** The request, as latin1 text. Host and Authorization may be replaced by the options' headers. */
export function upgradeRequest(
  target: Target,
  offer: Offer,
  options: ResolvedWebSocketOptions,
): string {
  const { headers } = options;
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`GET ${target.path} HTTP/1.1`];
  if (!given.has('host')) lines.push(`Host: ${target.authority}`);
  lines.push(
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${offer.key}`,
  );
  if (offer.protocols.length > 0) {
    lines.push(`Sec-WebSocket-Protocol: ${offer.protocols.join(', ')}`);
  }
  if (offer.deflate !== undefined) {
    lines.push(`Sec-WebSocket-Extensions: ${deflateOffer(offer.deflate)}`);
  }
  if (target.credentials !== undefined && !given.has('authorization')) {
    lines.push(`Authorization: ${basic(target.credentials)}`);
  }
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The request that opens a way through a proxy, as latin1 text. */
export function connectRequest(target: Target, options: ResolvedWebSocketOptions): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const authority = `${host}:${target.port}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  const { proxy, proxyHeaders } = options;
  const given = proxyHeaders.some(([name]) => name.toLowerCase() === 'proxy-authorization');
  if (proxy?.credentials !== undefined && !given) {
    lines.push(`Proxy-Authorization: ${basic(proxy.credentials)}`);
  }
  for (const [name, value] of proxyHeaders) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * Checks every rule for the answer.
 * @throws {HandshakeError} ERR_WEBSOCKET_REFUSED when its status is not 101
 * @throws {RondoError} ERR_WEBSOCKET_HANDSHAKE when it breaks a rule
 */
export function checkResponse(response: Response, offer: Offer): Agreement {
  const { status, headers } = response;
  if (status !== 101) throw new HandshakeError('server', response);
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') {
    throw broken('the Upgrade header must be "websocket"');
  }
  const connection = headers.get('connection') ?? '';
  if (!connection.split(',').some((item) => item.trim().toLowerCase() === 'upgrade')) {
    throw broken('the Connection header must contain "Upgrade"');
  }
  if (headers.get('sec-websocket-accept') !== acceptKey(offer.key)) {
    throw broken('Sec-WebSocket-Accept does not answer the key that was sent');
  }
  const protocol = headers.get('sec-websocket-protocol');
  // The standard asks for one when some were offered; the RFC leaves it to the client.
  if (offer.protocols.length === 0 ? protocol !== undefined : protocol === undefined) {
    throw broken('a subprotocol must be chosen exactly when some are offered');
  }
  if (protocol !== undefined && !offer.protocols.includes(protocol)) {
    throw broken(`the subprotocol ${JSON.stringify(protocol)} was not offered`);
  }
  const extensions = headers.get('sec-websocket-extensions');
  const deflate = acceptDeflate(extensions, offer.deflate);
  if (!deflate.valid) throw broken(deflate.reason);
  return {
    protocol: protocol ?? '',
    extensions: extensions ?? '',
    deflate: deflate.parameters,
  };
}

/** An answer that is none. */
export function broken(rule: string): RondoError {
  return new RondoError('ERR_WEBSOCKET_HANDSHAKE', `Cannot open the WebSocket: ${rule}`);
}
