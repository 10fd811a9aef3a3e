/**
 * A gateway that listens: its engines, and what they share.
 *
 * Mostly there is one engine. One ring of io_uring has a table of at most as many connections as
 * the process may have descriptors; for more, a gateway has several rings, each with a listener of
 * its own on the same port (SO_REUSEPORT), among which the kernel spreads.
 */
import {
  createDriver,
  type CreateDriverOptions,
  type Driver,
  type Handle,
  type SocketAddress,
  type TlsOptions,
} from '../driver/index.ts';
import { Bridges } from './bridge/bridges.ts';
import type { GatewayContext } from './context.ts';
import type { DrainOptions, DrainReport } from './engine/drain.ts';
import { Engine } from './engine/engine.ts';
import type { HttpRoutes } from './http/routes.ts';
import { Limiter } from './limits/limiter.ts';
import { resolveOrigins } from './limits/origins.ts';
import { resolveTrustProxy } from './limits/proxy.ts';
import type { GatewayGauges } from './metrics/families.ts';
import { GatewayMetrics } from './metrics/gateway-metrics.ts';
import type { ResolvedGatewayOptions } from './options.ts';
import type { PathTable } from './routing/paths.ts';
import type { Connection } from './sockets/connection.ts';
import type { Route } from './sockets/handlers.ts';
import { Instruments } from './sockets/instruments.ts';
import { Topics } from './topics/topics.ts';

const SEGMENT_BYTES = 64 * 1024;
const MEMORY_MIN = 16 * SEGMENT_BYTES;

/** What a station is told by its gateway. */
export interface StationSettings {
  readonly name: string;
  readonly options: ResolvedGatewayOptions;
  readonly routes: PathTable<Route>;
  readonly httpRoutes: HttpRoutes;
  /** The topics that keep retained values. @default new ones */
  readonly retaining?: Topics<Connection>;
  /** @default none */
  readonly bridges?: Bridges;
  /** For tests on the simulated driver. @default createDriver */
  readonly makeDriver?: (options: CreateDriverOptions) => Driver;
}

/** See the head of this file. */
export class Station {
  readonly metrics: GatewayMetrics;
  readonly #settings: StationSettings;
  readonly #engines: Engine[] = [];
  readonly #listeners: Handle[] = [];
  readonly #shared: Omit<GatewayContext, 'name' | 'options'>;
  #lastId = 0;
  #ready = true;

  /**
   * Makes the engines; nothing is bound yet.
   * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED
   */
  static async open(settings: StationSettings): Promise<Station> {
    const station = new Station(settings);
    try {
      await station.#makeEngines();
      return station;
    } catch (error) {
      await station.destroy();
      throw error;
    }
  }

