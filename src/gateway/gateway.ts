/** The gateway as programs see it: routes, listening, and the way out. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { integerOption, misuse, outOfRange, rejectUnknown, RondoError } from '../base/index.ts';
import type { DriverKind, DriverUsage, SocketAddress } from '../driver/index.ts';
import { CloseCode, isSendableCloseCode } from '../websocket/index.ts';
import { GatewayCounts, type GatewayCounters } from './metrics/counters.ts';
import { Engine, type DrainReport } from './engine/engine.ts';
import type { Route, WebSocketHandlers } from './sockets/handlers.ts';
import {
  resolveGatewayOptions,
  type GatewayOptions,
  type ResolvedGatewayOptions,
} from './options.ts';
import { PathTable, type RouteParams } from './routing/paths.ts';

/** How a gateway is closed. */
export interface CloseGatewayOptions {
  /** Milliseconds to wait for the peers, 0 to 3,600,000. @default `drainDeadlineMs` */
  readonly deadlineMs?: number;
  /** The close code that all WebSockets get. @default 1001 */
  readonly code?: number;
}

/** What became of the connections that were there when a gateway was closed. */
export interface CloseReport {
  /** Ended before the deadline. */
  readonly closed: number;
  /** Did not, and were reset. */
  readonly reset: number;
}

/** What a gateway holds right now. All zero after `close`. */
export interface GatewayUsage {
  readonly connections: number;
  /** Bytes of messages that arrive in pieces or wait to be sent. */
  readonly memoryBytes: number;
  readonly driver: DriverUsage;
}

/** A WebSocket server; plain HTTP on the same port answers `/healthz`. */
export interface Gateway {
  /** Where it listens; undefined before `listen`. */
  readonly address: SocketAddress | undefined;
  /** The driver in use; undefined before `listen`. */
  readonly driver: DriverKind | undefined;
  /**
   * Adds a route: an exact path (`/echo`) or one with parameters (`/topics/:topic`), which are
   * decoded into `connection.params`, 1 to 128 characters each.
   * @throws {TypeError} ERR_ROUTE when the path is not valid or is taken
   */
  websocket<const Path extends string, Data = unknown>(
    path: Path,
    handlers: WebSocketHandlers<RouteParams<Path>, Data>,
  ): void;
  /**
   * Binds, and begins to accept. Keeps the process alive until `close`. After a failure it may be
   * called again.
   * @throws {SystemError} ERR_SYSTEM when the address cannot be bound
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED
   * @throws {TypeError | RondoError} ERR_ADDRESS_INVALID
   * @throws {TypeError} ERR_GATEWAY_STATE when it listens already, or was closed
   */
  listen(): Promise<SocketAddress>;
  /**
   * Ends it in good order: stops accepting, sends everybody a close frame after what is queued,
   * waits for their answers until the deadline, and resets what is left then. A second call gives
   * the first one's promise.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE,
   * ERR_CLOSE_CODE
   */
  close(options?: CloseGatewayOptions): Promise<CloseReport>;
  /** What was counted since it was made. */
  counters(): GatewayCounters;
  /** What is held right now. */
  usage(): GatewayUsage;
}

const NOTHING: GatewayUsage = Object.freeze({
  connections: 0,
  memoryBytes: 0,
  driver: Object.freeze({
    connections: 0,
    listeners: 0,
    files: 0,
    operations: 0,
    buffersHeld: 0,
  }),
});

/** Gateways of this thread so far: their memory is told apart by the number. */
let gateways = 0;

/**
 * Makes a gateway. Nothing is opened before `listen`.
 *
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @example
 * const gateway = createGateway({ port: 9001 });
 * gateway.websocket('/echo', echoRoute());
 * await gateway.listen();
 */
export function createGateway(options: GatewayOptions = {}): Gateway {
  return new OneGateway(resolveGatewayOptions(options));
}

