/** What the engines of a gateway share. */
import type { Bridges } from './bridge/bridges.ts';
import type { Engine } from './engine/engine.ts';
import type { HttpRoutes } from './http/routes.ts';
import type { Limiter } from './limits/limiter.ts';
import type { AllowOrigin } from './limits/origins.ts';
import type { ResolveAddress } from './limits/proxy.ts';
import type { GatewayCounts } from './metrics/counters.ts';
import type { GatewayMetrics } from './metrics/gateway-metrics.ts';
import type { ResolvedGatewayOptions } from './options.ts';
import type { PathTable } from './routing/paths.ts';
import type { Connection } from './sockets/connection.ts';
import type { Route } from './sockets/handlers.ts';
import type { Instruments } from './sockets/instruments.ts';
import type { Topics } from './topics/topics.ts';

/** See the head of this file. */
export interface GatewayContext {
  /** Tells its memory from that of others. */
  readonly name: string;
  readonly options: ResolvedGatewayOptions;
  readonly routes: PathTable<Route>;
  readonly httpRoutes: HttpRoutes;
  readonly metrics: GatewayMetrics;
  readonly counts: GatewayCounts;
  readonly instruments: Instruments;
  readonly limiter: Limiter;
  readonly origins: AllowOrigin;
  readonly resolveAddress: ResolveAddress;
  readonly engines: readonly Engine[];
  readonly bridges: Bridges;
  /** The topics that keep retained values. */
  readonly retaining: Topics<Connection>;
  /** False while it is being closed. */
  isReady(): boolean;
  /** The text of `/metrics`. */
  metricsText(): string;
  /** The id of the next connection. */
  nextId(): number;
}
