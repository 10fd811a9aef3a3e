/** What a client wants of permessage-deflate. */
import { booleanOption, integerOption, misuse, rejectUnknown } from '../../base/index.ts';

const GIB = 1024 ** 3;

/** How messages are compressed (RFC 7692), if the server agrees. */
export interface ClientDeflateOptions {
  /** Of the messages that are sent: 1 (fast) to 9 (small). @default 1 */
  readonly level?: number;
  /** Memory of a compressor: 1 to 9, the larger the better it compresses. @default 8 */
  readonly memoryLevel?: number;
  /** Messages with fewer bytes are sent as they are, 0 to 1 GiB. @default 1024 */
  readonly threshold?: number;
  /**
   * Messages that are sent do not refer back to earlier ones: all connections share a compressor,
   * where otherwise each has its own of up to 288 KiB. @default false
   */
  readonly clientNoContextTakeover?: boolean;
  /**
   * Asks the server for the same, which saves 42 KiB a connection here; without its consent the
   * handshake fails. @default false
   */
  readonly serverNoContextTakeover?: boolean;
  /** Messages that are sent refer back at most 2^bits bytes, 8 to 15. @default 15 */
  readonly clientMaxWindowBits?: number;
  /** Asks the server for the same; without its consent the handshake fails. @default 15 */
  readonly serverMaxWindowBits?: number;
}

/** Options with every default filled in. */
export type ResolvedClientDeflate = Required<ClientDeflateOptions>;

const KNOWN: readonly (keyof ClientDeflateOptions)[] = [
  'level',
  'memoryLevel',
  'threshold',
  'clientNoContextTakeover',
  'serverNoContextTakeover',
  'clientMaxWindowBits',
  'serverMaxWindowBits',
];

/**
 * Checks options and fills in defaults; undefined when nothing is to be compressed.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE
 * @throws {RangeError} ERR_OPTION_RANGE
 */
export function resolveClientDeflate(
  deflate: boolean | ClientDeflateOptions | undefined,
): ResolvedClientDeflate | undefined {
  if (deflate === undefined || deflate === false) return undefined;
  const options = deflate === true ? {} : deflate;
  if (typeof options !== 'object' || options === null) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use deflate: it must be a boolean or an object');
  }
  rejectUnknown('deflate', options, KNOWN);
  const integer = (name: keyof ClientDeflateOptions, fallback: number, min: number, max: number) =>
    integerOption(name, options[name] as number | undefined, fallback, min, max);
  return Object.freeze({
    level: integer('level', 1, 1, 9),
    memoryLevel: integer('memoryLevel', 8, 1, 9),
    threshold: integer('threshold', 1024, 0, GIB),
    clientNoContextTakeover: booleanOption(
      'clientNoContextTakeover',
      options.clientNoContextTakeover,
      false,
    ),
    serverNoContextTakeover: booleanOption(
      'serverNoContextTakeover',
      options.serverNoContextTakeover,
      false,
    ),
    clientMaxWindowBits: integer('clientMaxWindowBits', 15, 8, 15),
    serverMaxWindowBits: integer('serverMaxWindowBits', 15, 8, 15),
  });
}
