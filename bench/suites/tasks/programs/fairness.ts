/**
 * What else runs in the event loop while the executor has always something to do.
 *
 *     fairness idle|rondo|native [--seconds N] [--cores A,B]
 *
 * `rondo` are tasks that work for a microsecond or two and yield, again and again; `native` are async
 * functions that do the same and yield by `setImmediate` (by `await undefined` nothing else would run
 * at all). Beside them: a timer of 1 ms and how late it is, `setImmediate`, a promise, and an echo
 * over `net` with a client in another thread. Prints medians and 99th percentiles, in ns, and the
 * operations of the load in a second.
 */
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { coresOf, now, percentiles, pinThread, report } from '../../../servers/ring/program.ts';
import { type Context, type Future, PENDING, type Poll, spawn } from './rondo.ts';

const TASKS = 200;
const MESSAGE = 64;

/** When the client began and got its answer, in ms. */
type Times = readonly number[];

interface ClientTask {
  readonly port: number;
  readonly seconds: number;
  readonly core: number | undefined;
}

/** A message and its answer, one at a time. */
function client({ port, seconds, core }: ClientTask): void {
  pinThread(core);
  const message = Buffer.alloc(MESSAGE, 1);
  const times: number[] = [];
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const end = now() + seconds * 1e9;
  let start = 0;
  let missing = 0;
  const send = (): void => {
    start = now();
    missing = MESSAGE;
    socket.write(message);
  };
  socket.on('connect', send);
  socket.on('data', (data) => {
    missing -= data.length;
    if (missing > 0) return;
    times.push((now() - start) / 1e6);
    if (now() < end) send();
    else {
      socket.destroy();
      parentPort!.postMessage(times satisfies Times);
    }
  });
}

let operations = 0;
let isOver = false;

/** A microsecond or two. */
function work(): void {
  let value = operations;
  for (let times = 0; times < 1000; times++) value = (value * 31 + times) | 0;
  operations += value === 0 ? 2 : 1;
}

class Busy implements Future<void> {
  poll(context: Context): Poll<void> {
    if (isOver) return undefined;
    work();
    context.waker.wakeByRef();
    return PENDING;
  }
}

async function busy(): Promise<void> {
  while (!isOver) {
    work();
    await immediate();
  }
}

const LOADS: Readonly<Record<string, () => unknown>> = {
  idle: () => undefined,
  rondo: () => spawn(new Busy()),
  native: busy,
};

/** Times in ms of what `once` waits for, again and again. */
async function watch(once: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  while (!isOver) times.push(await once());
  return times;
}

async function timer(): Promise<number> {
  const start = now();
  await new Promise((resolve) => setTimeout(resolve, 1));
  return (now() - start) / 1e6 - 1;
}

/** Not in each iteration of the event loop: that would be a load of its own. */
async function rarely(wait: () => Promise<unknown>): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 2));
  const start = now();
  await wait();
  return (now() - start) / 1e6;
}

async function measure(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string', default: '2' }, cores: { type: 'string' } },
  });
  const cores = coresOf(values.cores);
  pinThread(cores[0]);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve));
  const { port } = server.address() as AddressInfo;
  const seconds = Number(values.seconds);
  const task: ClientTask = { port, seconds, core: cores[1] };
  const load = LOADS[positionals[0] ?? ''];
  if (load === undefined) throw new RangeError(`Cannot put on load ${positionals[0]}`);
  for (let left = TASKS; left > 0; left--) void load();
  const start = now();
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  const watching = [timer, async () => rarely(immediate), async () => rarely(async () => {})];
  const watched = Promise.all(watching.map(watch));
  const echo = await new Promise<Times>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  isOver = true;
  const nanoseconds = now() - start;
  const [timers = [], immediates = [], promises = []] = await watched;
  const named = { timer: timers, immediate: immediates, promise: promises, echo };
  const found = Object.entries(named).flatMap(([name, times]) => {
    const { p50, p99 } = percentiles(Float64Array.from(times));
    return [
      [`${name}50`, p50],
      [`${name}99`, p99],
    ];
  });
  report({ count: operations, nanoseconds, ...Object.fromEntries(found) });
  server.close();
}

if (isMainThread) await measure();
else client(workerData as ClientTask);
