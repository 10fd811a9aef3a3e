/**
 * A TCP proxy: every connection is connected to the upstream server, bytes go both ways.
 *
 *     proxy rondo|node --upstream PORT [--driver uring|epoll|portable]
 */
import { type AddressInfo, connect as connectNode, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { parseArgs } from 'node:util';
import { announce } from '../../../servers/announce.ts';
import type { RealDriverKind } from '../../../../src/driver/index.ts';
import { type Connection, connect, copyBidirectional, listen } from '../../../../src/net/index.ts';
import { configureRuntime } from '../../../../src/runtime/index.ts';
import { type Coroutine, spawn } from './rondo.ts';

const HOST = '127.0.0.1';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { upstream: { type: 'string', default: '0' }, driver: { type: 'string' } },
});
const port = Number(values.upstream);

function* forward(client: Connection): Coroutine<void> {
  const upstream = yield* connect({ host: HOST, port });
  try {
    yield* copyBidirectional(client, upstream);
  } catch {
    // The generator ends its connections as it likes.
  } finally {
    client.reset();
    upstream.reset();
  }
}

/** As examples/ has it. */
function rondo(): void {
  if (values.driver !== undefined) {
    configureRuntime({ driver: { kind: values.driver as RealDriverKind } });
  }
  const listener = listen({ host: HOST, port: 0 }, { backlog: 4096 });
  spawn(function* (): Coroutine<void> {
    for (;;) spawn(forward(yield* listener.accept()));
  });
  announce((listener.address as { port: number }).port);
}

/** As Node's documentation has it. */
function node(): void {
  const nothing = (): void => {};
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connectNode({ host: HOST, port, noDelay: true });
    pipeline(client, upstream, nothing);
    pipeline(upstream, client, nothing);
  });
  server.listen({ port: 0, host: HOST, backlog: 4096 }, () => {
    announce((server.address() as AddressInfo).port);
  });
}

if (positionals[0] === 'node') node();
else rondo();
