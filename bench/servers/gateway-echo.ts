/** WebSocket echo on Rondo's gateway: `gateway-echo [--driver uring|epoll|portable]`. */
import { parseArgs } from 'node:util';
import type { RealDriverKind } from '../../src/driver/index.ts';
import { createGateway } from '../../src/gateway/index.ts';
import { announce } from './announce.ts';

const { values } = parseArgs({ options: { driver: { type: 'string' } } });
const gateway = createGateway({
  host: '127.0.0.1',
  port: 0,
  ...(values.driver === undefined ? {} : { driver: values.driver as RealDriverKind }),
});
gateway.websocket('/echo', {
  message(connection, message) {
    connection.send(message);
  },
});
const address = await gateway.listen();
if (!('port' in address)) throw new TypeError('The gateway must have a port');
announce(address.port);
