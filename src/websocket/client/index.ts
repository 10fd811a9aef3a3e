/** WebSocket clients: one connection, and one that comes back. */
export { CloseError, HandshakeError } from './errors.ts';
export { type Listener, type ListenerOptions, TypedEventTarget } from './event-target.ts';
export { CloseEvent, ErrorEvent, MessageEvent, ReconnectingEvent } from './events.ts';
export type { BinaryType, ClientTlsOptions, HeaderEntries, WebSocketOptions } from './options.ts';
export type { QueuePolicy, ReconnectingWebSocketOptions } from './reconnect-options.ts';
export {
  ReconnectingWebSocket,
  type ReconnectingWebSocketEvents,
  type ReconnectSystem,
  type UrlSource,
} from './reconnecting.ts';
export type { Timers } from './timers.ts';
export type { MessageData, SendData } from './types.ts';
export { WebSocket, type WebSocketEvents } from './websocket.ts';