class OneGateway implements Gateway {
  readonly #options: ResolvedGatewayOptions;
  readonly #name: string = `gateway ${++gateways}`;
  readonly #routes: PathTable<Route> = new PathTable<Route>();
  #counts: GatewayCounts | undefined;
  #engine: Engine | undefined;
  #listening: Promise<SocketAddress> | undefined;
  #address: SocketAddress | undefined;
  #closing: Promise<CloseReport> | undefined;

  constructor(options: ResolvedGatewayOptions) {
    this.#options = options;
  }

  get address(): SocketAddress | undefined {
    return this.#address;
  }

  get driver(): DriverKind | undefined {
    return this.#engine?.driver.kind;
  }

  websocket<const Path extends string, Data = unknown>(
    path: Path,
    handlers: WebSocketHandlers<RouteParams<Path>, Data>,
  ): void {
    if (typeof handlers !== 'object' || handlers === null) {
      throw misuse('ERR_OPTION_TYPE', `Cannot add route ${path}: it needs an object of handlers`);
    }
    rejectUnknown(`route ${path}`, handlers, ['open', 'message', 'close', 'error']);
    this.#routes.add(path, { path, handlers });
  }

  listen(): Promise<SocketAddress> {
    if (this.#listening !== undefined || this.#closing !== undefined) {
      const why = this.#closing === undefined ? 'it listens already' : 'it was closed';
      throw misuse('ERR_GATEWAY_STATE', `Cannot listen with a gateway: ${why}`);
    }
    this.#listening = this.#listen().catch((error: unknown) => {
      this.#listening = undefined;
      throw error;
    });
    return this.#listening;
  }

  async #listen(): Promise<SocketAddress> {
    const { path, host, port, arena } = this.#options;
    const wanted = path === undefined ? { host: await resolveHost(host), port } : { path };
    const counts = new GatewayCounts(arena, this.#name);
    this.#counts = counts;
    try {
      const engine = new Engine(this.#name, this.#options, this.#routes, counts);
      this.#engine = engine;
      try {
        const listener = engine.driver.listen(wanted);
        this.#address = engine.driver.address(listener);
        engine.accept(listener);
        return this.#address;
      } catch (error) {
        this.#engine = undefined;
        await engine.destroy();
        throw error;
      }
    } catch (error) {
      counts.release();
      throw error;
    }
  }

  close(options: CloseGatewayOptions = {}): Promise<CloseReport> {
    rejectUnknown('close', options, ['deadlineMs', 'code']);
    const { drainDeadlineMs } = this.#options;
    const deadlineMs = integerOption('deadlineMs', options.deadlineMs, drainDeadlineMs, 0, 3.6e6);
    const code = options.code ?? CloseCode.GOING_AWAY;
    if (!isSendableCloseCode(code)) {
      throw outOfRange('ERR_CLOSE_CODE', `Cannot close with code ${code}: it must not travel`);
    }
    this.#closing ??= this.#close(code, deadlineMs);
    return this.#closing;
  }

  async #close(code: number, deadlineMs: number): Promise<DrainReport> {
    // One that is about to listen is closed when it does; that it failed is known to its caller.
    await this.#listening?.catch(() => undefined);
    const engine = this.#engine;
    if (engine === undefined) return { closed: 0, reset: 0 };
    const report = await engine.drain(code, deadlineMs);
    await engine.destroy();
    this.#engine = undefined;
    this.#counts?.release();
    return report;
  }

  counters(): GatewayCounters {
    return this.#counts?.snapshot() ?? GatewayCounts.none();
  }

  usage(): GatewayUsage {
    const engine = this.#engine;
    if (engine === undefined) return NOTHING;
    return {
      connections: engine.live,
      memoryBytes: engine.output.heldBytes,
      driver: engine.driver.usage(),
    };
  }
}

async function resolveHost(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    const message = `Cannot listen on host ${JSON.stringify(host)}: it is not known`;
    throw new RondoError('ERR_ADDRESS_INVALID', message, { cause });
  }
}
