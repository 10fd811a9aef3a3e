/**
 * Sending messages to another thread or process by what Node has: MessagePort, `child_process` and
 * sockets. The receiver is this same file; it prints the report. Never more than `AHEAD` messages
 * are on their way, so that nothing piles up in queues.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Meter, now, pinThread, type Report } from '../program.ts';
import { makeTick, sum, type TickFields } from '../tick.ts';
import { codecOf } from './codecs.ts';
import type { Plan, Way } from './plan.ts';

const AHEAD = 4096;
const HEAD = 4;

/** What a receiver reads messages with. */
class Reader {
  readonly #meter: Meter;
  #total = 0;

  constructor(plan: Plan) {
    this.#meter = new Meter(plan.warmup * 1e6);
  }

  take(messages: readonly TickFields[]): void {
    for (const message of messages) this.#total += sum(message);
    this.#meter.took(messages.length);
  }

  get report(): Report {
    if (Number.isNaN(this.#total)) throw new Error('Cannot use the figures: a field is missing');
    return this.#meter.report;
  }
}

/** Makes batches until the time is over. */
function* batches({ batch, milliseconds }: Plan): Generator<TickFields[]> {
  const end = now() + milliseconds * 1e6;
  for (let id = 0; now() < end; id += batch) {
    const messages: TickFields[] = [];
    for (let index = 0; index < batch; index++) messages.push(makeTick(id + index));
    yield messages;
  }
}

/** A channel for values: a port, or a child process. */
interface Line {
  post(value: unknown): void;
  listen(listener: (value: unknown) => void): void;
}

/** One message is posted as it is, several as an array; `null` is the end, a number an answer. */
async function stream(plan: Plan, line: Line): Promise<Report> {
  let ahead = 0;
  let wake = (): void => {};
  let finish: (report: Report) => void;
  const finished = new Promise<Report>((resolve) => (finish = resolve));
  line.listen((value) => {
    if (typeof value !== 'number') return finish(value as Report);
    ahead -= value;
    return wake();
  });
  for (const messages of batches(plan)) {
    line.post(messages.length === 1 ? messages[0] : messages);
    ahead += messages.length;
    if (ahead >= AHEAD) await new Promise<void>((resolve) => (wake = resolve));
  }
  line.post(null);
  return finished;
}

/** The other end of `stream`. */
function receive(plan: Plan, line: Line): void {
  const reader = new Reader(plan);
  let unanswered = 0;
  line.listen((value) => {
    if (value === null) return line.post(reader.report);
    const messages = Array.isArray(value) ? (value as TickFields[]) : [value as TickFields];
    reader.take(messages);
    unanswered += messages.length;
    if (unanswered < AHEAD / 4) return undefined;
    line.post(unanswered);
    unanswered = 0;
    return undefined;
  });
}

const SELF = new URL(import.meta.url);

const port: Way = async (plan) => {
  pinThread(plan.cores[0]);
  const worker = new Worker(SELF, { workerData: plan });
  const report = await stream(plan, {
    post: (value) => worker.postMessage(value),
    listen: (listener) => void worker.on('message', listener),
  });
  await worker.terminate();
  return report;
};

/** This file as a process on the receiver's core. */
function receiver(
  plan: Plan,
  argv: readonly string[],
  serialization: 'json' | 'advanced',
): ChildProcess {
  const core = plan.cores[1];
  const command = [process.execPath, fileURLToPath(SELF), JSON.stringify(plan), ...argv];
  const pinned = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  return spawn(pinned[0]!, pinned.slice(1), { stdio: [...stdio], serialization });
}

function processes(serialization: 'json' | 'advanced'): Way {
  return async (plan) => {
    pinThread(plan.cores[0]);
    const child = receiver(plan, ['ipc'], serialization);
    const report = await stream(plan, {
      post: (value) => void child.send(value as object),
      listen: (listener) => void child.on('message', listener),
    });
    child.disconnect();
    return report;
  };
}

/** Frames of a length and a body, over a Unix socket. */
function socketWay(codec: string): Way {
  return async (plan) => {
    pinThread(plan.cores[0]);
    const { encode } = codecOf(codec);
    const folder = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
    const path = join(folder, 'socket');
    const child = receiver(plan, ['socket', codec, path], 'json');
    try {
      await once(child, 'message');
      const reported = once(child, 'message') as Promise<[Report]>;
      const socket = createConnection(path);
      await once(socket, 'connect');
      for (const messages of batches(plan)) {
        const body = encode(messages);
        const head = Buffer.allocUnsafe(HEAD);
        head.writeUInt32LE(body.length);
        socket.cork();
        socket.write(head);
        const goesOn = socket.write(body);
        socket.uncork();
        if (!goesOn) await once(socket, 'drain');
      }
      socket.end();
      const [report] = await reported;
      child.disconnect();
      return report;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Reads the frames of a socket; the report goes to whoever started this process. */
function serve(socket: Socket, plan: Plan, codec: string): void {
  const { decode } = codecOf(codec);
  const reader = new Reader(plan);
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (data) => {
    let bytes: Buffer = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (bytes.length >= HEAD) {
      const end = HEAD + bytes.readUInt32LE();
      if (bytes.length < end) break;
      reader.take(decode(bytes.subarray(HEAD, end)));
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  });
  socket.on('end', () => process.send!(reader.report));
}

/** By name. */
export const streamWays: Readonly<Record<string, Way>> = {
  'message-port': port,
  'ipc-json': processes('json'),
  'ipc-advanced': processes('advanced'),
  'socket-json': socketWay('json'),
  'socket-msgpackr': socketWay('msgpackr'),
  'socket-protobufjs': socketWay('protobufjs'),
};

function runReceiver(): void {
  if (parentPort && workerData !== null) {
    const plan = workerData as Plan;
    const thread = parentPort;
    pinThread(plan.cores[1]);
    receive(plan, {
      post: (value) => thread.postMessage(value),
      listen: (listener) => void thread.on('message', listener),
    });
    return;
  }
  const plan = JSON.parse(process.argv[2]!) as Plan;
  const [kind, codec = '', path = ''] = process.argv.slice(3);
  if (kind === 'ipc') {
    receive(plan, {
      post: (value) => void process.send!(value),
      listen: (listener) => void process.on('message', listener),
    });
    return;
  }
  const server = createServer((socket) => {
    server.close();
    serve(socket, plan, codec);
  });
  server.listen(path, () => process.send!('listening'));
}

if (parentPort || process.argv[1] === fileURLToPath(SELF)) runReceiver();
