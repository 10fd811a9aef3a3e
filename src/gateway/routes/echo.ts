import type { WebSocketHandlers } from '../sockets/handlers.ts';

/** A route on which everything comes back as it was sent. */
export function echoRoute(): WebSocketHandlers<unknown> {
  return {
    message(connection, message) {
      connection.send(message);
    },
  };
}
