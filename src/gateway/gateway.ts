/** The gateway as programs see it: routes, listening, topics, and the way out. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  booleanOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
  RondoError,
} from '../base/index.ts';
import type { Channel } from '../ring/index.ts';
import type { DriverKind, DriverUsage, SocketAddress, TlsOptions } from '../driver/index.ts';
import { CloseCode, isSendableCloseCode, MAX_CLOSE_REASON_BYTES } from '../websocket/index.ts';
import type { Bridge } from './bridge/bridge.ts';
import { Bridges } from './bridge/bridges.ts';
import type { BridgeHandlers, BridgeOptions } from './bridge/options.ts';
import type { DrainOptions, DrainReport as CloseReport } from './engine/drain.ts';
import type { EventHandlers, EventOptions } from './http/event-stream.ts';
import type { FileOptions } from './http/files.ts';
import { HttpRoutes, type HttpHandler, type HttpRouteOptions } from './http/routes.ts';
import { GatewayCounts, type GatewayCounters } from './metrics/counters.ts';
import { checkHandlers, type Route, type WebSocketHandlers } from './sockets/handlers.ts';
import type { Connection } from './sockets/connection.ts';
import type { Message } from './sockets/message.ts';
import type { Sendable } from './sockets/outgoing.ts';
import { Station } from './station.ts';
import { storeValue, type PublishOptions } from './topics/hub.ts';
import { checkTopic } from './topics/names.ts';
import { Topics } from './topics/topics.ts';
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
  /** The reason beside it, at most 123 bytes of UTF-8. @default none */
  readonly reason?: string;
  /**
   * Milliseconds over which the goodbyes are spread, 0 to 3,600,000, so that clients do not all
   * come back at once; those who were not told yet go on. @default `drainSpreadMs`
   */
  readonly spreadMs?: number;
}

/** What a gateway holds right now. All zero after `close`. */
export interface GatewayUsage {
  readonly connections: number;
  /** Bytes of messages that arrive in pieces or wait to be sent. */
  readonly memoryBytes: number;
  readonly driver: DriverUsage;
}

/** A WebSocket server, with plain HTTP on the same port. */
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
   * Adds a route of plain HTTP: what the handler returns is the response. GET answers HEAD too.
   * Routes win over what the gateway serves by itself (`/healthz`, `/readyz`, `/metrics`, the
   * page).
   * @throws {TypeError} ERR_ROUTE when method or path are not valid, or are taken
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @example
   * gateway.http('GET', '/rooms/:room', ({ params }) => ({ json: membersOf(params.room) }));
   */
  http<const Path extends string>(
    method: string,
    path: Path,
    handler: HttpHandler<RouteParams<Path>>,
    options?: HttpRouteOptions,
  ): void;
  /**
   * Adds a route of server-sent events, for `EventSource` of browsers.
   * @throws {TypeError} ERR_ROUTE when the path is not valid or is taken
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  events<const Path extends string, Data = unknown>(
    path: Path,
    handlers: EventHandlers<RouteParams<Path>, Data>,
    options?: EventOptions,
  ): void;
  /**
   * Serves the files of a directory below a prefix such as `/static/`, after all routes.
   * @throws {TypeError} ERR_ROUTE when the prefix is not valid or is taken
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  files(prefix: string, directory: string, options?: FileOptions): void;
  /**
   * Hands messages to an engine in another thread or process, whatever its language: takes the
   * client's side of the channel. The engine may come and go: see `Bridge` and
   * `docs/guide/engines.md`. Keeps the process alive until `close`, which ends it.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_RING_ROLE_TAKEN, ERR_RING_SCHEMA, ERR_RING_POISONED
   * @throws {TypeError} ERR_GATEWAY_STATE when it was closed, ERR_RING_CLOSED
   * @example
   * const engine = gateway.bridge(channel, {
   *   response(answer) {
   *     engine.connection(answer.client)?.send(JSON.stringify(answer.$get()));
   *   },
   * });
   */
  bridge<Q, P, QS extends string, PS extends string>(
    channel: Channel<Q, P, QS, PS>,
    handlers: BridgeHandlers<P, PS>,
    options?: BridgeOptions,
  ): Bridge<Q, P, QS, PS>;
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
  /** Whether it listens and is not being closed: what `/readyz` tells. */
  readonly ready: boolean;
  /**
   * Sends to all connections that are subscribed to the topic; returns how many. The frame is
   * encoded once. May be called from anywhere on the gateway's thread, also before it listens and
   * after it was closed: nobody is there then, but a retained value is kept.
   * @throws {TypeError} ERR_TOPIC, ERR_OPTION_TYPE, ERR_LEASE_RELEASED
   * @throws {RangeError} ERR_OPTION_RANGE, ERR_TOPIC_LIMIT with too much retained
   */
  publish(topic: string, data: Message | string | Uint8Array, options?: PublishOptions): number;
  /** Forgets a topic's retained value; false when there was none. @throws {TypeError} ERR_TOPIC */
  forget(topic: string): boolean;
  /** How many connections a publish to the topic would reach. @throws {TypeError} ERR_TOPIC */
  subscribers(topic: string): number;
  /** Names and patterns that somebody is subscribed to, with the number of connections. */
  topics(): Map<string, number>;
  /** The metrics as text for Prometheus. @throws {TypeError} ERR_GATEWAY_STATE */
  metrics(): string;
  /**
   * Puts other certificates in the place of `tls`: new connections get them, those that are there
   * go on. When it throws, nothing has changed.
   * @throws {TypeError} ERR_GATEWAY_STATE also without `tls`
   * @throws {RondoError} ERR_TLS_CERTIFICATE
   */
  setCertificates(tls: TlsOptions): void;
  /** What was counted since it was made. */
  counters(): GatewayCounters;
  /** What is held right now. */
  usage(): GatewayUsage;
}

