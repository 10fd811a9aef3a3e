/** How what a gateway counts is called in its metrics, and what it means. */
import type { GatewayCounterName } from './counters.ts';

/** What every name begins with. */
const PREFIX = 'rondo_gateway_';

/** A metric's name, and its meaning in a few words. */
export interface Family {
  readonly name: string;
  readonly help: string;
}

const family = (name: string, help: string): Family => ({ name: PREFIX + name, help });

/** The metric of each counter. */
export const COUNTER_FAMILIES: Readonly<Record<GatewayCounterName, Family>> = {
  connectionsAccepted: family('connections_accepted_total', 'Connections that were accepted.'),
  connectionsClosed: family('connections_closed_total', 'Connections that have ended.'),
  webSocketsOpened: family('websockets_opened_total', 'Handshakes that became WebSockets.'),
  requests: family('http_requests_total', 'HTTP requests, handshakes included.'),
  requestsRefused: family('http_requests_refused_total', 'HTTP requests answered 400 or above.'),
  messagesReceived: family('messages_received_total', 'Messages from clients.'),
  messagesSent: family('messages_sent_total', 'Messages to clients.'),
  bytesReceived: family('messages_received_bytes_total', 'Payload of messages from clients.'),
  bytesSent: family('messages_sent_bytes_total', 'Payload of messages to clients.'),
  protocolFailures: family('protocol_failures_total', 'WebSockets ended by a breach of protocol.'),
  handlerErrors: family('handler_errors_total', 'Handlers that threw or rejected.'),
  sendQueueOverflows: family('send_queue_overflows_total', 'Connections with too much to send.'),
  timeouts: family('timeouts_total', 'Connections whose peer took too long.'),
  upgradesRefused: family('upgrades_refused_total', 'Handshakes that were refused.'),
  messagesDropped: family('messages_dropped_total', 'Messages dropped as too much waited.'),
  pauses: family('pauses_total', 'Times that reading from a connection was stopped.'),
  publishes: family('topic_publishes_total', 'Messages published to topics.'),
  deliveries: family('topic_deliveries_total', 'Messages that publishes became.'),
  bytesToDeflate: family('deflate_input_bytes_total', 'Payload that was to be compressed.'),
  bytesDeflated: family('deflate_output_bytes_total', 'Payload that compression left.'),
  bytesToInflate: family('inflate_input_bytes_total', 'Compressed payload from clients.'),
  bytesInflated: family('inflate_output_bytes_total', 'The same payload, decompressed.'),
  connectionsRefused: family('connections_refused_total', 'Connections reset as they came.'),
  rateLimited: family('rate_limited_total', 'Times that a connection was above a rate.'),
  memoryPauses: family('memory_pauses_total', 'Times that memory for reading was short.'),
};

/** WebSockets that ended, by close code. */
export const CLOSES: Family = family('websockets_closed_total', 'WebSockets that have ended.');

/** Responses by the class of their status. */
export const RESPONSES: Family = family('http_responses_total', 'HTTP responses.');

/** What is asked for when the metrics are read. */
export interface GatewayGauges {
  /** Connections that are there, whatever their state. */
  readonly connections: () => number;
  /** WebSockets that are open. */
  readonly webSockets: () => number;
  /** Connections that are not read at the moment. */
  readonly paused: () => number;
  /** Bytes of messages that arrive in pieces or wait to be sent. */
  readonly memoryBytes: () => number;
  /** Receive buffers that are held. */
  readonly buffersHeld: () => number;
  readonly subscriptions: () => number;
  /** Names and patterns that somebody is subscribed to. */
  readonly topics: () => number;
  readonly retainedBytes: () => number;
}

/** The metric of each gauge. */
export const GAUGE_FAMILIES: Readonly<Record<keyof GatewayGauges, Family>> = {
  connections: family('connections', 'Connections that are there.'),
  webSockets: family('websockets', 'WebSockets that are open.'),
  paused: family('connections_paused', 'Connections that are not read at the moment.'),
  memoryBytes: family('memory_bytes', 'Memory of messages in pieces or waiting to be sent.'),
  buffersHeld: family('receive_buffers_held', 'Receive buffers that are held.'),
  subscriptions: family('topic_subscriptions', 'Subscriptions of all connections.'),
  topics: family('topics', 'Names and patterns that somebody is subscribed to.'),
  retainedBytes: family('topic_retained_bytes', 'Memory of retained values and their names.'),
};

/** The metric of each histogram. */
export const MESSAGE_SIZES: Family = family('message_size_bytes', 'Sizes of received messages.');
export const QUEUE_DEPTHS: Family = family(
  'send_queue_bytes',
  'What waited on a connection when more was sent to it.',
);
export const HANDLER_TIMES: Family = family(
  'handler_duration_seconds',
  'Time of message handlers, until their promise is settled; a sample.',
);
