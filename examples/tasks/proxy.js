// A TCP proxy. Bytes go from socket to socket in the buffers that they were received into.
//   node examples/tasks/proxy.js 8080 127.0.0.1:5432
import { attempt, CancellationToken, scope, spawn, use } from 'rondo';
import { connect, copyBidirectional, listen } from 'rondo/net';

const [port = '8080', target = '127.0.0.1:5432'] = process.argv.slice(2);
const [host, targetPort] = target.split(':');
const upstreamAddress = { host, port: Number(targetPort) };

function* serve(client) {
  // Whatever happens, both connections are closed, and closed before the task ends.
  const served = yield* attempt(
    use(client, () =>
      use(connect(upstreamAddress, { timeout: 5000 }), (upstream) =>
        copyBidirectional(client, upstream),
      ),
    ),
  );
  // One broken connection is no reason to end the others.
  if (!served.ok) console.error(`a client: ${served.error.message}`);
}

function* proxy(listener) {
  yield* scope(function* (clients) {
    for (;;) clients.spawn(serve(yield* listener.accept()));
  });
}

const stop = new CancellationToken();
process.once('SIGINT', () => stop.cancel()).once('SIGTERM', () => stop.cancel());

const listener = listen({ port: Number(port), host: '127.0.0.1' });
console.log(`proxy: 127.0.0.1:${listener.address.port} to ${target}`);
// Cancelling ends the accepting and every connection; the process exits when all are closed.
const ended = await spawn(attempt(stop.run(use(listener, proxy))));
if (!ended.ok && !stop.isCancelled) throw ended.error;
console.log('proxy: every connection is closed');
