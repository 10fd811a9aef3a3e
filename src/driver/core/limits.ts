import {
  booleanOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
  RondoError,
} from '../../base/index.ts';
import type {
  DriverKind,
  DriverLimits,
  DriverOptions,
  ListenOptions,
  SocketOptions,
  TlsOptions,
} from '../driver.ts';
import { resolveSocketOptions, SOCKET_KEYS, type ResolvedSocketOptions } from './socket-options.ts';

/** A cache line of the processor. */
const LINE_BYTES = 64;

/**
 * A message of 16 KiB with its WebSocket head fits into one buffer, and an odd number of cache
 * lines spreads the beginnings of the buffers over the sets of the caches (a power of two puts all
 * of them into a few).
 */
const BUFFER_BYTES = 257 * LINE_BYTES;

/** `connections` when nothing is said. */
export const CONNECTIONS_DEFAULT = 16384;
/** 20 bits of slot, less those of listeners and files. */
const CONNECTIONS_MAX = 1_040_000;

const KNOWN = [
  'arena',
  'handler',
  'name',
  'connections',
  'operations',
  'buffers',
  'bufferSize',
  'completionsPerTurn',
] as const;

/** Checks and fills in a driver's limits. `extra` names the options of one driver alone. */
export function resolveDriverLimits(
  options: DriverOptions,
  extra: readonly string[] = [],
): Required<DriverLimits> {
  rejectUnknown('createDriver', options, [...KNOWN, ...extra]);
  if (typeof options.handler !== 'function') {
    throw misuse('ERR_OPTION_TYPE', 'Cannot create a driver: handler must be a function');
  }
  const connections = integerOption(
    'connections',
    options.connections,
    CONNECTIONS_DEFAULT,
    1,
    CONNECTIONS_MAX,
  );
  const operations = integerOption(
    'operations',
    options.operations,
    Math.min(1_048_575, Math.max(1024, connections * 4)),
    16,
    1_048_575,
  );
  const limits = {
    connections,
    operations,
    buffers: integerOption('buffers', options.buffers, 1024, 2, 32768),
    bufferSize: integerOption('bufferSize', options.bufferSize, BUFFER_BYTES, 256, 1 << 20),
    completionsPerTurn: integerOption(
      'completionsPerTurn',
      options.completionsPerTurn,
      1024,
      1,
      1 << 20,
    ),
  };
  const { buffers, bufferSize } = limits;
  if ((buffers & (buffers - 1)) !== 0) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use buffers: it must be a power of two, got ${buffers}`,
    );
  }
  if (bufferSize % LINE_BYTES !== 0) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use bufferSize: it must be a multiple of ${LINE_BYTES}, got ${bufferSize}`,
    );
  }
  return Object.freeze(limits);
}

/** Checked options of `listen`; those of TLS are the driver's to check. */
export interface ResolvedListenOptions extends ResolvedSocketOptions {
  readonly backlog: number;
  readonly reusePort: boolean;
  readonly tls: TlsOptions | undefined;
}

/** Checks and fills in the options of `listen`. */
export function resolveListenOptions(options: ListenOptions): ResolvedListenOptions {
  rejectUnknown('listen', options, ['backlog', 'reusePort', 'tls', ...SOCKET_KEYS]);
  return {
    backlog: integerOption('backlog', options.backlog, 4096, 1, 65535),
    reusePort: booleanOption('reusePort', options.reusePort, false),
    ...resolveSocketOptions(options),
    tls: options.tls,
  };
}

/** Checks and fills in the options of `connect`. */
export function resolveConnectOptions(options: SocketOptions): ResolvedSocketOptions {
  rejectUnknown('connect', options, SOCKET_KEYS);
  return resolveSocketOptions(options);
}

/** @throws {RondoError} ERR_DRIVER_UNAVAILABLE, always */
export function refuseTls(kind: DriverKind): never {
  throw new RondoError(
    'ERR_DRIVER_UNAVAILABLE',
    `Cannot use TLS on driver ${kind}: the portable driver alone speaks it`,
  );
}
