import { integerOption, rejectUnknown } from '../base/index.ts';
import type { CreateDriverOptions } from '../driver/index.ts';
import type { ExecutorOptions } from '../task/index.ts';

const MIB = 1024 * 1024;

/** How a runtime is made; all optional. */
export interface RuntimeOptions {
  /** Of its executor. */
  readonly executor?: ExecutorOptions;
  /** Of its driver, which is made when something is first read, written, listened or connected. */
  readonly driver?: Omit<CreateDriverOptions, 'handler' | 'tls'>;
  /**
   * Bytes for what is being sent, written and read from files, 1 MiB to 1 GiB.
   * Only what is used costs memory. @default 32 MiB
   */
  readonly memory?: number;
}

/** Options with every default filled in; those of executor and driver are theirs to check. */
export interface ResolvedRuntimeOptions {
  readonly executor: ExecutorOptions;
  readonly driver: Omit<CreateDriverOptions, 'handler' | 'tls'>;
  readonly memory: number;
}

/** Checks and fills in. */
export function resolveRuntimeOptions(options: RuntimeOptions): ResolvedRuntimeOptions {
  rejectUnknown('Runtime', options, ['executor', 'driver', 'memory']);
  const memory = integerOption('memory', options.memory, 32 * MIB, MIB, 1024 * MIB);
  return Object.freeze({
    executor: options.executor ?? {},
    driver: options.driver ?? {},
    // Blocks are units of a power of two.
    memory: Math.ceil(memory / 4096) * 4096,
  });
}
