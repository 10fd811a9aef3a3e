import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { isDead, isThreadGone, ownIdentity, Proc, readIdentity } from './identity.ts';

const BOOT = '0123456789abcdef0123456789abcdef';

function statOf(state: string, threads: number, start: string): string {
  // A name may hold anything, even what looks like the fields behind it.
  return `7 (a) S 1 (b) ${state} 1 ${'0 '.repeat(15)}${threads} 0 ${start} 0 0`;
}

/** A /proc that says what it is told to; everything else is not there. */
function fakeProc(files: Record<string, string | { code: string }>): Proc {
  const all: typeof files = {
    '/proc/sys/kernel/random/boot_id': `${BOOT.slice(0, 8)}-${BOOT.slice(8)}\n`,
    '/proc/self/ns/pid': 'pid:[4026531836]',
    '/proc/self': String(process.pid),
    ...files,
  };
  const read = (path: string): string => {
    const content = all[path] ?? { code: 'ENOENT' };
    if (typeof content === 'string') return content;
    throw Object.assign(new Error(path), content);
  };
  return new Proc({ read, link: read });
}

const seven = { pid: 7, tid: 0, startTime: 99n, namespace: 4026531836n, bootId: BOOT };

test('ownIdentity is what /proc says of this process', () => {
  const own = ownIdentity(false);
  assert.equal(own.pid, process.pid);
  assert.equal(own.tid, 0);
  const stat = readFileSync('/proc/self/stat', 'latin1');
  assert.equal(String(own.startTime), stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  assert.match(own.bootId, /^[0-9a-f]{32}$/);
  assert.deepEqual(readIdentity(process.pid), own);
  assert.equal(isDead(own), false);
  assert.equal(isDead({ ...own, startTime: own.startTime + 1n }), true);
});

test('ownIdentity of a worker is its thread, which is dead when the worker has ended', async () => {
  const source = new URL('./identity.js', import.meta.url).href;
  const worker = new Worker(
    `import(${JSON.stringify(source)}).then(({ ownIdentity }) => {
       const { parentPort } = require('node:worker_threads');
       parentPort.once('message', () => {});
       parentPort.postMessage(ownIdentity(true));
     });`,
    { eval: true },
  );
  const [identity] = await once(worker, 'message');
  assert.equal(identity.pid, process.pid);
  assert.notEqual(identity.tid, process.pid);
  assert.equal(isDead(identity), false);
  assert.equal(isThreadGone(identity.tid), false);
  await worker.terminate();
  assert.equal(isDead(identity), true);
  assert.equal(isThreadGone(identity.tid), true);
});

test('isDead tells a process that was stopped from one that was killed', async () => {
  const child = spawn('sleep', ['60']);
  const identity = readIdentity(child.pid!)!;
  assert.equal(isDead(identity), false);
  child.kill('SIGSTOP');
  while (!/\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(isDead(identity), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(isDead(identity), true);
  assert.equal(readIdentity(child.pid!), undefined);
});

test('isDead takes a zombie for dead, unless it has other threads', async () => {
  // The shell becomes a process that never waits for its child, which ends only after that: when
  // its input does.
  const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60 3<&-'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const [text] = await once(parent.stdout!, 'data');
  const pid = Number(String(text));
  while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n') {
    await new Promise((resolve) => setImmediate(resolve));
  }
  (parent.stdio[3] as Writable).end();
  while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const startTime = BigInt(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!);
  assert.equal(isDead({ ...ownIdentity(false), pid, startTime }), true);
  assert.equal(isThreadGone(pid), true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');

  assert.equal(isDead(seven, fakeProc({ '/proc/7/stat': statOf('Z', 3, '99') })), false);
  assert.equal(isDead(seven, fakeProc({ '/proc/7/stat': statOf('Z', 1, '99') })), true);
  assert.equal(isDead(seven, fakeProc({ '/proc/7/stat': statOf('X', 0, '99') })), true);
});

test('isDead goes by start time, boot and namespace, and by what can be read', () => {
  const proc = fakeProc({ '/proc/7/stat': statOf('S', 1, '99') });
  assert.equal(isDead(seven, proc), false);
  assert.equal(isDead({ ...seven, startTime: 98n }, proc), true, 'another has its id');
  assert.equal(isDead({ ...seven, bootId: BOOT.replace('0', 'f') }, proc), true);
  assert.equal(isDead({ ...seven, namespace: 1n }, proc), false);
  assert.equal(isDead({ ...seven, namespace: 1n, startTime: 98n }, proc), false);
  assert.equal(isDead({ ...seven, pid: 8 }, proc), true);
  assert.equal(isDead({ ...seven, tid: 9 }, proc), true);
  for (const code of ['EACCES', 'EMFILE', 'EPERM']) {
    assert.equal(isDead(seven, fakeProc({ '/proc/7/stat': { code } })), false);
  }
  assert.equal(isDead(seven, fakeProc({ '/proc/7/stat': { code: 'ESRCH' } })), true);
  assert.equal(isDead(seven, fakeProc({ '/proc/7/stat': 'not what it was' })), false);
});

test('without a /proc of its own namespace nobody is known, and nobody is dead', () => {
  for (const missing of ['/proc/self', '/proc/self/ns/pid', '/proc/sys/kernel/random/boot_id']) {
    const proc = fakeProc({ [missing]: { code: 'ENOENT' } });
    assert.equal(proc.machine(), undefined);
    assert.equal(isDead(seven, proc), false);
    assert.equal(isThreadGone(7, proc), false);
    assert.equal(readIdentity(7, 0, proc), undefined);
    const own = ownIdentity(false, proc);
    assert.deepEqual([own.pid, own.startTime], [process.pid, 0n]);
  }
  assert.equal(fakeProc({ '/proc/self': '1' }).machine(), undefined);
});
