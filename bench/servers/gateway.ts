/** WebSockets on Rondo's gateway: `gateway [--driver uring|epoll|portable]`, and see `roles.ts`. */
import type { RealDriverKind } from '../../src/driver/index.ts';
import { createGateway } from '../../src/gateway/index.ts';
import { announce } from './announce.ts';
import { readRole } from './roles.ts';

const { broadcast, deflate, idle, connections, driver } = readRole();
const gateway = createGateway({
  host: '127.0.0.1',
  port: 0,
  deflate: deflate && { threshold: 0 },
  ...(driver === undefined ? {} : { driver: driver as RealDriverKind }),
  ...(idle === undefined ? {} : { idleTimeoutMs: idle * 1000 }),
  ...(connections === undefined ? {} : { maxConnections: connections }),
});
if (broadcast) {
  gateway.websocket('/echo', {
    open(connection) {
      connection.subscribe('all');
    },
    message(_connection, message) {
      gateway.publish('all', message);
    },
  });
} else {
  gateway.websocket('/echo', {
    message(connection, message) {
      connection.send(message);
    },
  });
}
const address = await gateway.listen();
if (!('port' in address)) throw new TypeError('The gateway must have a port');
announce(address.port);
