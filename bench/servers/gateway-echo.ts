/** WebSocket echo on Rondo's gateway: `gateway-echo [--driver uring|epoll|portable]`. */
import { parseArgs } from 'node:util';
import type { DriverKind } from '../../src/driver/index.ts';
import { createGateway } from '../../src/gateway/index.ts';
import { announce } from './announce.ts';

const { values } = parseArgs({ options: { driver: { type: 'string' } } });
const gateway = createGateway({
  port: 0,
  ...(values.driver === undefined
    ? {}
    : { driver: values.driver as Exclude<DriverKind, 'simulated'> }),
});
gateway.websocket('/echo', {
  message(connection, message) {
    connection.send(message);
  },
});
await gateway.listen();
const address = gateway.address;
if (!address || !('port' in address)) throw new TypeError('The gateway must have a port');
announce(address.port);
