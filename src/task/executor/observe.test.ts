import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Arena } from '../../memory/index.ts';
import { BaseFuture, PENDING, yieldNow, type Context, type Poll } from '../future/index.ts';
import { VirtualHost } from '../testing/virtual-host.ts';
import { sleep } from '../time/index.ts';
import { TaskReader, type TaskRow } from './task-counters-reader.ts';

const MIB = 1024 * 1024;

/** Keeps a waker, and is never ready. */
class Waits extends BaseFuture<never> {
  poll(context: Context): Poll<never> {
    context.waker.clone();
    return PENDING;
  }
}

function observed() {
  const host = new VirtualHost();
  const arena = Arena.create({ size: 4 * MIB });
  const executor = host.executor({ name: 'shown', locations: true });
  executor.observe({ arena });
  const reader = new TaskReader(arena, executor.countersOffset!);
  const rows = (): Map<string, TaskRow> => new Map(reader.read().map((row) => [row.name, row]));
  return { host, arena, executor, rows };
}

it('Executor.observe shows what tasks do', () => {
  const { host, executor, rows } = observed();
  executor.spawn(
    function* () {
      executor.spawn(new Waits(), { name: 'child', priority: 'low' });
      for (let i = 0; i < 5; i++) yield* yieldNow();
      host.advance(3); // As a long poll would.
      yield* sleep(1000);
    },
    { name: 'parent' },
  );
  host.runFor(10);
  const parent = rows().get('parent')!;
  const child = rows().get('child')!;
  assert.equal(child.parent, parent.id);
  assert.deepEqual([parent.priority, child.priority], [1, 2]);
  assert.deepEqual([parent.polls, parent.selfWakes, child.polls], [6, 5, 1]);
  assert.deepEqual([parent.state, child.state], ['idle', 'idle']);
  assert.deepEqual([parent.wakers, child.wakers], [1, 1]);
  assert.match(child.location, /observe\.test/);
  assert.ok(parent.busyMicroseconds >= 3000, `${parent.busyMicroseconds}`);
  host.runUntilIdle();
  assert.equal(rows().get('parent'), undefined, 'what has ended is gone');
  assert.equal(rows().has('child'), true);
});

it('Executor.observe measures how long a task was in the queue', () => {
  const { host, executor, rows } = observed();
  executor.spawn(() => host.advance(20), { name: 'slow' });
  executor.spawn(new Waits(), { name: 'behind' });
  host.runUntilIdle();
  assert.equal(rows().get('behind')!.waitedMicroseconds, 20_000);
});

it('Executor.observe takes up tasks that are there already', () => {
  const host = new VirtualHost();
  const arena = Arena.create({ size: 4 * MIB });
  const executor = host.executor();
  executor.spawn(new Waits(), { name: 'old' });
  host.runUntilIdle();
  executor.spawn(new Waits(), { name: 'ready' });
  executor.observe({ arena, rows: 16 });
  executor.observe({ arena }); // Once is enough.
  const reader = new TaskReader(arena, executor.countersOffset!);
  const states = reader.read().map((row) => [row.name, row.state]);
  assert.deepEqual(states, [
    ['old', 'idle'],
    ['ready', 'scheduled'],
  ]);
});

it('close gives the memory of the counters back', async () => {
  const { host, arena, executor } = observed();
  executor.spawn(new Waits());
  host.runUntilIdle();
  const closing = executor.close();
  host.runUntilIdle();
  await closing;
  const left = arena.regions().filter(({ owner }) => owner === 'shown');
  assert.deepEqual(left, []);
  assert.throws(() => executor.observe({ arena }), { code: 'ERR_EXECUTOR_CLOSED' });
});
