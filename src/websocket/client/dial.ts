/**
 * Connects to one of several addresses (RFC 8305, "happy eyeballs"): each attempt has a head start
 * before the next joins in, a failure starts the next at once, and the first to connect wins.
 */
import { assert, Errno, RondoError, SystemError } from '../../base/index.ts';
import type { Handle, OperationId, SocketAddress } from '../../driver/index.ts';
import { Kind, type Completer, type Hub } from './hub.ts';
import type { Timers } from './timers.ts';

/** RFC 8305 §5 recommends 250 ms. */
const HEAD_START_MS = 250;

export class Dial {
  readonly #hub: Hub;
  readonly #timers: Timers;
  readonly #addresses: readonly SocketAddress[];
  readonly #done: (handle: Handle, error: Error | undefined) => void;
  readonly #attempts: Set<OperationId> = new Set();
  readonly #errors: Error[] = [];
  #next = 0;
  #timer: unknown;
  #over = false;

  /**
   * `done` is called once, unless `cancel` was: with a handle, or with 0 and the reason.
   * @throws {TypeError} ERR_ADDRESS_INVALID
   */
  constructor(
    hub: Hub,
    timers: Timers,
    addresses: readonly SocketAddress[],
    done: (handle: Handle, error: Error | undefined) => void,
  ) {
    this.#hub = hub;
    this.#timers = timers;
    this.#addresses = addresses;
    this.#done = done;
    this.#attempt();
  }

  /** Gives up. What connects in spite of that is closed. */
  cancel(): void {
    this.#over = true;
    this.#timers.stop(this.#timer);
    for (const attempt of this.#attempts) this.#hub.driver.cancel(attempt);
  }

  #attempt(): void {
    const hub = this.#hub;
    const address = this.#addresses[this.#next++]!;
    const completer: Completer = {
      completed: (kind, result) => {
        if (kind === Kind.CLOSE) {
          hub.leave(index);
          return;
        }
        this.#attempts.delete(operation);
        if (this.#over && result > 0) {
          this.#close(result, hub.tokenOf(Kind.CLOSE, index));
          return;
        }
        hub.leave(index);
        if (!this.#over) this.#attempted(address, result);
      },
    };
    const index = hub.enroll(completer);
    let operation: OperationId;
    try {
      operation = hub.driver.connect(address, hub.tokenOf(Kind.CONNECT, index));
    } catch (error) {
      hub.leave(index);
      throw error;
    }
    if (operation > 0) {
      this.#attempts.add(operation);
    } else {
      hub.leave(index);
      queueMicrotask(() => this.#attempted(address, operation));
    }
    if (this.#next === this.#addresses.length) return;
    this.#timer = this.#timers.start(() => this.#attempt(), HEAD_START_MS, false);
  }

  /** Nobody wants it any more. */
  #close(handle: Handle, token: number): void {
    const result = this.#hub.driver.close(handle, token, 'reset');
    // The places for closes are taken for the moment only.
    if (result === -Errno.ENOBUFS) setImmediate(() => this.#close(handle, token));
    else assert(result > 0, `a close is taken by the driver, got ${result}`);
  }

  #attempted(address: SocketAddress, result: number): void {
    if (this.#over) return;
    if (result > 0) {
      this.cancel();
      this.#done(result, undefined);
      return;
    }
    this.#errors.push(new SystemError('connect', -result, describe(address)));
    if (this.#next < this.#addresses.length) {
      this.#timers.stop(this.#timer);
      this.#attempt();
    } else if (this.#attempts.size === 0) {
      this.#over = true;
      this.#done(0, this.#failure());
    }
  }

  #failure(): Error {
    const last = this.#errors.at(-1)!;
    const cause = this.#errors.length === 1 ? last : new AggregateError(this.#errors, last.message);
    const message = `Cannot open the WebSocket: ${last.message}`;
    return new RondoError('ERR_WEBSOCKET_CONNECT', message, { cause });
  }
}

function describe(address: SocketAddress): string {
  if ('path' in address) return address.path;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
