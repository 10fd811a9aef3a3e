/**
 * Chooses a driver: the one asked for, or the best that works here (uring, epoll, portable).
 * `RONDO_DRIVER` forces one for the whole process; an unavailable one is an error with the reason.
 */
import { booleanOption, misuse, nearest, RondoError } from '../base/index.ts';
import type { Arena } from '../memory/index.ts';
import { nativeStatus } from '../native/index.ts';
import type { Driver, DriverKind, DriverOptions } from './driver.ts';
import { createEpollDriver, epollStatus } from './epoll/index.ts';
import { createPortableDriver } from './portable/index.ts';
import { createUringDriver, uringStatus, type UringOptions } from './uring/index.ts';

/** The drivers that `createDriver` can make; the simulated one is made by `simulate`. */
export type RealDriverKind = Exclude<DriverKind, 'simulated'>;

/** Whether a driver can be used here, and if not, why. */
export interface DriverStatus {
  readonly kind: RealDriverKind;
  readonly available: boolean;
  /** Empty when available. */
  readonly reason: string;
}

/** Options of `createDriver`. */
export interface CreateDriverOptions extends DriverOptions {
  /** @default RONDO_DRIVER, else the first available of uring, epoll, portable */
  readonly kind?: RealDriverKind;
  /** For the io_uring driver, if it is the one. */
  readonly uring?: UringOptions;
  /**
   * It must be able to listen with TLS: the portable driver, unless another is asked for, which is
   * an error then. @default false
   */
  readonly tls?: boolean;
}

const KINDS: readonly RealDriverKind[] = ['uring', 'epoll', 'portable'];

/** The state of every driver on this machine, best first. */
export function driverStatuses(): DriverStatus[] {
  return KINDS.map((kind) => {
    const reason = reasonAgainst(kind);
    return { kind, available: reason === undefined, reason: reason ?? '' };
  });
}

/**
 * Makes a driver that the event loop turns.
 *
 * @throws {RondoError} ERR_DRIVER_UNAVAILABLE when the one asked for cannot be used here, or not
 *   for TLS
 * @throws {TypeError | RangeError} ERR_OPTION_… for options that are wrong
 */
export function createDriver(options: CreateDriverOptions): Driver {
  const tls = booleanOption('tls', options.tls, false);
  const asked = options.kind ?? forcedKind() ?? (tls ? 'portable' : undefined);
  if (asked !== undefined) {
    const reason =
      reasonAgainst(asked, options.arena) ?? (tls ? reasonAgainstTls(asked) : undefined);
    if (reason !== undefined) {
      throw new RondoError('ERR_DRIVER_UNAVAILABLE', `Cannot use driver ${asked}: ${reason}`);
    }
    return make(asked, options);
  }
  for (const kind of KINDS) {
    if (kind === 'portable' || reasonAgainst(kind, options.arena) !== undefined) continue;
    try {
      return make(kind, options);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      sayOnce(
        `RONDO_NO_${kind.toUpperCase()}`,
        `Rondo cannot use driver ${kind}: ${error.message}`,
      );
    }
  }
  const status = nativeStatus();
  const reason = status.available ? 'neither io_uring nor epoll is usable' : status.reason;
  sayOnce('RONDO_PORTABLE', `Rondo runs on the portable driver: ${reason}`);
  return make('portable', options);
}

function make(kind: RealDriverKind, options: CreateDriverOptions): Driver {
  const { kind: _, tls: __, uring, ...rest } = options;
  if (kind === 'uring') return createUringDriver({ ...rest, ...uring });
  if (kind === 'epoll') return createEpollDriver(rest);
  return createPortableDriver(rest);
}

function forcedKind(): RealDriverKind | undefined {
  const forced = process.env['RONDO_DRIVER'];
  if (forced === undefined || forced === '') return undefined;
  const kind = KINDS.find((candidate) => candidate === forced);
  if (kind) return kind;
  const near = nearest(forced, KINDS);
  const hint = near ? `; did you mean ${near}?` : '';
  throw misuse(
    'ERR_OPTION_TYPE',
    `Cannot use RONDO_DRIVER=${forced}: it must be one of ${KINDS.join(', ')}${hint}`,
  );
}

function reasonAgainst(kind: RealDriverKind, arena?: Arena): string | undefined {
  if (kind === 'uring') return uringStatus(arena);
  if (kind === 'epoll') return epollStatus();
  if (!KINDS.includes(kind)) {
    throw misuse('ERR_OPTION_TYPE', `Cannot use driver ${JSON.stringify(kind)}: it does not exist`);
  }
  return undefined;
}

function reasonAgainstTls(kind: RealDriverKind): string | undefined {
  return kind === 'portable' ? undefined : 'the portable driver alone speaks TLS';
}

/** The system refused: another driver may do. Wrong options and a full arena are the caller's. */
function isRefusal(error: unknown): error is RondoError {
  return (
    error instanceof RondoError &&
    (error.code === 'ERR_SYSTEM' || error.code === 'ERR_DRIVER_UNAVAILABLE')
  );
}

const said = new Set<string>();

function sayOnce(code: string, message: string): void {
  if (said.has(code)) return;
  said.add(code);
  process.emitWarning(message, { type: 'RondoWarning', code });
}
