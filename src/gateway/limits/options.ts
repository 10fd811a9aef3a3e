import { integerOption, misuse, rejectUnknown } from '../../base/index.ts';

/** Limits of one connection. Where none is given there is none. */
export interface ConnectionLimits {
  /** Messages received in a second, 1 to 10^9; as many at once after a pause. @default none */
  readonly messagesPerSecond?: number;
  /**
   * Bytes of messages received in a second, 1 to 10^12; as many at once after a pause. A message
   * that is larger passes when nothing is owed, and is paid off afterwards. @default none
   */
  readonly bytesPerSecond?: number;
}

/**
 * Limits of one address, all its connections together: an IPv4 address or a /64 of IPv6. Peers on a
 * Unix socket have no address, and none of these limits, unless `trustProxy` gives them one.
 */
export interface AddressLimits extends ConnectionLimits {
  /** Connections at once, 1 to 1,000,000. @default none */
  readonly connections?: number;
  /** WebSocket handshakes in a second, 1 to 10^9; as many at once after a pause. @default none */
  readonly handshakesPerSecond?: number;
}

/** Limits of the gateway, all connections together. */
export interface TotalLimits extends ConnectionLimits {
  /** WebSocket handshakes in a second, 1 to 10^9; as many at once after a pause. @default none */
  readonly handshakesPerSecond?: number;
}

/** How much clients may do. `overRate` says what becomes of who does more. */
export interface LimitOptions {
  /** Of each connection. @default none */
  readonly connection?: ConnectionLimits;
  /** Of each address. @default none */
  readonly address?: AddressLimits;
  /** Of all together. @default none */
  readonly total?: TotalLimits;
}

/** What becomes of messages above a rate. */
export type OverRate =
  /** They wait: nothing more of the connection is read until the rate allows. */
  | 'delay'
  /** The connection is closed with 1008. */
  | 'close';

/** Limits with nothing left out: 0 is none. */
export interface ResolvedLimits {
  readonly connection: Required<ConnectionLimits>;
  readonly address: Required<AddressLimits>;
  readonly total: Required<TotalLimits>;
}

const MANY = 1e9;
/** The most that each limit may be. Above it a second's worth would not be counted exactly. */
const MOST = {
  connections: 1e6,
  messagesPerSecond: MANY,
  bytesPerSecond: 1e12,
  handshakesPerSecond: MANY,
} as const;

type LimitName = keyof typeof MOST;

const RATES = ['messagesPerSecond', 'bytesPerSecond'] as const;
const TOTAL = [...RATES, 'handshakesPerSecond'] as const;
const ADDRESS = ['connections', ...TOTAL] as const;

/**
 * Checks limits.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveLimits(options: LimitOptions = {}): ResolvedLimits {
  checkObject('limits', options);
  rejectUnknown('limits', options, ['connection', 'address', 'total']);
  return Object.freeze({
    connection: group('connection', options.connection, RATES),
    address: group('address', options.address, ADDRESS),
    total: group('total', options.total, TOTAL),
  });
}

function group<Name extends LimitName>(
  group: keyof LimitOptions,
  given: { readonly [N in Name]?: number } = {},
  names: readonly Name[],
): Readonly<Record<Name, number>> {
  const what = `limits.${group}`;
  checkObject(what, given);
  rejectUnknown(what, given, names);
  const limits = names.map((name) => {
    return [name, integerOption(`${what}.${name}`, given[name], 0, 1, MOST[name])];
  });
  return Object.freeze(Object.fromEntries(limits) as Record<Name, number>);
}

function checkObject(name: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw misuse('ERR_OPTION_TYPE', `Cannot use ${name}: it must be an object of limits`);
}
