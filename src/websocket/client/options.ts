/** Every knob of a client, checked in one place. */
import type { ConnectionOptions } from 'node:tls';
import {
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
  stringOption,
} from '../../base/index.ts';
import type { RealDriverKind } from '../../driver/index.ts';
import { credentialsOf, hostOf } from './address.ts';
import {
  resolveClientDeflate,
  type ClientDeflateOptions,
  type ResolvedClientDeflate,
} from './deflate-options.ts';
import { MESSAGE_MAX } from './hub.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

/** What binary messages are handed over as. */
export type BinaryType = 'blob' | 'arraybuffer' | 'uint8array';

/** Headers of a request: an object, or pairs of name and value, such as a `Headers`. */
export type HeaderEntries =
  Readonly<Record<string, string>> | Iterable<readonly [name: string, value: string]>;

/** What `node:tls` is told of a connection; its documentation has the meanings. */
export type ClientTlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'checkServerIdentity'
  | 'ciphers'
  | 'key'
  | 'maxVersion'
  | 'minVersion'
  | 'passphrase'
  | 'pfx'
  | 'rejectUnauthorized'
  | 'secureContext'
  | 'servername'
>;

/** What a Rondo WebSocket has beyond the browser's. */
export interface WebSocketOptions {
  /** Further headers of the handshake, such as Authorization or Cookie. @default none */
  readonly headers?: HeaderEntries;
  /** The Origin header, as a browser would send it. @default none */
  readonly origin?: string;
  /** The type of binary messages at the beginning; see `binaryType`. @default 'blob' */
  readonly binaryType?: BinaryType;
  /** Bytes of a received message, 1 to 32 MiB; a longer one is closed with 1009. @default 16 MiB */
  readonly maxMessageSize?: number;
  /**
   * Bytes that may wait to be sent, 1 KiB to 1 GiB. One message is always taken when nothing waits;
   * beyond that `send` throws ERR_SEND_QUEUE. @default 16 MiB
   */
  readonly maxSendQueueBytes?: number;
  /**
   * `drained()` and the drain event wait until so few bytes wait to be sent, 0 to 1 GiB.
   * @default 64 KiB
   */
  readonly drainBytes?: number;
  /**
   * Bytes of messages, 1 KiB to 1 GiB, that `for await` collects before reading pauses. Each
   * message counts 64 bytes more than it has. @default 256 KiB
   */
  readonly readAheadBytes?: number;
  /**
   * Milliseconds from the beginning until the connection is open, name lookup, proxy and TLS
   * included, 1 to 3,600,000. @default 10,000
   */
  readonly handshakeTimeoutMs?: number;
  /**
   * Milliseconds that the server has to answer a close and end the connection, 1 to 3,600,000.
   * While it goes on taking what was sent before, the time starts again. @default 10,000
   */
  readonly closeTimeoutMs?: number;
  /**
   * Milliseconds without a byte from the server after which the connection is given up, 0 (never)
   * to 3,600,000. A ping goes out after half of it. May take a quarter longer. @default 120,000
   */
  readonly idleTimeoutMs?: number;
  /**
   * Offers to compress messages; true is an object without options. The server decides, and
   * `extensions` says what was agreed on. @default false
   */
  readonly deflate?: boolean | ClientDeflateOptions;
  /** Path of a Unix socket to connect to; the URL gives the rest. @default none */
  readonly socketPath?: string;
  /**
   * An HTTP proxy to reach the server through, by CONNECT:
   * `http://user:password@host:port`, or `https:` to speak TLS with the proxy. @default none
   */
  readonly proxy?: string | URL;
  /** Headers for the proxy alone. @default none */
  readonly proxyHeaders?: HeaderEntries;
  /** TLS with the server, for `wss:`. @default Node's own */
  readonly tls?: ClientTlsOptions;
  /** The driver of `ws:` connections. @default RONDO_DRIVER, else the best there is */
  readonly driver?: RealDriverKind;
}

/** A proxy, taken apart. */
export interface Proxy {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly credentials: string | undefined;
}

/** Options with every default filled in. */
export interface ResolvedWebSocketOptions {
  readonly headers: readonly (readonly [string, string])[];
  readonly origin: string | undefined;
  readonly binaryType: BinaryType;
  readonly maxMessageSize: number;
  readonly maxSendQueueBytes: number;
  readonly drainBytes: number;
  readonly readAheadBytes: number;
  readonly handshakeTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly deflate: ResolvedClientDeflate | undefined;
  readonly socketPath: string | undefined;
  readonly proxy: Proxy | undefined;
  readonly proxyHeaders: readonly (readonly [string, string])[];
  readonly tls: ClientTlsOptions;
  readonly driver: RealDriverKind | undefined;
}

