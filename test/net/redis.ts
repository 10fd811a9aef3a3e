/** A small server of the Redis protocol (RESP 2), as tasks on our sockets. */
import { listen, type Connection } from '../../src/net/index.ts';
import { spawn, TaskSet, type Coroutine } from '../../src/task/index.ts';
import { LOOPBACK, portOf } from './harness.ts';

type Reply = string | number | Buffer | null | Error;

/** A running server. */
export interface RedisServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Takes the next command off the bytes received so far: its words, and how long it was. */
function parse(bytes: Buffer): { words: Buffer[]; length: number } | undefined {
  let at = 0;
  const line = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const count = line();
  if (count === undefined) return undefined;
  const words: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const length = line();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    words.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length + 2;
  }
  return { words, length: at };
}

function execute(store: Map<string, Buffer>, words: readonly Buffer[]): Reply {
  const [command, key = '', value = Buffer.alloc(0)] = [
    String(words[0]).toLowerCase(),
    words[1] === undefined ? undefined : String(words[1]),
    words[2],
  ];
  switch (command) {
    case 'set':
      store.set(key, value);
      return 'OK';
    case 'get':
      return store.get(key) ?? null;
    case 'incr': {
      const next = Number(String(store.get(key) ?? 0)) + 1;
      store.set(key, Buffer.from(String(next)));
      return next;
    }
    case 'info':
      return Buffer.from('redis_version:7.0.0\r\nloading:0\r\n');
    case 'client':
    case 'quit':
      return 'OK';
    default:
      return new Error(`ERR unknown command '${command}'`);
  }
}

function encode(reply: Reply): (string | Buffer)[] {
  if (reply === null) return ['$-1\r\n'];
  if (typeof reply === 'number') return [`:${reply}\r\n`];
  if (typeof reply === 'string') return [`+${reply}\r\n`];
  if (reply instanceof Error) return [`-${reply.message}\r\n`];
  return [`$${reply.length}\r\n`, reply, '\r\n'];
}

function* serve(connection: Connection, store: Map<string, Buffer>): Coroutine<void> {
  let pending = Buffer.alloc(0);
  for (;;) {
    {
      using chunk = yield* connection.read();
      if (chunk === undefined) break;
      pending = Buffer.concat([pending, chunk.bytes()]);
    }
    const replies: (string | Buffer)[] = [];
    let over = false;
    for (let next; !over && (next = parse(pending)) !== undefined;) {
      pending = pending.subarray(next.length);
      replies.push(...encode(execute(store, next.words)));
      over = String(next.words[0]).toLowerCase() === 'quit';
    }
    yield* connection.writeVector(replies);
    if (over) break;
  }
  yield* connection.close();
}

/** Serves on the current runtime until it is closed. */
export function serveRedis(): RedisServer {
  const store = new Map<string, Buffer>();
  const listener = listen(LOOPBACK);
  const serving = spawn(function* (): Coroutine<void> {
    const connections = new TaskSet<void>();
    try {
      for (;;) {
        const connection = yield* listener.accept();
        connections.spawn(serve(connection, store));
      }
    } finally {
      yield* listener.close();
      yield* connections.joinAll();
    }
  });
  return {
    port: portOf(listener),
    close: async () => {
      await serving[Symbol.asyncDispose]();
    },
  };
}
