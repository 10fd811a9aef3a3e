import {
  booleanOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
} from '../../base/index.ts';
import type { DriverLimits, DriverOptions, ListenOptions } from '../driver.ts';

const KNOWN = [
  'kind',
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
  const connections = integerOption('connections', options.connections, 16384, 1, 1_048_000);
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
    bufferSize: integerOption('bufferSize', options.bufferSize, 16384, 256, 1 << 20),
    completionsPerTurn: integerOption(
      'completionsPerTurn',
      options.completionsPerTurn,
      1024,
      1,
      1 << 20,
    ),
  };
  for (const name of ['buffers', 'bufferSize'] as const) {
    const value = limits[name];
    if ((value & (value - 1)) !== 0) {
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot use ${name}: it must be a power of two, got ${value}`,
      );
    }
  }
  return Object.freeze(limits);
}

/** Checks and fills in the options of `listen`. */
export function resolveListenOptions(options: ListenOptions): Required<ListenOptions> {
  rejectUnknown('listen', options, ['backlog', 'reusePort', 'noDelay']);
  return {
    backlog: integerOption('backlog', options.backlog, 4096, 1, 65535),
    reusePort: booleanOption('reusePort', options.reusePort, false),
    noDelay: booleanOption('noDelay', options.noDelay, true),
  };
}
