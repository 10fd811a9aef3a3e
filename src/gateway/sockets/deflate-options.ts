/** How messages are compressed. */
import {
  booleanOption,
  choiceOption,
  integerOption,
  misuse,
  rejectUnknown,
} from '../../base/index.ts';

const MIB = 1024 * 1024;

/** Compression of messages (RFC 7692), with clients that offer it. */
export interface DeflateOptions {
  /**
   * One compressor for all connections, which begins anew with each message; or one for each
   * connection, which refers back to earlier messages: messages that are like each other become
   * much smaller, at up to 288 KiB of memory for a connection that sends. @default 'shared'
   */
  readonly compressor?: 'shared' | 'dedicated';
  /**
   * The same for what is received: with 'shared' clients are told not to refer back to earlier
   * messages; 'dedicated' costs up to 42 KiB for a connection that receives. @default 'shared'
   */
  readonly inflater?: 'shared' | 'dedicated';
  /** From 1, fast, to 9, small. @default 1 */
  readonly level?: number;
  /** Of zlib, 1 to 9: more memory, a little faster and smaller. @default 8 */
  readonly memoryLevel?: number;
  /** Bytes from which a message is compressed, 0 to 64 MiB. @default 1024 */
  readonly threshold?: number;
  /** log2 of the bytes that we refer back at most, 8 to 15. @default 15 */
  readonly serverMaxWindowBits?: number;
  /** log2 of the bytes that clients may refer back, 8 to 15, where they can be told. @default 15 */
  readonly clientMaxWindowBits?: number;
  /**
   * Bytes that all compressors and inflaters together may hold, 1 MiB to 64 GiB. Without room,
   * messages are sent uncompressed, and one that cannot be inflated closes with 1013.
   * @default 64 MiB
   */
  readonly maxBytes?: number;
}

/** Options with every default filled in. */
export type ResolvedDeflateOptions = Readonly<Required<DeflateOptions>>;

const KNOWN: readonly (keyof DeflateOptions)[] = [
  'compressor',
  'inflater',
  'level',
  'memoryLevel',
  'threshold',
  'serverMaxWindowBits',
  'clientMaxWindowBits',
  'maxBytes',
];

/**
 * Checks options and fills in defaults; undefined without compression.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveDeflateOptions(
  given: boolean | DeflateOptions = false,
): ResolvedDeflateOptions | undefined {
  if (typeof given !== 'object' || given === null) {
    if (!booleanOption('deflate', given ?? undefined, false)) return undefined;
    return resolveDeflateOptions({});
  }
  if (Array.isArray(given)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use deflate: it must be a boolean or an object');
  }
  rejectUnknown('deflate', given, KNOWN);
  const integer = (name: keyof DeflateOptions, fallback: number, least: number, most: number) =>
    integerOption(`deflate.${name}`, given[name] as number | undefined, fallback, least, most);
  const choices = ['shared', 'dedicated'] as const;
  return Object.freeze({
    compressor: choiceOption('deflate.compressor', given.compressor, 'shared', choices),
    inflater: choiceOption('deflate.inflater', given.inflater, 'shared', choices),
    level: integer('level', 1, 1, 9),
    memoryLevel: integer('memoryLevel', 8, 1, 9),
    threshold: integer('threshold', 1024, 0, 64 * MIB),
    serverMaxWindowBits: integer('serverMaxWindowBits', 15, 8, 15),
    clientMaxWindowBits: integer('clientMaxWindowBits', 15, 8, 15),
    maxBytes: integer('maxBytes', 64 * MIB, MIB, 64 * 1024 * MIB),
  });
}
