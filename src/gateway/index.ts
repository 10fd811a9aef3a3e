/** The WebSocket gateway: routes, topics, limits and a graceful end, over any driver. */
export { broadcast } from './sockets/broadcast.ts';
export { Connection, type SendResult } from './sockets/connection.ts';
export type { GatewayCounterName, GatewayCounters } from './metrics/counters.ts';
export {
  createGateway,
  type CloseGatewayOptions,
  type CloseReport,
  type Gateway,
  type GatewayUsage,
} from './gateway.ts';
export type { WebSocketHandlers } from './sockets/handlers.ts';
export { Message } from './sockets/message.ts';
export type { GatewayOptions } from './options.ts';
export type { AnyParams, RouteParams } from './routing/paths.ts';
export { echoRoute } from './routes/echo.ts';
export { topicRoute, type TopicParams } from './routes/topic.ts';
