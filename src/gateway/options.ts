/** Every knob of a gateway, checked in one place. */
import {
  booleanOption,
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
  stringOption,
} from '../base/index.ts';
import type { RealDriverKind } from '../driver/index.ts';
import { Arena, processArena } from '../memory/index.ts';

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
  /** Path of a Unix socket to listen on instead of `host` and `port`. @default none */
  readonly path?: string;
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
   * when nothing waits. A connection that goes above is closed with 1013. @default 1 MiB
   */
  readonly maxSendQueueBytes?: number;
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
  /** Serve a page at `/` on which a person can try the routes. @default false */
  readonly page?: boolean;
}

/** Options with every default filled in. */
export interface ResolvedGatewayOptions extends Required<
  Omit<GatewayOptions, 'path' | 'driver' | 'arena'>
> {
  readonly path: string | undefined;
  readonly driver: RealDriverKind | undefined;
  readonly arena: Arena;
}

const DRIVERS: readonly RealDriverKind[] = ['uring', 'epoll', 'portable'];
const SEGMENT_BYTES = 64 * KIB;
const MEMORY_MIN = MIB;

const KNOWN: readonly (keyof GatewayOptions)[] = [
  'port',
  'host',
  'path',
  'driver',
  'arena',
  'maxConnections',
  'maxMessageSize',
  'maxFrameSize',
  'maxSendQueueBytes',
  'maxHeaderBytes',
  'handshakeTimeoutMs',
  'messageTimeoutMs',
  'closeTimeoutMs',
  'drainDeadlineMs',
  'receiveBuffers',
  'receiveBufferSize',
  'memoryBytes',
  'page',
];

/**
 * Checks options and fills in defaults.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
 * @throws {RangeError} ERR_OPTION_RANGE
 */
export function resolveGatewayOptions(options: GatewayOptions = {}): ResolvedGatewayOptions {
  rejectUnknown('createGateway', options, KNOWN);
  const { path, arena = processArena() } = options;
  if (path !== undefined && (typeof path !== 'string' || path === '')) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use path: it must be the path of a socket');
  }
  if (!(arena instanceof Arena)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use arena: it must be an Arena of rondo/memory');
  }
  const integer = (name: keyof GatewayOptions, fallback: number, least: number, most: number) =>
    integerOption(name, options[name] as number | undefined, fallback, least, most);
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
    path,
    driver:
      options.driver === undefined
        ? undefined
        : choiceOption('driver', options.driver, options.driver, DRIVERS),
    arena,
    maxConnections: integer('maxConnections', 16_384, 1, 170_000),
    maxMessageSize,
    maxFrameSize: integer('maxFrameSize', maxMessageSize, 1, 64 * MIB),
    maxSendQueueBytes: integer('maxSendQueueBytes', MIB, KIB, KIB * MIB),
    maxHeaderBytes: integer('maxHeaderBytes', 8 * KIB, 256, 64 * KIB),
    handshakeTimeoutMs: integer('handshakeTimeoutMs', 10_000, 1, HOUR_MS),
    messageTimeoutMs: integer('messageTimeoutMs', 60_000, 1, HOUR_MS),
    closeTimeoutMs: integer('closeTimeoutMs', 10_000, 1, HOUR_MS),
    drainDeadlineMs: integer('drainDeadlineMs', 10_000, 0, HOUR_MS),
    receiveBuffers: integer('receiveBuffers', 1024, 2, 32_768),
    receiveBufferSize: integer('receiveBufferSize', 16 * KIB + 64, 256, MIB),
    memoryBytes,
    page: booleanOption('page', options.page, false),
  });
}