const HOUR_MS = 3_600_000;

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
  readonly #httpRoutes: HttpRoutes = new HttpRoutes();
  readonly #bridges: Bridges = new Bridges();
  /** Retained values: they may be there before anybody can ask for them. */
  readonly #retaining: Topics<Connection>;
  #station: Station | undefined;
  /** What was counted, when it is closed. */
  #counters: GatewayCounters | undefined;
  #listening: Promise<SocketAddress> | undefined;
  #address: SocketAddress | undefined;
  #closing: Promise<CloseReport> | undefined;

  constructor(options: ResolvedGatewayOptions) {
    this.#options = options;
    this.#retaining = new Topics<Connection>(options.topics);
  }

  get address(): SocketAddress | undefined {
    return this.#address;
  }

  get driver(): DriverKind | undefined {
    return this.#station?.driver.kind;
  }

  get ready(): boolean {
    return this.#address !== undefined && this.#closing === undefined;
  }

  websocket<const Path extends string, Data = unknown>(
    path: Path,
    handlers: WebSocketHandlers<RouteParams<Path>, Data>,
  ): void {
    checkHandlers(path, handlers);
    this.#routes.add(path, { path, handlers });
  }

  http<const Path extends string>(
    method: string,
    path: Path,
    handler: HttpHandler<RouteParams<Path>>,
    options: HttpRouteOptions = {},
  ): void {
    this.#httpRoutes.add(method, path, handler, options);
  }

  events<const Path extends string, Data = unknown>(
    path: Path,
    handlers: EventHandlers<RouteParams<Path>, Data>,
    options: EventOptions = {},
  ): void {
    this.#httpRoutes.addEvents(path, handlers, options);
  }

  files(prefix: string, directory: string, options: FileOptions = {}): void {
    this.#httpRoutes.addFiles(prefix, directory, options);
  }

  bridge<Q, P, QS extends string, PS extends string>(
    channel: Channel<Q, P, QS, PS>,
    handlers: BridgeHandlers<P, PS>,
    options: BridgeOptions = {},
  ): Bridge<Q, P, QS, PS> {
    if (this.#closing !== undefined) {
      throw misuse('ERR_GATEWAY_STATE', 'Cannot bridge an engine: the gateway was closed');
    }
    return this.#bridges.add(this.#options.arena, this.#name, channel, handlers, options);
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
    const { path, host, port } = this.#options;
    const wanted = path === undefined ? { host: await resolveHost(host), port } : { path };
    const station = await Station.open({
      name: this.#name,
      options: this.#options,
      routes: this.#routes,
      httpRoutes: this.#httpRoutes,
      retaining: this.#retaining,
      bridges: this.#bridges,
    });
    try {
      this.#address = station.listen(wanted);
    } catch (error) {
      await station.destroy();
      throw error;
    }
    this.#station = station;
    return this.#address;
  }

  setCertificates(tls: TlsOptions): void {
    const station = this.#listener('change certificates');
    if (this.#options.tls === undefined) {
      throw misuse('ERR_GATEWAY_STATE', 'Cannot change certificates: it was made without tls');
    }
    station.setCertificates(tls);
  }

  publish(topic: string, data: Sendable, options: PublishOptions = {}): number {
    rejectUnknown('publish', options, ['retain', 'except']);
    const retain = booleanOption('retain', options.retain, false);
    const except = options.except as Connection | undefined;
    if (retain) storeValue(this.#retaining, this.#options.arena, topic, data);
    else checkTopic(topic);
    // Before it listens, and when it is closed, nobody is there.
    const [engine] = this.#station?.engines ?? [];
    return engine === undefined ? 0 : engine.sockets.topics.publish(topic, data, except);
  }

  forget(topic: string): boolean {
    return this.#retaining.forget(topic);
  }

  subscribers(topic: string): number {
    let count = 0;
    for (const { sockets } of this.#station?.engines ?? []) {
      count += sockets.topics.topics.count(topic);
    }
    return count;
  }

  topics(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { sockets } of this.#station?.engines ?? []) {
      for (const [name, count] of sockets.topics.topics.list()) {
        counts.set(name, (counts.get(name) ?? 0) + count);
      }
    }
    return counts;
  }

  metrics(): string {
    return this.#listener('read metrics').metricsText();
  }

  close(options: CloseGatewayOptions = {}): Promise<CloseReport> {
    const resolved = this.#resolveClose(options);
    this.#closing ??= this.#close(resolved);
    return this.#closing;
  }

  #resolveClose(options: CloseGatewayOptions): DrainOptions {
    rejectUnknown('close', options, ['deadlineMs', 'code', 'reason', 'spreadMs']);
    const { drainDeadlineMs, drainSpreadMs } = this.#options;
    const { code = CloseCode.GOING_AWAY, reason = '' } = options;
    if (!isSendableCloseCode(code)) {
      throw outOfRange('ERR_CLOSE_CODE', `Cannot close with code ${code}: it must not travel`);
    }
    if (typeof reason !== 'string' || Buffer.byteLength(reason) > MAX_CLOSE_REASON_BYTES) {
      throw outOfRange(
        'ERR_CLOSE_REASON',
        `Cannot close with this reason: it must have at most ${MAX_CLOSE_REASON_BYTES} bytes`,
      );
    }
    const deadlineMs = integerOption('deadlineMs', options.deadlineMs, drainDeadlineMs, 0, HOUR_MS);
    return {
      code,
      reason,
      deadlineMs,
      spreadMs: integerOption('spreadMs', options.spreadMs, drainSpreadMs, 0, HOUR_MS),
    };
  }

  async #close(options: DrainOptions): Promise<CloseReport> {
    // One that is about to listen is closed when it does; that it failed is known to its caller.
    await this.#listening?.catch(() => undefined);
    const station = this.#station;
    if (station === undefined) {
      this.#bridges.close();
      return { closed: 0, reset: 0, remaining: [] };
    }
    const report = await station.drain(options);
    // What the engine says until here still finds those whose turn to go has not come.
    this.#bridges.close();
    await station.destroy();
    this.#counters = station.metrics.counts.snapshot();
    this.#station = undefined;
    return report;
  }

  counters(): GatewayCounters {
    return this.#station?.metrics.counts.snapshot() ?? this.#counters ?? GatewayCounts.none();
  }

  usage(): GatewayUsage {
    const engines = this.#station?.engines ?? [];
    const usages = engines.map(({ driver }) => driver.usage());
    const sum = (numbers: number[]): number => numbers.reduce((total, each) => total + each, 0);
    return {
      connections: sum(engines.map(({ live }) => live)),
      memoryBytes: sum(engines.map(({ output }) => output.heldBytes)),
      driver: {
        connections: sum(usages.map(({ connections }) => connections)),
        listeners: sum(usages.map(({ listeners }) => listeners)),
        files: sum(usages.map(({ files }) => files)),
        operations: sum(usages.map(({ operations }) => operations)),
        buffersHeld: sum(usages.map(({ buffersHeld }) => buffersHeld)),
      },
    };
  }

  /** @throws {TypeError} ERR_GATEWAY_STATE */
  #listener(action: string): Station {
    if (this.#station !== undefined) return this.#station;
    const why = this.#closing === undefined ? 'it does not listen yet' : 'it was closed';
    throw misuse('ERR_GATEWAY_STATE', `Cannot ${action}: ${why}`);
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
