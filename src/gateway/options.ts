/** Every knob of a gateway, checked in one place. */
import {
  booleanOption,
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
  stringOption,
} from '../base/index.ts';
import type { RealDriverKind, TlsOptions } from '../driver/index.ts';
import { Arena, processArena } from '../memory/index.ts';
import {
  resolveLimits,
  type LimitOptions,
  type OverRate,
  type ResolvedLimits,
} from './limits/options.ts';
import { resolveTrustProxy, type TrustProxy } from './limits/proxy.ts';
import { resolveOrigins } from './limits/origins.ts';
import type { Instrumentation } from './metrics/instrumentation.ts';
import {
  resolveDeflateOptions,
  type DeflateOptions,
  type ResolvedDeflateOptions,
} from './sockets/deflate-options.ts';
import { resolveTopicLimits, type ResolvedTopicLimits, type TopicLimits } from './topics/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const HOUR_MS = 3_600_000;

/** How a gateway is made. */
export interface GatewayOptions {
  /** TCP port, 0 to 65535; 0 chooses a free one, which `address` tells. @default 9001 */
  readonly port?: number;
  /**
   * Address to listen on, or a name that is looked up. The default is reachable from other
   * machines, as a server's should be; '127.0.0.1' keeps it to this one. @default '0.0.0.0'
   */
  readonly host?: string;
  /**
   * Share the port with other processes that say the same (SO_REUSEPORT): the kernel spreads the
   * connections. How one service uses several cores. @default false
   */
  readonly reusePort?: boolean;
  /** Path of a Unix socket to listen on instead of `host` and `port`. @default none */
  readonly path?: string;
  /**
   * Certificates: the port speaks TLS then, on the portable driver (decision 0012). They are
   * changed without an interruption by `setCertificates`. @default none, plain HTTP
   */
  readonly tls?: TlsOptions;
  /** The driver to use. @default RONDO_DRIVER, else the best of uring, epoll, portable */
  readonly driver?: RealDriverKind;
  /** The memory that everything lives in. @default the process's arena */
  readonly arena?: Arena;
  /** Connections at once, 1 to 170,000; more wait in the kernel's queue. @default 16384 */
  readonly maxConnections?: number;
  /** Bytes of a received message, 1 to 64 MiB; a longer one is closed with 1009. @default 1 MiB */
  readonly maxMessageSize?: number;
  /** Bytes of a received frame, 1 to 64 MiB; closed with 1009. @default `maxMessageSize` */
  readonly maxFrameSize?: number;
  /**
   * Bytes that may wait to be sent on a connection, 1 KiB to 1 GiB. One message is always taken
   * when nothing waits. @default 1 MiB
   */
  readonly maxSendQueueBytes?: number;
  /**
   * What becomes of a message above `maxSendQueueBytes`: the connection is closed with 1013, the
   * message is dropped, or the oldest that wait are. @default 'close'
   */
  readonly sendQueuePolicy?: 'close' | 'drop-newest' | 'drop-oldest';
  /** Compression of messages (RFC 7692); true for the defaults of `DeflateOptions`. @default false */
  readonly deflate?: boolean | DeflateOptions;
  /**
   * Handlers of one connection that may be at work at once, 1 to 1024; above it, the connection is
   * not read. With 1 the next message is handled when the handler of the one before has ended.
   * @default 1
   */
  readonly concurrency?: number;
  /** Async handlers of all connections at work at once, 1 to 1,000,000. @default 16384 */
  readonly maxPendingHandlers?: number;
  /**
   * Milliseconds of silence, 0 or 100 to 86,400,000, after which a connection is closed with 1001.
   * After half of it a ping is sent, and another after three quarters, so that only who does not
   * answer is closed. 0 turns it off. @default 120,000
   */
  readonly idleTimeoutMs?: number;
  /**
   * Milliseconds that a connection may live, 0 or 100 to 2,147,483,647; then it is closed with
   * 1001.
   * @default 0, no limit
   */
  readonly maxLifetimeMs?: number;
  /** How much clients may do. @default no limits */
  readonly limits?: LimitOptions;
  /** What becomes of messages above a rate of `limits`. @default 'delay' */
  readonly overRate?: OverRate;
  /**
   * Pages that may connect, as `https://example.com` or `https://*.example.com`; others are
   * answered 403. Clients that are no browsers send no origin and are let in. @default all
   */
  readonly origins?: readonly string[];
  /** Proxies whose word is taken for a client's address. @default false, none */
  readonly trustProxy?: TrustProxy;
  /** How much topics may hold. @default the defaults of `TopicLimits` */
  readonly topics?: TopicLimits;
  /** Bytes of a request's head, 256 to 65,536; more is answered 431. @default 8192 */
  readonly maxHeaderBytes?: number;
  /**
   * Milliseconds that a client has for a request's head, 1 to 3,600,000; then it is answered 408,
   * or closed if it has said nothing. @default 10,000
   */
  readonly handshakeTimeoutMs?: number;
  /**
   * Milliseconds from the first byte of a message to its last, 1 to 3,600,000; one that takes
   * longer is closed with 1008. Until then its memory is held. @default 60,000
   */
  readonly messageTimeoutMs?: number;
  /**
   * Milliseconds that a peer has to answer a close, 1 to 3,600,000; while it goes on reading what
   * was sent before, the time starts again. @default 10,000
   */
  readonly closeTimeoutMs?: number;
  /** Milliseconds that `close` waits for the peers, 0 to 3,600,000. @default 10,000 */
  readonly drainDeadlineMs?: number;
  /**
   * Milliseconds over which `close` spreads its goodbyes, 0 to 3,600,000, so that clients do not
   * all come back at once. Less than the deadline. @default 0, all at once
   */
  readonly drainSpreadMs?: number;
  /** Receive buffers shared by all connections, a power of two, 2 to 32,768. @default 1024 */
  readonly receiveBuffers?: number;
  /**
   * Bytes of a receive buffer, a multiple of 64, 256 to 1 MiB. The default holds a message of
   * 16 KiB with its frame head: what fits into one buffer is handed over without copying.
   * @default 16448
   */
  readonly receiveBufferSize?: number;
  /**
   * Bytes of the arena for messages that arrive in pieces or wait to be sent, a multiple of 64 KiB,
   * at least 1 MiB. Only what is used costs memory.
   * @default 64 MiB, or twice `maxMessageSize` rounded up to a power of two if that is more
   */
  readonly memoryBytes?: number;
  /**
   * Find mistakes with messages: each has an object of its own, so that use after its handler
   * always throws, even while another message is handled. For development: it costs garbage.
   * @default false, or that of the arena
   */
  readonly debug?: boolean;
  /** Serve a page at `/` on which a person can try the routes. @default false */
  readonly page?: boolean;
  /** Serve the counters at `/metrics`, for Prometheus. @default false */
  readonly metrics?: boolean;
  /**
   * Of how many messages one has the time of its handler measured for the metrics, 0 to 1,000,000;
   * 0 measures none. @default 0
   */
  readonly timingSample?: number;
  /** Traces, as `openTelemetry()` of rondo/telemetry gives. @default none */
  readonly instrumentation?: Instrumentation;
}

