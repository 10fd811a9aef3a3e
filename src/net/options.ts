import { booleanOption, integerOption, misuse, rejectUnknown } from '../base/index.ts';
import type { SocketOptions } from '../driver/index.ts';

/** How much a connection may have in memory; both are bytes. */
export interface ConnectionOptions {
  /**
   * Received and not read, 1 to 2^30: then the peer has to wait. What one round of the driver
   * brings may come on top. @default two buffers of the driver, 262,272
   */
  readonly readAhead?: number;
  /**
   * Accepted by `write` and its kin and not sent, 1024 to 2^30: then the writer has to wait.
   * @default two buffers of the driver, 262,272
   */
  readonly writeBuffer?: number;
  /**
   * Milliseconds that `close` waits for what was accepted to be sent, 0 to 2^31-1: then it resets,
   * so that a peer which does not read holds nobody up. @default 3000
   */
  readonly closeTimeout?: number;
}

/** Options of `listen`. Those of sockets hold for the accepted connections. */
export interface ListenerOptions extends ConnectionOptions, SocketOptions {
  /** Connections in the kernel's queue that were not accepted, 1 to 65,535. @default 4096 */
  readonly backlog?: number;
  /** Accepted and not taken by anybody, 1 to 65,535: then accepting rests. @default 64 */
  readonly acceptAhead?: number;
  /** Several listeners on one port, among which the kernel spreads. @default false */
  readonly reusePort?: boolean;
}

/** Options of `connect`. */
export interface ConnectOptions extends ConnectionOptions, SocketOptions {
  /**
   * Milliseconds until it must be connected, 1 to 2^31-1; the resolving of a name counts.
   * @default as long as the system takes
   */
  readonly timeout?: number;
}

/** Options of connections with every default filled in. */
export interface ResolvedConnectionOptions {
  /** Undefined for two buffers of the driver. */
  readonly readAhead: number | undefined;
  readonly writeBuffer: number | undefined;
  readonly closeTimeout: number;
}

/** Options of listeners with every default filled in. */
export interface ResolvedListenerOptions extends ResolvedConnectionOptions {
  readonly backlog: number;
  readonly acceptAhead: number;
  readonly reusePort: boolean;
  readonly socket: SocketOptions;
}

/** Options of `connect` with every default filled in. */
export interface ResolvedConnectOptions extends ResolvedConnectionOptions {
  readonly timeout: number | undefined;
  readonly socket: SocketOptions;
}

const BYTES_MAX = 2 ** 30;

function bytesOption(name: string, value: number | undefined, min: number): number | undefined {
  return value === undefined ? undefined : integerOption(name, value, min, min, BYTES_MAX);
}

function connectionPart(options: ConnectionOptions): ResolvedConnectionOptions {
  return {
    readAhead: bytesOption('readAhead', options.readAhead, 1),
    writeBuffer: bytesOption('writeBuffer', options.writeBuffer, 1024),
    closeTimeout: integerOption('closeTimeout', options.closeTimeout, 3000, 0, 0x7fffffff),
  };
}

const CONNECTION_KEYS = ['readAhead', 'writeBuffer', 'closeTimeout'] as const;
const SOCKET_KEYS = ['noDelay', 'keepAlive', 'sendBuffer', 'receiveBuffer'] as const;

/** Those of the socket alone: the driver checks them. */
function socketPart(options: SocketOptions): SocketOptions {
  const part: Record<string, unknown> = {};
  for (const key of SOCKET_KEYS) if (options[key] !== undefined) part[key] = options[key];
  return part;
}

/**
 * What it is that is listened on or connected to is for the driver to check.
 * @throws {TypeError} ERR_ADDRESS_INVALID, ERR_OPTION_UNKNOWN
 */
export function checkAddressKeys(action: string, address: object): void {
  if (typeof address !== 'object' || address === null) {
    throw misuse(
      'ERR_ADDRESS_INVALID',
      `Cannot ${action}: the address must be { port, host } or { path }`,
    );
  }
  rejectUnknown(action, address, 'path' in address ? ['path'] : ['port', 'host']);
}

/** Checks and fills in. */
export function resolveListenerOptions(options: ListenerOptions): ResolvedListenerOptions {
  const own = ['backlog', 'acceptAhead', 'reusePort'];
  rejectUnknown('listen', options, [...own, ...CONNECTION_KEYS, ...SOCKET_KEYS]);
  return Object.freeze({
    ...connectionPart(options),
    backlog: integerOption('backlog', options.backlog, 4096, 1, 65535),
    acceptAhead: integerOption('acceptAhead', options.acceptAhead, 64, 1, 65535),
    reusePort: booleanOption('reusePort', options.reusePort, false),
    socket: socketPart(options),
  });
}

/** Checks and fills in. */
export function resolveConnectOptions(options: ConnectOptions): ResolvedConnectOptions {
  rejectUnknown('connect', options, ['timeout', ...CONNECTION_KEYS, ...SOCKET_KEYS]);
  const { timeout } = options;
  return Object.freeze({
    ...connectionPart(options),
    timeout:
      timeout === undefined ? undefined : integerOption('timeout', timeout, 1, 1, 0x7fffffff),
    socket: socketPart(options),
  });
}
