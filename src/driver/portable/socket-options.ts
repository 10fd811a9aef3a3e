import type { ResolvedSocketOptions } from '../core/socket-options.ts';

/** The options that Node has, as it calls them when it connects and when it listens. */
export function nodeOptions(options: ResolvedSocketOptions): {
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelay: number;
} {
  const { noDelay, keepAlive } = options;
  return {
    noDelay,
    keepAlive: keepAlive !== undefined,
    keepAliveInitialDelay: keepAlive ?? 0,
  };
}