/** The names of all options. */
export const WEBSOCKET_OPTIONS: readonly (keyof WebSocketOptions)[] = [
  'headers',
  'origin',
  'binaryType',
  'maxMessageSize',
  'maxSendQueueBytes',
  'drainBytes',
  'readAheadBytes',
  'handshakeTimeoutMs',
  'closeTimeoutMs',
  'idleTimeoutMs',
  'deflate',
  'socketPath',
  'proxy',
  'proxyHeaders',
  'tls',
  'driver',
];

const BINARY_TYPES: readonly BinaryType[] = ['blob', 'arraybuffer', 'uint8array'];
const DRIVERS: readonly RealDriverKind[] = ['uring', 'epoll', 'portable'];

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible latin1, with blanks inside (RFC 9110 §5.5). */
const VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;

/** What the handshake itself says: another value of these would be another handshake. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a value is one that `binaryType` can have. */
export function isBinaryType(value: unknown): value is BinaryType {
  return BINARY_TYPES.includes(value as BinaryType);
}

/**
 * Checks options and fills in defaults.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_HTTP_HEADER
 * @throws {RangeError} ERR_OPTION_RANGE
 */
export function resolveWebSocketOptions(options: WebSocketOptions = {}): ResolvedWebSocketOptions {
  rejectUnknown('a WebSocket', options, WEBSOCKET_OPTIONS);
  const { socketPath, origin, proxy, driver } = options;
  const integer = (name: keyof WebSocketOptions, fallback: number, least: number, most: number) =>
    integerOption(name, options[name] as number | undefined, fallback, least, most);
  if (socketPath !== undefined && (stringOption('socketPath', socketPath, '') === '' || proxy)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use socketPath: it must be a path, without a proxy');
  }
  return Object.freeze({
    headers: [
      ...resolveHeaders('headers', options.headers),
      ...(origin === undefined ? [] : resolveHeaders('origin', { Origin: origin })),
    ],
    origin,
    binaryType: choiceOption('binaryType', options.binaryType, 'blob', BINARY_TYPES),
    maxMessageSize: integer('maxMessageSize', 16 * MIB, 1, MESSAGE_MAX),
    maxSendQueueBytes: integer('maxSendQueueBytes', 16 * MIB, KIB, KIB * MIB),
    drainBytes: integer('drainBytes', 64 * KIB, 0, KIB * MIB),
    readAheadBytes: integer('readAheadBytes', 256 * KIB, KIB, KIB * MIB),
    handshakeTimeoutMs: integer('handshakeTimeoutMs', 10_000, 1, HOUR_MS),
    closeTimeoutMs: integer('closeTimeoutMs', 10_000, 1, HOUR_MS),
    idleTimeoutMs: integer('idleTimeoutMs', 120_000, 0, HOUR_MS),
    deflate: resolveClientDeflate(options.deflate),
    socketPath,
    proxy: proxy === undefined ? undefined : resolveProxy(proxy),
    proxyHeaders: resolveHeaders('proxyHeaders', options.proxyHeaders),
    tls: options.tls ?? {},
    driver: driver === undefined ? undefined : choiceOption('driver', driver, driver, DRIVERS),
  });
}

function resolveHeaders(
  option: string,
  headers: HeaderEntries | undefined,
): (readonly [string, string])[] {
  if (headers === undefined) return [];
  if (typeof headers !== 'object' || headers === null) {
    throw misuse('ERR_OPTION_TYPE', `Cannot use ${option}: it must be an object or pairs`);
  }
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers);
  return Array.from(pairs, ([name, value]) => {
    const valid = typeof value === 'string' && TOKEN.test(name) && VALUE.test(value);
    if (!valid || RESERVED.has(name.toLowerCase())) {
      throw misuse(
        'ERR_HTTP_HEADER',
        `Cannot use header ${JSON.stringify(name)} of ${option}: HTTP does not allow its name or ` +
          'value, or the handshake sets it itself',
      );
    }
    return [name, value];
  });
}

function resolveProxy(proxy: string | URL): Proxy {
  let url: URL | undefined;
  try {
    url = new URL(proxy);
  } catch {
    // Said below.
  }
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The value may hold a password.
    throw misuse('ERR_OPTION_TYPE', 'Cannot use proxy: it must be an http or https URL');
  }
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: hostOf(url),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    credentials: credentialsOf(url),
  };
}
