/** Every knob of a client that comes back. */
import {
  choiceOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
} from '../../base/index.ts';
import { HandshakeError } from './errors.ts';
import type { CloseEvent } from './events.ts';
import { resolveWebSocketOptions, WEBSOCKET_OPTIONS, type WebSocketOptions } from './options.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KIB = 1024;
const MIB = 1024 * KIB;

/** What happens to messages when more wait for a connection than `maxQueueBytes`. */
export type QueuePolicy =
  /** `send` throws ERR_SEND_QUEUE. */
  | 'error'
  /** The new message is dropped and counted. */
  | 'drop-newest'
  /** The oldest ones are dropped and counted until the new one fits. */
  | 'drop-oldest';

/** What a `ReconnectingWebSocket` has beyond a WebSocket's options, which go to every connection. */
export interface ReconnectingWebSocketOptions extends WebSocketOptions {
  /** The ceiling of the first delay, in milliseconds, 1 to an hour. @default 500 */
  readonly minDelayMs?: number;
  /** The ceiling of all delays, in milliseconds, `minDelayMs` to a day. @default 30,000 */
  readonly maxDelayMs?: number;
  /** What the ceiling grows by with each attempt, 1 to 100. @default 2 */
  readonly factor?: number;
  /**
   * Attempts in a row without a stable connection, 0 to Infinity; then it closes.
   * @default Infinity
   */
  readonly maxAttempts?: number;
  /** Milliseconds after which a connection counts as stable, 0 to an hour. @default 5000 */
  readonly stableAfterMs?: number;
  /**
   * Whether to come back after a connection has ended that way; may look at `error`.
   * @default not after a clean close with 1000 or 1008, nor when the handshake was refused with a
   * status from 400 to 499 other than 408, 425 and 429
   */
  readonly shouldReconnect?: (event: CloseEvent) => boolean;
  /** Bytes of messages that may wait for a connection, 0 to 1 GiB. @default 1 MiB */
  readonly maxQueueBytes?: number;
  /** What happens when more would wait. @default 'error' */
  readonly queuePolicy?: QueuePolicy;
}

/** Options with every default filled in. */
export interface ResolvedReconnectOptions {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly factor: number;
  readonly maxAttempts: number;
  readonly stableAfterMs: number;
  readonly shouldReconnect: (event: CloseEvent) => boolean;
  readonly maxQueueBytes: number;
  readonly queuePolicy: QueuePolicy;
  /** For every connection. */
  readonly connection: WebSocketOptions;
}

const KNOWN: readonly (keyof ReconnectingWebSocketOptions)[] = [
  ...WEBSOCKET_OPTIONS,
  'minDelayMs',
  'maxDelayMs',
  'factor',
  'maxAttempts',
  'stableAfterMs',
  'shouldReconnect',
  'maxQueueBytes',
  'queuePolicy',
];
const POLICIES: readonly QueuePolicy[] = ['error', 'drop-newest', 'drop-oldest'];

/**
 * Checks options and fills in defaults.
 * @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_HTTP_HEADER
 * @throws {RangeError} ERR_OPTION_RANGE
 */
export function resolveReconnectOptions(
  options: ReconnectingWebSocketOptions = {},
): ResolvedReconnectOptions {
  rejectUnknown('a ReconnectingWebSocket', options, KNOWN);
  const {
    minDelayMs,
    maxDelayMs,
    factor,
    maxAttempts,
    stableAfterMs,
    shouldReconnect = isWorthIt,
    maxQueueBytes,
    queuePolicy,
    ...connection
  } = options;
  resolveWebSocketOptions(connection);
  if (typeof shouldReconnect !== 'function') {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use shouldReconnect: it must be a function');
  }
  const least = integerOption('minDelayMs', minDelayMs, 500, 1, HOUR_MS);
  return Object.freeze({
    minDelayMs: least,
    maxDelayMs: integerOption('maxDelayMs', maxDelayMs, Math.max(30_000, least), least, DAY_MS),
    factor: factorOption(factor),
    maxAttempts:
      maxAttempts === Infinity
        ? Infinity
        : integerOption('maxAttempts', maxAttempts, Infinity, 0, Number.MAX_SAFE_INTEGER),
    stableAfterMs: integerOption('stableAfterMs', stableAfterMs, 5000, 0, HOUR_MS),
    shouldReconnect,
    maxQueueBytes: integerOption('maxQueueBytes', maxQueueBytes, MIB, 0, KIB * MIB),
    queuePolicy: choiceOption('queuePolicy', queuePolicy, 'error', POLICIES),
    connection: Object.freeze(connection),
  });
}

function factorOption(factor: number | undefined): number {
  if (factor === undefined) return 2;
  if (typeof factor === 'number' && factor >= 1 && factor <= 100) return factor;
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot use factor: it must be from 1 to 100, got ${factor}`,
  );
}

/** What the server means to be final is final. */
function isWorthIt({ wasClean, code, error }: CloseEvent): boolean {
  if (wasClean) return code !== 1000 && code !== 1008;
  // By its code: two copies of the package may be loaded.
  if (!(error instanceof HandshakeError)) return true;
  const { status } = error;
  return status < 400 || status > 499 || status === 408 || status === 425 || status === 429;
}
