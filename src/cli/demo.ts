/** What `rondo serve` serves when it is given no handlers. */
import { echoRoute, topicRoute, type Gateway } from '../gateway/index.ts';

/** Adds an echo, also at `/` beside the page, and topics. */
export function addDemo(gateway: Gateway): void {
  gateway.websocket('/', echoRoute());
  gateway.websocket('/echo', echoRoute());
  gateway.websocket('/topics/:topic', topicRoute());
}
