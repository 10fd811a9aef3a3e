import { integerOption, misuse, outOfRange, rejectUnknown, stringOption } from '../base/index.ts';
import type { Message } from '../gateway/index.ts';
import type { OpenTelemetryApi } from './api.ts';

/** How messages are traced. */
export interface OpenTelemetryOptions {
  /**
   * The part of all messages that gets a span, 0 to 1. The SDK's own sampler decides after that,
   * and most follow what the upgrade request's `traceparent` says. @default 0.01
   */
  readonly sample?: number;
  /** The name of the tracer. @default 'rondo' */
  readonly tracerName?: string;
  /**
   * What the span's `msg_type` is, at most 64 characters of it: best one of few. It reads the
   * message before its handler does; when it throws, the type is 'unknown'.
   * @default 'text' or 'binary'
   */
  readonly messageType?: (message: Message) => string;
  /** Chooses which messages are sampled, the same for the same seed; 0 to 2^32 - 1. @default 1 */
  readonly seed?: number;
  /** The API to use. @default the package `@opentelemetry/api`, as installed */
  readonly api?: OpenTelemetryApi;
}

/** Options with every default filled in. */
export interface ResolvedOpenTelemetryOptions extends Required<Omit<OpenTelemetryOptions, 'api'>> {
  readonly api: OpenTelemetryApi | undefined;
}

const KNOWN: readonly (keyof OpenTelemetryOptions)[] = [
  'sample',
  'tracerName',
  'messageType',
  'seed',
  'api',
];

/**
 * Checks options and fills in defaults.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveOpenTelemetryOptions(
  options: OpenTelemetryOptions = {},
): ResolvedOpenTelemetryOptions {
  rejectUnknown('openTelemetry', options, KNOWN);
  const { sample = 0.01, messageType = textOrBinary, api } = options;
  if (typeof sample !== 'number') {
    throw misuse('ERR_OPTION_TYPE', `Cannot use sample: it must be a number, got ${typeof sample}`);
  }
  if (!(sample >= 0 && sample <= 1)) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use sample: it must be from 0 to 1, got ${sample}`,
    );
  }
  if (typeof messageType !== 'function') {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use messageType: it must be a function');
  }
  return Object.freeze({
    sample,
    tracerName: stringOption('tracerName', options.tracerName, 'rondo'),
    messageType,
    seed: integerOption('seed', options.seed, 1, 0, 2 ** 32 - 1),
    api,
  });
}

function textOrBinary(message: Message): string {
  return message.isText ? 'text' : 'binary';
}
