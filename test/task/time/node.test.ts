/** Timers on the real clock, inside Node's event loop. What is checked is order, never how long. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Executor, NodeHost, type Coroutine } from '../../../src/task/index.ts';
import { interval, sleep, sleepUntil } from '../../../src/task/time/index.ts';

function nodeExecutor(): Executor {
  const host = new NodeHost();
  const executor = new Executor(host);
  host.attach(executor);
  return executor;
}

test('sleep: on the real clock it never ends early, of 512 tasks none', async () => {
  const executor = nodeExecutor();
  const early: number[] = [];
  const tasks = Array.from({ length: 512 }, (_, i) =>
    executor.spawn(function* (): Coroutine<void> {
      const begin = executor.now();
      yield* sleep(1 + (i % 32) / 3);
      if (executor.now() - begin < 1 + (i % 32) / 3) early.push(i);
    }),
  );
  await Promise.all(tasks);
  assert.deepEqual(early, []);
  assert.equal(executor.timers.size, 0);
});

test('sleepUntil: on the real clock the present is there at its end', async () => {
  const executor = nodeExecutor();
  await executor.spawn(function* (): Coroutine<void> {
    for (let i = 0; i < 20; i++) {
      const deadline = executor.now() + 0.25;
      yield* sleepUntil(deadline);
      assert.ok(executor.now() >= deadline);
    }
  });
});

test('sleep: of no time, a thousand in a row let other tasks run', async () => {
  const executor = nodeExecutor();
  let others = 0;
  let done = false;
  executor.spawn(function* (): Coroutine<void> {
    while (!done) {
      others += 1;
      yield* sleep(0);
    }
  });
  await executor.spawn(function* (): Coroutine<void> {
    for (let i = 0; i < 1000; i++) yield* sleep(0);
    done = true;
  });
  assert.ok(others > 1);
});

test('sleep: one that is set from outside of a turn comes before a later one', async () => {
  const executor = nodeExecutor();
  const order: string[] = [];
  const spawn = (name: string, ms: number) =>
    executor.spawn(function* (): Coroutine<void> {
      yield* sleep(ms);
      order.push(name);
    });
  const late = spawn('late', 60);
  await new Promise((resolve) => setImmediate(resolve));
  const early = spawn('early', 1);
  await Promise.all([late, early]);
  assert.deepEqual(order, ['early', 'late']);
});

test('interval: on the real clock ticks have the times that were planned', async () => {
  const executor = nodeExecutor();
  await executor.spawn(function* (): Coroutine<void> {
    const ticks = interval(2);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      times.push(yield* ticks.tick());
      assert.ok(executor.now() >= times[i]!);
    }
    for (let i = 1; i < times.length; i++)
      assert.ok(Math.abs(times[i]! - times[i - 1]! - 2) < 1e-6);
  });
});

/** Runs a program in a process of its own; what it printed. */
function printed(program: string): string {
  const door = fileURLToPath(new URL('../../../src/task/index.js', import.meta.url));
  const code = `
    const { Executor, NodeHost, sleep } = await import(${JSON.stringify(door)});
    const host = new NodeHost();
    const executor = new Executor(host);
    host.attach(executor);
    process.on('exit', () => console.log('exit'));
    ${program}`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout.trim().split('\n').join(' ');
}

test('sleep: the process waits for one that holds', () => {
  const program = `executor.spawn(function* () { yield* sleep(50); console.log('slept'); });`;
  assert.equal(printed(program), 'slept exit');
});

test('sleep: the process does not wait for one that does not', () => {
  const program = `executor.spawn(function* () {
    yield* sleep(100_000_000, { hold: false });
    console.log('slept');
  });`;
  assert.equal(printed(program), 'exit');
});

test('sleep: the process does not wait for one that was given up', () => {
  const program = `
    const task = executor.spawn(function* () { yield* sleep(100_000_000); });
    task.catch(() => console.log('aborted'));
    setTimeout(() => task.abort(), 5);`;
  assert.equal(printed(program), 'aborted exit');
});

test('sleep: one that does not hold is on time while another holds', () => {
  const program = `
    executor.spawn(function* () {
      yield* sleep(5, { hold: false });
      console.log('free');
    });
    executor.spawn(function* () { yield* sleep(50); console.log('held'); });`;
  assert.equal(printed(program), 'free held exit');
});
