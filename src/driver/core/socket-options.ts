/** Options of sockets, as `setsockopt` takes them. */
import { booleanOption, integerOption } from '../../base/index.ts';
import type { SocketOptions } from '../driver.ts';

/** socket(7), tcp(7) */
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;

/** As libuv has them: a peer that is gone is noticed ten seconds after the first question. */
const PROBE_SECONDS = 1;
const PROBES = 10;

/** The names of the options. */
export const SOCKET_KEYS = ['noDelay', 'keepAlive', 'sendBuffer', 'receiveBuffer'] as const;

/** Options with every default filled in; undefined leaves the system's. */
export interface ResolvedSocketOptions {
  readonly noDelay: boolean;
  readonly keepAlive: number | undefined;
  readonly sendBuffer: number | undefined;
  readonly receiveBuffer: number | undefined;
}

/** One call of `setsockopt`. */
export interface SocketOption {
  readonly level: number;
  readonly name: number;
  readonly value: number;
}

const BUFFER_MAX = 1 << 30;

/** What holds when nothing is said. */
export const SOCKET_DEFAULTS: ResolvedSocketOptions = resolveSocketOptions({});

/** Checks and fills in. */
export function resolveSocketOptions(options: SocketOptions): ResolvedSocketOptions {
  const { keepAlive, sendBuffer, receiveBuffer } = options;
  return Object.freeze({
    noDelay: booleanOption('noDelay', options.noDelay, true),
    keepAlive: optional('keepAlive', keepAlive, 1000, 32_767_000),
    sendBuffer: optional('sendBuffer', sendBuffer, 1024, BUFFER_MAX),
    receiveBuffer: optional('receiveBuffer', receiveBuffer, 1024, BUFFER_MAX),
  });
}

function optional(
  name: string,
  value: number | undefined,
  min: number,
  max: number,
): number | undefined {
  return value === undefined ? undefined : integerOption(name, value, min, min, max);
}

/** The calls that make a socket so. */
export function socketOptionCalls(options: ResolvedSocketOptions, isTcp: boolean): SocketOption[] {
  const calls: SocketOption[] = [];
  const { noDelay, keepAlive, sendBuffer, receiveBuffer } = options;
  const add = (level: number, name: number, value: number): unknown =>
    calls.push({ level, name, value });
  if (sendBuffer !== undefined) add(SOL_SOCKET, SO_SNDBUF, sendBuffer);
  if (receiveBuffer !== undefined) add(SOL_SOCKET, SO_RCVBUF, receiveBuffer);
  if (!isTcp) return calls;
  if (noDelay) add(IPPROTO_TCP, TCP_NODELAY, 1);
  if (keepAlive !== undefined) {
    add(SOL_SOCKET, SO_KEEPALIVE, 1);
    add(IPPROTO_TCP, TCP_KEEPIDLE, Math.ceil(keepAlive / 1000));
    add(IPPROTO_TCP, TCP_KEEPINTVL, PROBE_SECONDS);
    add(IPPROTO_TCP, TCP_KEEPCNT, PROBES);
  }
  return calls;
}
