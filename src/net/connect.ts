/** Connecting: names are resolved by the system, and their addresses tried in its order. */
import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import { integerOption, misuse, RondoError, type SystemError } from '../base/index.ts';
import type { Driver, Handle, OperationId, SocketAddress, SocketOptions } from '../driver/index.ts';
import { currentReactor, Operation, type Reactor } from '../runtime/index.ts';
import {
  BaseFuture,
  CoroutineFuture,
  attempt,
  fromPromise,
  timeout,
  type Context,
  type Coroutine,
  type Future,
  type Poll,
} from '../task/index.ts';
import { Connection } from './connection.ts';
import { failure } from './errors.ts';
import { checkAddressKeys, resolveConnectOptions, type ConnectOptions } from './options.ts';

/** Where to connect to: a name or numeric address and a port, or the path of a Unix socket. */
export type ConnectAddress =
  { readonly port: number; readonly host?: string } | { readonly path: string };

/** What connecting may throw. */
export type ConnectError = SystemError | RondoError;

/**
 * Connects, on the runtime that is current. `host` is '127.0.0.1' unless it is given; of a name that
 * has several addresses each is tried. Giving it up closes what was opened meanwhile.
 * @throws {SystemError} ERR_SYSTEM when no address answers (ECONNREFUSED …); of the last one tried
 * @throws {RondoError} ERR_LOOKUP when the name is not known; ERR_TASK_TIMEOUT after `timeout`
 * @throws {TypeError | RangeError} ERR_ADDRESS_INVALID, ERR_OPTION_…
 *
 * @example
 * const redis = { host: 'localhost', port: 6379 };
 * yield* use(connect(redis, { timeout: 1000 }), function* (connection) {
 *   yield* connection.writeAll('PING\r\n');
 * });
 */
export function connect(
  address: ConnectAddress,
  options: ConnectOptions = {},
): BaseFuture<Connection, ConnectError> {
  checkAddressKeys('connect', address);
  const resolved = resolveConnectOptions(options);
  const reactor = currentReactor();
  const host = 'path' in address ? undefined : hostOf(address);
  const { socket } = resolved;
  const connecting = new CoroutineFuture<Connection, ConnectError>(
    (function* () {
      const handle = yield* host === undefined || isIP(host) !== 0
        ? new Connect(reactor, 'path' in address ? address : { ...address, host: host! }, socket)
        : new CoroutineFuture(
            connectByName(reactor, host, (address as { port: number }).port, socket),
          );
      return new Connection(reactor, handle, resolved);
    })(),
  );
  const limit = resolved.timeout ?? Number.POSITIVE_INFINITY;
  return new Connecting(timeout(limit, connecting));
}

/** A connection that nobody receives is closed. */
class Connecting extends BaseFuture<Connection, ConnectError> {
  readonly #connecting: Future<Connection, ConnectError>;

  constructor(connecting: Future<Connection, ConnectError>) {
    super();
    this.#connecting = connecting;
  }

  poll(context: Context): Poll<Connection> {
    return this.#connecting.poll(context);
  }

  cancel(context: Context): Poll<void> {
    return this.#connecting.cancel?.(context);
  }

  takeBack(connection: Connection): BaseFuture<void, never> {
    return connection.abandon();
  }
}

function hostOf({ host = '127.0.0.1', port }: { host?: string; port: number }): string {
  if (typeof host !== 'string' || host === '') {
    throw misuse('ERR_ADDRESS_INVALID', 'Cannot connect: host must be a name or an address');
  }
  integerOption('port', port, 0, 0, 65535);
  return host;
}

function* connectByName(
  reactor: Reactor,
  name: string,
  port: number,
  options: SocketOptions,
): Coroutine<Handle, ConnectError> {
  // The system's resolver cannot be interrupted; who gives up does not wait for it.
  const found = yield* attempt(fromPromise(dns.lookup(name, { all: true })));
  if (!found.ok) throw lookupError(name, found.error);
  let last: unknown = lookupError(name, undefined);
  for (const { address } of found.value) {
    const tried = yield* attempt(new Connect(reactor, { host: address, port }, options));
    if (tried.ok) return tried.value;
    last = tried.error;
  }
  throw last;
}

function lookupError(name: string, cause: unknown): RondoError {
  const code = (cause as { code?: string } | undefined)?.code ?? 'no address';
  return new RondoError('ERR_LOOKUP', `Cannot resolve the name ${name}: ${code}`, { cause });
}

class Connect extends Operation<Handle, ConnectError> {
  readonly #address: SocketAddress;
  readonly #options: SocketOptions;

  constructor(reactor: Reactor, address: SocketAddress, options: SocketOptions) {
    super(reactor);
    this.#address = address;
    this.#options = options;
  }

  protected submit(driver: Driver, token: number): OperationId {
    return driver.connect(this.#address, token, this.#options);
  }

  protected finish(result: number): Handle {
    if (result > 0) return result;
    const address = this.#address;
    const where = 'path' in address ? address.path : `${address.host}, port ${address.port}`;
    throw failure('connect', result, where);
  }

  protected override discard(handle: Handle): void {
    this.reactor.closeLater(handle, 'reset');
  }
}
