/** The options of streams, checked and filled. */
import { booleanOption, integerOption, rejectUnknown } from '../base/index.ts';
import type { DeflaterOptions, InflaterOptions } from './contract.ts';

const MESSAGE_BYTES_DEFAULT = 16 * 1024 * 1024;
const MESSAGE_BYTES_MAX = 2 ** 32 - 1;

/** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveDeflaterOptions(options: DeflaterOptions): Required<DeflaterOptions> {
  rejectUnknown('a deflater', options, ['level', 'windowBits', 'memoryLevel', 'takeover']);
  return Object.freeze({
    level: integerOption('level', options.level, 1, 1, 9),
    windowBits: integerOption('windowBits', options.windowBits, 15, 8, 15),
    memoryLevel: integerOption('memoryLevel', options.memoryLevel, 8, 1, 9),
    takeover: booleanOption('takeover', options.takeover, false),
  });
}

/** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveInflaterOptions(options: InflaterOptions): Required<InflaterOptions> {
  rejectUnknown('an inflater', options, ['windowBits', 'takeover', 'maxMessageSize']);
  return Object.freeze({
    windowBits: integerOption('windowBits', options.windowBits, 15, 8, 15),
    takeover: booleanOption('takeover', options.takeover, false),
    maxMessageSize: integerOption(
      'maxMessageSize',
      options.maxMessageSize,
      MESSAGE_BYTES_DEFAULT,
      0,
      MESSAGE_BYTES_MAX,
    ),
  });
}

/**
 * The window of zlib's that keeps to a window of the protocol. zlib knows no raw deflate with 8
 * bits; with 9 it refers back at most 512 - 262 bytes, since it keeps room for a longest match to
 * be looked at, and that fits in the 256 of 8 bits.
 */
export function zlibWindowBits(windowBits: number): number {
  return Math.max(windowBits, 9);
}