  private constructor(settings: StationSettings) {
    const { name, options, routes, httpRoutes } = settings;
    this.#settings = settings;
    this.metrics = new GatewayMetrics(options.arena, name, {
      histograms: options.metrics,
      timingSample: options.timingSample,
    });
    this.#shared = {
      routes,
      httpRoutes,
      metrics: this.metrics,
      counts: this.metrics.counts,
      instruments: new Instruments(options.instrumentation, this.metrics),
      limiter: new Limiter(options),
      origins: resolveOrigins(options.origins),
      resolveAddress: resolveTrustProxy(options.trustProxy),
      engines: this.#engines,
      retaining: settings.retaining ?? new Topics<Connection>(options.topics),
      bridges: settings.bridges ?? new Bridges(),
      isReady: () => this.#ready,
      metricsText: () => this.metricsText(),
      nextId: () => ++this.#lastId,
    };
  }

  /** The driver of the first engine; all are of one kind. */
  get driver(): Driver {
    return this.#engines[0]!.driver;
  }

  /** One for each ring. */
  get engines(): readonly Engine[] {
    return this.#engines;
  }

  /** Binds all engines and begins to accept. @throws {SystemError} ERR_SYSTEM */
  listen(address: SocketAddress): SocketAddress {
    const { tls, reusePort } = this.#settings.options;
    const several = this.#engines.length > 1;
    const settings = { reusePort: reusePort || several, ...(tls === undefined ? {} : { tls }) };
    let bound = address;
    for (const { driver } of this.#engines) {
      const listener = driver.listen(bound, settings);
      this.#listeners.push(listener);
      bound = driver.address(listener);
    }
    this.#engines.forEach((engine, index) => engine.accept(this.#listeners[index]!));
    return bound;
  }

  /** See `Driver.setCertificates`. */
  setCertificates(tls: TlsOptions): void {
    this.#engines.forEach(({ driver }, index) => {
      driver.setCertificates(this.#listeners[index]!, tls);
    });
  }

  /** See `Engine.drain`. */
  async drain(options: DrainOptions): Promise<DrainReport> {
    this.#ready = false;
    const reports = await Promise.all(this.#engines.map((engine) => engine.drain(options)));
    return {
      closed: reports.reduce((sum, { closed }) => sum + closed, 0),
      reset: reports.reduce((sum, { reset }) => sum + reset, 0),
      remaining: reports.flatMap(({ remaining }) => remaining),
    };
  }

  /** Gives everything back. */
  async destroy(): Promise<void> {
    for (const engine of this.#engines.splice(0)) await engine.destroy();
    this.metrics.release();
  }

  /** The text of `/metrics`. */
  metricsText(): string {
    const sum = (of: (engine: Engine) => number): number =>
      this.#engines.reduce((total, engine) => total + of(engine), 0);
    const connections = this.#engines.flatMap((engine) => [...engine.connections()]);
    const gauges: GatewayGauges = {
      connections: () => connections.length,
      webSockets: () => connections.filter(({ isOpen }) => isOpen).length,
      paused: () => connections.filter(({ paused }) => paused !== 0).length,
      topics: () => sum(({ sockets }) => sockets.topics.topics.size),
      subscriptions: () => sum(({ sockets }) => sockets.topics.topics.subscriptions),
      retainedBytes: () => this.#shared.retaining.retainedBytes,
      memoryBytes: () => sum(({ output }) => output.heldBytes),
      buffersHeld: () => sum(({ driver }) => driver.usage().buffersHeld),
    };
    return this.metrics.text(gauges, (out) => this.#shared.bridges.describe(out));
  }

  async #makeEngines(): Promise<void> {
    const { options, name, makeDriver = createDriver } = this.#settings;
    const first = await this.#makeEngine({ ...this.#shared, name, options }, makeDriver);
    this.#engines.push(first);
    const most = first.driver.limits.connections;
    if (first.driver.kind !== 'uring' || most >= options.maxConnections) return;
    if (options.path !== undefined) return;
    this.#engines.pop();
    await first.destroy();
    const count = Math.ceil(options.maxConnections / most);
    const share = shareOf(options, count, most);
    for (let number = 1; number <= count; number++) {
      const context = { ...this.#shared, name: `${name}.${number}`, options: share };
      this.#engines.push(await this.#makeEngine(context, makeDriver));
    }
  }

  /** An engine that cannot be made leaves no driver behind. */
  async #makeEngine(
    context: GatewayContext,
    makeDriver: (options: CreateDriverOptions) => Driver,
  ): Promise<Engine> {
    let driver: Driver | undefined;
    try {
      return new Engine(context, (options) => (driver = makeDriver(options)));
    } catch (error) {
      await driver?.destroy();
      throw error;
    }
  }
}

/** What each of several engines may use of what the gateway may. */
function shareOf(
  options: ResolvedGatewayOptions,
  count: number,
  most: number,
): ResolvedGatewayOptions {
  const part = Math.ceil(options.memoryBytes / count / SEGMENT_BYTES) * SEGMENT_BYTES;
  // A message of the largest size must still be put together, and answered.
  const needed = 2 * 2 ** Math.ceil(Math.log2(options.maxMessageSize));
  return {
    ...options,
    // The kernel does not spread them exactly.
    maxConnections: Math.min(most, Math.ceil((options.maxConnections * 1.1) / count)),
    memoryBytes: Math.max(part, needed, MEMORY_MIN),
    receiveBuffers: Math.max(2, 2 ** Math.floor(Math.log2(options.receiveBuffers / count))),
  };
}
