// What becomes of the memory and the descriptors of operations that are cancelled in flight?
// Ends with 1 when anything was left behind.
//   node examples/experiments/cancelled.js [operations of each row, 100000]
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { attempt, Runtime, sleep, yieldNow } from 'rondo';
import { open, temporaryDirectory, writeFile } from 'rondo/fs';
import { connect, listen } from 'rondo/net';

const BYTES = 4096;
const AT_ONCE = 1000;

const total = Number(process.argv[2] ?? 100_000);
const runtime = new Runtime({ executor: { watchdog: { timing: 'off' } } });
const { driver, buffers } = runtime.reactor;

/** What the driver and the process hold now. */
function held() {
  const { operations, files, connections, buffersHeld } = driver.usage();
  const descriptors = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : NaN;
  return { operations, KiB: buffers.held / 1024, files, connections, buffersHeld, descriptors };
}

/**
 * Starts operations, lets them get under way, cancels them all, and waits for their ends; `close`
 * closes what they were operations on. Compares with what was held `before` that was opened.
 */
function* cancelled(name, operation, close, before) {
  let during = before;
  let done = 0;
  for (let started = 0; started < total; started += AT_ONCE) {
    const tasks = Array.from({ length: Math.min(AT_ONCE, total - started) }, () =>
      runtime.spawn(operation),
    );
    // Each is polled once, a quarter of them twice: some complete before they are cancelled.
    yield* yieldNow();
    if ((started / AT_ONCE) % 4 === 3) yield* sleep(1);
    const now = held();
    if (now.operations > during.operations) during = now;
    for (const task of tasks) task.abort();
    for (const task of tasks) {
      const end = yield* attempt(task);
      if (end.ok) done += 1;
      else if (end.error.code !== 'ERR_TASK_CANCELLED') throw end.error;
    }
  }
  yield* close();
  // What was opened while it was being cancelled is closed by the runtime, which takes a moment.
  let after = held();
  for (let turn = 0; turn < 1000 && !isSame(before, after); turn++) {
    yield* sleep(1);
    after = held();
  }
  return { name, cancelled: total - done, done, before, during, after };
}

function isSame(before, after) {
  return Object.keys(before).every((key) => Object.is(before[key], after[key]));
}

/** The kernel writes into this memory until it says that it is done. */
function* reads(path) {
  const before = held();
  const file = yield* open(path);
  const read = function* () {
    const chunk = yield* file.readAt(BYTES, BYTES * 7);
    chunk.release();
  };
  return yield* cancelled('read a file', read, () => file.close(), before);
}

/** Reads that never end by themselves: nobody writes into the pipe. */
function* waitingReads(path) {
  execFileSync('mkfifo', [path]);
  const before = held();
  const pipe = yield* open(path, 'r+');
  const read = () => pipe.readAt(BYTES, 0);
  return yield* cancelled('read a pipe', read, () => pipe.close(), before);
}

/** Each makes a descriptor, perhaps after it was cancelled. */
function* opens(path) {
  const opening = function* () {
    const file = yield* open(path);
    yield* file.close();
  };
  return yield* cancelled('open', opening, () => sleep(0), held());
}

function* connects() {
  const before = held();
  const listener = listen({ host: '127.0.0.1', port: 0 }, { acceptAhead: AT_ONCE });
  const closing = listener.connections().forEach((connection) => connection.close());
  const answering = runtime.spawn(closing);
  const connecting = function* () {
    const connection = yield* connect(listener.address);
    yield* connection.close();
  };
  const close = function* () {
    answering.abort();
    yield* attempt(answering);
    yield* listener.close();
  };
  return yield* cancelled('connect', connecting, close, before);
}

/** Somebody connects all the time: to a task that is being cancelled, or to the next one. */
function* accepts() {
  const before = held();
  const listener = listen({ host: '127.0.0.1', port: 0 });
  const accepting = function* () {
    const connection = yield* listener.accept();
    yield* connection.close();
  };
  const visits = runtime.spawn(function* () {
    for (;;) yield* (yield* connect(listener.address)).close();
  });
  const close = function* () {
    visits.abort();
    yield* attempt(visits);
    yield* listener.close();
  };
  return yield* cancelled('accept', accepting, close, before);
}

function* experiment() {
  const directory = yield* temporaryDirectory();
  const path = `${directory.path}/file`;
  yield* writeFile(path, new Uint8Array(BYTES * 64));
  const rows = [yield* reads(path), yield* opens(path), yield* connects(), yield* accepts()];
  // Only io_uring has reads of files that wait, and that can be cancelled.
  if (driver.kind === 'uring') rows.unshift(yield* waitingReads(`${path}.pipe`));
  yield* directory.remove();
  return rows;
}

const rows = await runtime.run(experiment);
const last = held();
await runtime.close();
console.log(`${driver.kind} driver, Node ${process.versions.node}, ${AT_ONCE} at once`);
console.table(
  rows.map(({ name, cancelled, done, before, during, after }) => {
    const row = { operation: name, cancelled, done };
    for (const key of ['operations', 'KiB', 'files', 'connections', 'descriptors']) {
      row[key] = `${before[key]} → ${during[key]} → ${after[key]}`;
    }
    return row;
  }),
);
console.log(`left at the end: ${JSON.stringify(last)}`);
const { operations, KiB, files, connections, buffersHeld } = last;
if (operations + KiB + files + connections + buffersHeld !== 0) process.exitCode = 1;
