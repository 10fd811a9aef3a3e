// A file server: HTTP/1.1, GET and HEAD. Chunks go from disk to socket without being copied.
//   node examples/tasks/files.js 8080 docs
import { join, resolve, sep } from 'node:path';
import { attempt, CancellationToken, END, scope, spawn, timeout, use } from 'rondo';
import { open } from 'rondo/fs';
import { listen } from 'rondo/net';

const [port = '8080', folder = '.'] = process.argv.slice(2);
const root = resolve(folder);
const HEAD_BYTES_MAX = 16_384;
const IDLE_MS = 30_000;

/** The next request's head as text; undefined when the client has nothing more to ask. */
function* readHead(connection, rest) {
  let head = rest;
  while (!head.includes('\r\n\r\n')) {
    if (head.length > HEAD_BYTES_MAX) return undefined;
    const chunk = yield* timeout(IDLE_MS, connection.read());
    if (chunk === undefined) return undefined;
    head += chunk.text();
    chunk.release();
  }
  return head;
}

function* answer(connection, status, length, isKept) {
  const keep = isKept ? 'keep-alive' : 'close';
  const head = `HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\nconnection: ${keep}\r\n\r\n`;
  yield* connection.writeAll(Buffer.from(head, 'latin1'));
}

function* sendFile(connection, path, isHead) {
  const opened = yield* attempt(open(path));
  if (opened.ok) yield* use(opened.value, (file) => sendOpen(connection, file, isHead));
  else yield* answer(connection, '404 Not Found', 0, true);
}

function* sendOpen(connection, file, isHead) {
  const { kind, size } = yield* file.stat();
  const isFile = kind === 'file';
  yield* answer(connection, isFile ? '200 OK' : '404 Not Found', isFile ? size : 0, true);
  if (isHead || !isFile) return;
  // Reads ahead while it sends; a slow client slows the reading down.
  const chunks = file.stream({ end: size });
  for (let chunk; (chunk = yield* chunks.next()) !== END;) yield* connection.writeAll(chunk);
}

function* serve(connection) {
  let rest = '';
  for (let text; (text = yield* readHead(connection, rest)) !== undefined;) {
    const end = text.indexOf('\r\n\r\n') + 4;
    rest = text.slice(end);
    const [method, target = ''] = text.slice(0, end).split(' ', 2);
    if (method !== 'GET' && method !== 'HEAD') {
      yield* answer(connection, '405 Method Not Allowed', 0, false);
      return;
    }
    const wanted = pathOf(target);
    if (wanted === undefined) yield* answer(connection, '400 Bad Request', 0, true);
    else yield* sendFile(connection, wanted, method === 'HEAD');
  }
}

/** The path of a target below the root, undefined for what leads out of it or is no path. */
function pathOf(target) {
  try {
    const path = join(root, decodeURIComponent(target.split('?', 1)[0]));
    return path === root || path.startsWith(root + sep) ? path : undefined;
  } catch {
    return undefined;
  }
}

const stop = new CancellationToken();
process.once('SIGINT', () => stop.cancel()).once('SIGTERM', () => stop.cancel());
const listener = listen({ port: Number(port), host: '127.0.0.1' });
console.log(`files: http://127.0.0.1:${listener.address.port}/ serves ${folder}`);

function* serveAll() {
  yield* scope(function* (clients) {
    for (;;) clients.spawn(serveOne(yield* listener.accept()));
  });
}

function* serveOne(connection) {
  const served = yield* attempt(use(connection, serve));
  if (!served.ok) console.error(`a client: ${served.error.message}`);
}

const ended = await spawn(attempt(stop.run(use(listener, serveAll))));
if (!ended.ok && !stop.isCancelled) throw ended.error;