/** Options with every default filled in. */
export interface ResolvedGatewayOptions extends Required<
  Omit<GatewayOptions, Resolved | 'driver' | 'path' | 'tls' | 'instrumentation' | 'origins'>
> {
  readonly path: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly driver: RealDriverKind | undefined;
  readonly arena: Arena;
  readonly origins: readonly string[] | undefined;
  readonly instrumentation: Instrumentation | undefined;
  readonly limits: ResolvedLimits;
  readonly topics: ResolvedTopicLimits;
  /** Undefined without compression. */
  readonly deflate: ResolvedDeflateOptions | undefined;
}

/** What is resolved to something else than its option. */
type Resolved = 'arena' | 'limits' | 'topics' | 'deflate';

const DRIVERS: readonly RealDriverKind[] = ['uring', 'epoll', 'portable'];
const SEGMENT_BYTES = 64 * KIB;
const MEMORY_MIN = MIB;
const TIME_MS_MIN = 100;

/** The options that there are. */
export const GATEWAY_OPTION_NAMES: readonly (keyof GatewayOptions)[] = [
  'port',
  'host',
  'reusePort',
  'path',
  'driver',
  'arena',
  'maxConnections',
  'maxMessageSize',
  'maxFrameSize',
  'tls',
  'maxSendQueueBytes',
  'sendQueuePolicy',
  'deflate',
  'concurrency',
  'maxPendingHandlers',
  'idleTimeoutMs',
  'maxLifetimeMs',
  'limits',
  'overRate',
  'origins',
  'trustProxy',
  'topics',
  'maxHeaderBytes',
  'handshakeTimeoutMs',
  'messageTimeoutMs',
  'closeTimeoutMs',
  'drainDeadlineMs',
  'drainSpreadMs',
  'receiveBuffers',
  'receiveBufferSize',
  'memoryBytes',
  'debug',
  'page',
  'metrics',
  'timingSample',
  'instrumentation',
];

