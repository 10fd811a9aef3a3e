/** Where `rondo serve` listens, or why it cannot. */
import type { SystemError } from '../base/index.ts';
import { driverStatuses, type RealDriverKind, type SocketAddress } from '../driver/index.ts';
import type { Gateway, GatewayOptions } from '../gateway/index.ts';
import { shownPath } from './faults.ts';
import type { Log } from './log.ts';

const DRIVER_NAMES = { uring: 'io_uring', epoll: 'epoll', portable: "Node's own sockets" } as const;

/** What is announced. */
export interface Announcement {
  readonly gateway: Gateway;
  readonly address: SocketAddress;
  readonly options: GatewayOptions;
  /** Where the handlers are, or what they are; undefined for the demonstration. */
  readonly handlers: unknown;
}

/** Says that it listens, and where. */
export function announce(what: Announcement, log: Log): void {
  const { gateway, address, handlers, options } = what;
  const secure = options.tls === undefined ? '' : 's';
  const driver = describeDriver(what);
  if (log.format === 'json') {
    log.info('listening', 'The gateway listens', {
      ...address,
      tls: options.tls !== undefined,
      driver: gateway.driver,
      handlers: typeof handlers === 'string' ? handlers : undefined,
      pid: process.pid,
    });
    return;
  }
  if ('path' in address) {
    console.log(`rondo gateway on ${address.path} (${driver})`);
    return;
  }
  const open = address.host === '0.0.0.0' || address.host === '::';
  const host = open ? '127.0.0.1' : address.host.includes(':') ? `[${address.host}]` : address.host;
  const at = `${host}:${address.port}`;
  const others = 'Other machines can connect too (--host 127.0.0.1 keeps it to this one). ';
  console.log(`rondo gateway on http${secure}://${at} (${driver})

${describeRoutes(handlers, secure, at)}

${open ? others : ''}Ctrl-C ends it.`);
}

function describeRoutes(handlers: unknown, secure: string, at: string): string {
  if (typeof handlers === 'string') return `  ${shownPath(handlers)} at ws${secure}://${at}/`;
  if (handlers !== undefined) return `  the handlers of the config file at ws${secure}://${at}/`;
  return `  try it in a browser       http${secure}://${at}/
  everything comes back     ws${secure}://${at}/echo
  all in the topic hear it  ws${secure}://${at}/topics/lobby`;
}

/** Which driver, and why not a better one. */
function describeDriver({ gateway, options }: Announcement): string {
  const kind = gateway.driver as RealDriverKind;
  const name = DRIVER_NAMES[kind];
  if (options.driver !== undefined || process.env['RONDO_DRIVER']) return `${name}, as asked`;
  const [best] = driverStatuses();
  if (best === undefined || best.kind === kind || best.available) return name;
  return `${name}; ${DRIVER_NAMES[best.kind]} cannot be used: ${best.reason}`;
}

/** Says why it cannot listen, and what a person can do about it. */
export function cannotListen(error: SystemError, wanted: SocketAddress, log: Log): void {
  const where = 'path' in wanted ? wanted.path : `port ${wanted.port}`;
  const host = 'path' in wanted ? wanted.path : wanted.host;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is in use: end the program that uses it, or choose another`,
    EACCES: `${where} may not be used by this user`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
  };
  const message = `cannot listen: ${reasons[error.errnoName] ?? error.message}`;
  if (log.format === 'json') log.error('failed', message, { code: error.errnoName });
  else console.error(`rondo: ${message}`);
}
