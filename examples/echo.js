// The smallest gateway: everything that is sent to ws://127.0.0.1:9001/echo comes back.
//   node examples/echo.js
import { createGateway } from 'rondo/gateway';

const gateway = createGateway({ port: 9001 });

gateway.websocket('/echo', {
  message(connection, message) {
    connection.send(message);
  },
});

await gateway.listen();
process.once('SIGINT', () => gateway.close());
