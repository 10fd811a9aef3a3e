/** The WebSocket gateway: routes, topics, limits and a graceful end, over any driver. */
export type { DrainReport as CloseReport, RemainingConnection } from './engine/drain.ts';
export type { FillRequest, SubmitResult } from './bridge/backlog.ts';
export { Bridge } from './bridge/bridge.ts';
export type { BridgeCounterName, BridgeCounters } from './bridge/counts.ts';
export type { BridgeHandlers, BridgeOptions, EngineEnd } from './bridge/options.ts';
export { broadcast } from './sockets/broadcast.ts';
export { Connection, type SendResult, type SubscribeOptions } from './sockets/connection.ts';
export {
  checkServeConfig,
  defineConfig,
  defineHandlers,
  type AddHandlers,
  type HandlerRoutes,
  type HandlersModule,
  type ServeConfig,
} from './config.ts';
export type { GatewayCounterName, GatewayCounters } from './metrics/counters.ts';
export type { Instrumentation, MessageInfo, UpgradeInfo } from './metrics/instrumentation.ts';
export {
  createGateway,
  type CloseGatewayOptions,
  type Gateway,
  type GatewayUsage,
} from './gateway.ts';
export type {
  AddressLimits,
  ConnectionLimits,
  LimitOptions,
  OverRate,
  TotalLimits,
} from './limits/options.ts';
export type { TrustProxy } from './limits/proxy.ts';
export type { Acceptance, UpgradeDecision, WebSocketHandlers } from './sockets/handlers.ts';
export { Refusal, refuse } from './sockets/handlers.ts';
export type { HandshakeRequest } from './sockets/handshake-request.ts';
export type { DeflateOptions } from './sockets/deflate-options.ts';
export type { PublishOptions } from './topics/hub.ts';
export type { TopicLimits } from './topics/limits.ts';
export { Message, RetainedMessage } from './sockets/message.ts';
export type { EventHandlers, EventOptions, EventResult, EventStream } from './http/event-stream.ts';
export type { FileOptions } from './http/files.ts';
export type { HttpBody, HttpReply } from './http/reply.ts';
export type { HttpRequest } from './http/request.ts';
export type { HttpAnswer, HttpHandler, HttpRouteOptions } from './http/routes.ts';
export type { GatewayOptions } from './options.ts';
export type { AnyParams, RouteParams } from './routing/paths.ts';
export { echoRoute } from './routes/echo.ts';
export { topicRoute, type TopicParams } from './routes/topic.ts';
