/** The WebSocket gateway: routes, topics, limits and a graceful end, over any driver. */
export { broadcast } from './broadcast.ts';
export { Connection, type SendResult } from './connection.ts';
export type { GatewayCounterName, GatewayCounters } from './counters.ts';
export {
  createGateway,
  type CloseGatewayOptions,
  type CloseReport,
  type Gateway,
  type GatewayUsage,
} from './gateway.ts';
export type { WebSocketHandlers } from './handlers.ts';
export { Message } from './message.ts';
export type { GatewayOptions } from './options.ts';
export type { AnyParams, RouteParams } from './paths.ts';
export { echoRoute } from './routes/echo.ts';
export { topicRoute, type TopicParams } from './routes/topic.ts';
