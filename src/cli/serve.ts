/** `rondo serve`: a gateway with an echo and topics, until a signal ends it. */
import { constants } from 'node:os';
import { SystemError } from '../base/index.ts';
import { driverStatuses, type RealDriverKind, type SocketAddress } from '../driver/index.ts';
import {
  createGateway,
  echoRoute,
  topicRoute,
  type Gateway,
  type GatewayOptions,
} from '../gateway/index.ts';
import { describeFlags, numberOf, parseFlags, type Given } from './flags.ts';

const FLAGS = {
  port: { value: 'N', help: 'port to listen on; 0 chooses a free one (9001)' },
  host: {
    value: 'ADDRESS',
    help: 'address to listen on; 127.0.0.1 is this machine only (0.0.0.0)',
  },
  path: { value: 'PATH', help: 'Unix socket to listen on instead' },
  driver: { value: 'NAME', help: 'uring, epoll or portable (RONDO_DRIVER, else the best)' },
  'max-connections': { value: 'N', help: 'connections at once; more wait (16384)' },
  'max-message-size': { value: 'BYTES', help: 'longer messages are closed with 1009 (1048576)' },
  'handshake-timeout': { value: 'MS', help: 'time for the head of a request (10000)' },
  'drain-deadline': { value: 'MS', help: 'time for connections to end after a signal (10000)' },
  help: { help: 'this text' },
} as const;

const HELP = `rondo serve: runs a WebSocket gateway

  /echo           everything comes back
  /topics/NAME    what one says, all in the topic hear
  /               a page to try them in a browser
  /healthz        says ok

${describeFlags(FLAGS)}

SIGINT or SIGTERM drains: it stops accepting, closes connections with 1001, and ends with code 0.
A second signal ends it at once.
`;

const DRIVER_NAMES = { uring: 'io_uring', epoll: 'epoll', portable: "Node's own sockets" } as const;

/** Runs the command; returns when it listens. */
export async function serve(args: readonly string[]): Promise<void> {
  const given = parseFlags(args, FLAGS);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const gateway = createGateway({ ...optionsOf(given), page: true });
  gateway.websocket('/echo', echoRoute());
  gateway.websocket('/topics/:topic', topicRoute());
  endOnSignal(gateway);
  const address = await listen(gateway, given);
  if (address !== undefined) announce(gateway, address, given);
}

function optionsOf(given: Given<typeof FLAGS>): GatewayOptions {
  const numbers = {
    port: numberOf('port', given.port),
    maxConnections: numberOf('max-connections', given['max-connections']),
    maxMessageSize: numberOf('max-message-size', given['max-message-size']),
    handshakeTimeoutMs: numberOf('handshake-timeout', given['handshake-timeout']),
    drainDeadlineMs: numberOf('drain-deadline', given['drain-deadline']),
  };
  const texts = { host: given.host, path: given.path, driver: given.driver };
  const entries = Object.entries({ ...numbers, ...texts });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as GatewayOptions;
}

/** Undefined when it cannot listen for a reason that the person can remove, which is said then. */
async function listen(
  gateway: Gateway,
  given: Given<typeof FLAGS>,
): Promise<SocketAddress | undefined> {
  try {
    return await gateway.listen();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const where = given.path ?? `port ${given.port ?? 9001}`;
    const reasons: Record<string, string> = {
      EADDRINUSE: `${where} is in use: end the program that uses it, or choose another`,
      EACCES: `${where} may not be used by this user`,
      EADDRNOTAVAIL: `${given.host ?? where} is no address of this machine`,
    };
    console.error(`rondo: cannot listen: ${reasons[error.errnoName] ?? error.message}`);
    process.exitCode = 1;
    return undefined;
  }
}

function announce(gateway: Gateway, address: SocketAddress, given: Given<typeof FLAGS>): void {
  const driver = describeDriver(gateway, given);
  if ('path' in address) {
    console.log(`rondo gateway on ${address.path} (${driver})`);
    return;
  }
  const open = address.host === '0.0.0.0' || address.host === '::';
  const host = open ? '127.0.0.1' : address.host.includes(':') ? `[${address.host}]` : address.host;
  const at = `${host}:${address.port}`;
  console.log(`rondo gateway on http://${at} (${driver})

  try it in a browser       http://${at}/
  everything comes back     ws://${at}/echo
  all in the topic hear it  ws://${at}/topics/lobby

${open ? 'Other machines can connect too (--host 127.0.0.1 keeps it to this one). ' : ''}Ctrl-C ends it.`);
}

/** Which driver, and why not a better one. */
function describeDriver(gateway: Gateway, given: Given<typeof FLAGS>): string {
  const kind = gateway.driver as RealDriverKind;
  const name = DRIVER_NAMES[kind];
  if (given.driver !== undefined || process.env['RONDO_DRIVER']) return `${name}, as asked`;
  const [best] = driverStatuses();
  if (best === undefined || best.kind === kind || best.available) return name;
  return `${name}; ${DRIVER_NAMES[best.kind]} cannot be used: ${best.reason}`;
}

function endOnSignal(gateway: Gateway): void {
  let asked = false;
  const end = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (asked) process.exit(128 + constants.signals[signal]);
    asked = true;
    const { connections } = gateway.usage();
    console.log(`${signal}: closing ${connections} connections; a second signal ends at once`);
    gateway.close().then(
      ({ closed, reset }) => {
        console.log(`ended: ${closed} closed, ${reset} reset`);
        process.exit(process.exitCode ?? 0);
      },
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}