/** What is no number, text or boolean. */
function checkObjects(options: GatewayOptions, arena: unknown): void {
  const { path, instrumentation, origins, trustProxy } = options;
  if (path !== undefined && (typeof path !== 'string' || path === '')) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use path: it must be the path of a socket');
  }
  if (!(arena instanceof Arena)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use arena: it must be an Arena of rondo/memory');
  }
  if (instrumentation !== undefined && typeof instrumentation?.sampled !== 'function') {
    const rule = 'it must be what openTelemetry() of rondo/telemetry resolves to, or the like';
    throw misuse('ERR_OPTION_TYPE', `Cannot use instrumentation: ${rule}`);
  }
  // Checked here; the gateway makes them once more for its use.
  resolveOrigins(origins);
  resolveTrustProxy(trustProxy);
}

/**
 * Checks options and fills in defaults.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
 * @throws {RangeError} ERR_OPTION_RANGE
 */
export function resolveGatewayOptions(options: GatewayOptions = {}): ResolvedGatewayOptions {
  rejectUnknown('createGateway', options, GATEWAY_OPTION_NAMES);
  const { path, tls, instrumentation, arena = processArena() } = options;
  checkObjects(options, arena);
  const integer = (name: keyof GatewayOptions, fallback: number, least: number, most: number) =>
    integerOption(name, options[name] as number | undefined, fallback, least, most);
  /** 0 turns it off; a shorter time than the least would be for nobody. */
  const time = (name: keyof GatewayOptions, fallback: number, most: number) =>
    options[name] === undefined || options[name] === 0
      ? ((options[name] as number | undefined) ?? fallback)
      : integer(name, fallback, TIME_MS_MIN, most);
  const maxMessageSize = integer('maxMessageSize', MIB, 1, 64 * MIB);
  // The block of a message rounded up, and as much for the one it grew out of and for an answer.
  const memory = Math.max(64 * MIB, 2 * 2 ** Math.ceil(Math.log2(maxMessageSize)));
  const memoryBytes = integer('memoryBytes', memory, MEMORY_MIN, arena.size);
  if (memoryBytes % SEGMENT_BYTES !== 0) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use memoryBytes: it must be a multiple of 64 KiB');
  }
  return Object.freeze({
    port: integer('port', 9001, 0, 65_535),
    host: stringOption('host', options.host, '0.0.0.0'),
    reusePort: booleanOption('reusePort', options.reusePort, false),
    path,
    tls,
    driver:
      options.driver === undefined
        ? undefined
        : choiceOption('driver', options.driver, options.driver, DRIVERS),
    arena,
    maxConnections: integer('maxConnections', 16_384, 1, 170_000),
    maxMessageSize,
    maxFrameSize: integer('maxFrameSize', maxMessageSize, 1, 64 * MIB),
    maxSendQueueBytes: integer('maxSendQueueBytes', MIB, KIB, KIB * MIB),
    sendQueuePolicy: choiceOption('sendQueuePolicy', options.sendQueuePolicy, 'close', [
      'close',
      'drop-newest',
      'drop-oldest',
    ]),
    deflate: resolveDeflateOptions(options.deflate),
    concurrency: integer('concurrency', 1, 1, 1024),
    maxPendingHandlers: integer('maxPendingHandlers', 16_384, 1, 1_000_000),
    idleTimeoutMs: time('idleTimeoutMs', 120_000, 86_400_000),
    maxLifetimeMs: time('maxLifetimeMs', 0, 2 ** 31 - 1),
    limits: resolveLimits(options.limits),
    overRate: choiceOption('overRate', options.overRate, 'delay', ['delay', 'close']),
    origins: options.origins,
    trustProxy: options.trustProxy ?? false,
    topics: resolveTopicLimits(options.topics),
    maxHeaderBytes: integer('maxHeaderBytes', 8 * KIB, 256, 64 * KIB),
    handshakeTimeoutMs: integer('handshakeTimeoutMs', 10_000, 1, HOUR_MS),
    messageTimeoutMs: integer('messageTimeoutMs', 60_000, 1, HOUR_MS),
    closeTimeoutMs: integer('closeTimeoutMs', 10_000, 1, HOUR_MS),
    drainDeadlineMs: integer('drainDeadlineMs', 10_000, 0, HOUR_MS),
    drainSpreadMs: integer('drainSpreadMs', 0, 0, HOUR_MS),
    receiveBuffers: integer('receiveBuffers', 1024, 2, 32_768),
    receiveBufferSize: integer('receiveBufferSize', 16 * KIB + 64, 256, MIB),
    memoryBytes,
    debug: booleanOption('debug', options.debug, arena.debug),
    page: booleanOption('page', options.page, false),
    metrics: booleanOption('metrics', options.metrics, false),
    timingSample: integer('timingSample', 0, 0, 1_000_000),
    instrumentation,
  });
}
