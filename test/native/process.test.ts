// Processes by pidfd: their end is seen whatever their id does, at once or from the event loop.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Arena } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';
import { turns } from './watcher.ts';

const EBADF = -9;
const ESRCH = -3;
const EPOLLIN = 1;
const ADD = 1;
const timeout = 30_000;
const native = loadNative();
const arena = Arena.create({ size: 1 << 20 });
native.attachArena(arena.bytes);

/** A process that stays until it is killed. */
async function idle(): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  return child;
}

/** The state letter in /proc/<pid>/stat. */
function state(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
}

test('threadId is the process id on the main thread and a task of its own in a worker', async () => {
  assert.equal(native.threadId(), process.pid);
  const code = `const { parentPort } = require('node:worker_threads');
    const { loadNative } = await import(${JSON.stringify(
      new URL('../../src/native/index.js', import.meta.url).href,
    )});
    parentPort.postMessage(loadNative().threadId());
    setInterval(() => {}, 1000);`;
  const worker = new Worker(`(async () => {${code}})()`, { eval: true });
  const [thread] = (await once(worker, 'message')) as [number];
  assert.notEqual(thread, process.pid);
  assert.ok(readdirSync('/proc/self/task').includes(String(thread)));
  await worker.terminate();
});

test('processEnded sees the end of a process that nobody has waited for', { timeout }, async () => {
  const child = await idle();
  const pid = child.pid!;
  const pidfd = native.processOpen(pid);
  assert.ok(pidfd >= 0);
  assert.equal(native.processEnded(pidfd), 0);
  process.kill(pid, 'SIGSTOP');
  assert.equal(native.processEnded(pidfd), 0, 'stopped is slow, not dead');
  process.kill(pid, 'SIGKILL');
  // Without a turn of the event loop Node does not reap it.
  while (native.processEnded(pidfd) === 0);
  assert.equal(native.processEnded(pidfd), 1);
  assert.equal(state(pid), 'Z');
  await once(child, 'exit');
  assert.equal(native.processEnded(pidfd), 1, 'and afterwards');
  assert.equal(native.processOpen(pid), ESRCH);
  assert.equal(native.closeDescriptor(pidfd), 0);
  assert.equal(native.processEnded(pidfd), EBADF);
});

test('one epoll instance tells the event loop of the ends of many', { timeout }, async () => {
  const open = readdirSync('/proc/self/fd').length;
  const children = await Promise.all(Array.from({ length: 4 }, idle));
  const region = arena.allocate('events', 4096);
  const first = region.offset >>> 2;
  const epoll = native.epollCreate();
  const pidfds = children.map((child) => native.processOpen(child.pid!));
  pidfds.forEach((fd, index) => native.epollControl(epoll, ADD, fd, EPOLLIN, index + 100));
  const ended = new Set<number>();
  await new Promise<void>((resolve) => {
    const handle = native.epollAttach(epoll, region.offset, 16, region.offset + 1024, (count) => {
      for (let i = 0; i < count; i++) {
        const data = arena.unsigned[first + i * 2]!;
        ended.add(data);
        // A closed descriptor leaves the epoll instance: no event comes twice.
        native.closeDescriptor(pidfds[data - 100]!);
      }
      if (ended.size < children.length) return;
      native.loopDetach(handle);
      native.closeDescriptor(epoll);
      resolve();
    });
    native.loopReference(handle, true);
    for (const child of children) process.kill(child.pid!, 'SIGKILL');
  });
  assert.deepEqual(ended, new Set([100, 101, 102, 103]));
  for (const child of children) if (child.signalCode === null) await once(child, 'exit');
  await turns();
  assert.equal(readdirSync('/proc/self/fd').length, open);
  region.release();
});
