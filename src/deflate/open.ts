/** Chooses who compresses: the addon, or node:zlib where the addon cannot. */
import { choiceOption, integerOption, rejectUnknown, RondoError } from '../base/index.ts';
import type { Arena } from '../memory/index.ts';
import { loadNative, nativeStatus } from '../native/index.ts';
import type { Streams } from './contract.ts';
import { NativeStreams } from './native-streams.ts';
import { NodeStreams } from './node-streams.ts';

/** How streams are made. */
export interface StreamsOptions {
  /** @default native where it can be used, else node */
  readonly kind?: 'native' | 'node';
  /** What the streams of this thread may hold together; beyond it NO_MEMORY. @default 64 MiB */
  readonly maxBytes?: number;
}

const MIB = 1024 * 1024;
const BYTES_DEFAULT = 64 * MIB;
const BYTES_MAX = 2 ** 40;

/**
 * Streams that work on an arena, for this thread. Close them when they are not needed any more.
 * @throws {RondoError} ERR_NATIVE_UNAVAILABLE when `native` was asked for and cannot be had
 * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function openStreams(arena: Arena, options: StreamsOptions = {}): Streams {
  rejectUnknown('openStreams', options, ['kind', 'maxBytes']);
  const maxBytes = integerOption('maxBytes', options.maxBytes, BYTES_DEFAULT, 0, BYTES_MAX);
  const kind = choiceOption('kind', options.kind, 'native', ['native', 'node']);
  const reason = kind === 'native' ? reasonAgainstNative(arena) : undefined;
  if (kind === 'native' && reason === undefined) {
    return new NativeStreams(arena, loadNative(), maxBytes);
  }
  if (options.kind === 'native') {
    throw new RondoError('ERR_NATIVE_UNAVAILABLE', `Cannot compress natively: ${reason}`);
  }
  return new NodeStreams(arena, maxBytes);
}

/** Why the addon cannot compress in this arena; undefined when it can. */
export function reasonAgainstNative(arena: Arena): string | undefined {
  const status = nativeStatus();
  if (!status.available) return status.reason;
  if (status.native.zlibVersion() === '') return 'this node executable exports no zlib 1.x';
  try {
    status.native.attachArena(arena.bytes);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}
