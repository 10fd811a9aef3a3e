import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../src/memory/index.ts';
import { PENDING } from '../../src/task/index.ts';
import { TestTask } from '../../src/task/testing/test-task.ts';
import { Buffers } from '../../src/runtime/index.ts';
import type { Chunk } from '../../src/runtime/index.ts';

const arena = Arena.create({ size: 4 << 20 });
const SIZE = 64 * 1024;

function make(): Buffers {
  return new Buffers(arena, 'test', SIZE, () => undefined);
}

test('Buffers take no memory before they are used, and give it back at the end', () => {
  const before = arena.regions().length;
  const buffers = make();
  assert.equal(arena.regions().length, before);
  const chunk = buffers.acquire(1000)!;
  assert.equal(arena.regions().length, before + 1);
  assert.equal(buffers.held, 1024);
  buffers.close();
  assert.equal(arena.regions().length, before + 1, 'somebody holds some of it');
  chunk.release();
  assert.equal(arena.regions().length, before);
  assert.throws(() => buffers.acquire(1), { code: 'ERR_DRIVER_CLOSED' });
});

test('Buffers.wait serves those who wait in their order', () => {
  const buffers = make();
  const all = buffers.acquire(SIZE)!;
  const tasks = [1, 2, 3].map(() => new TestTask(buffers.wait(SIZE / 2)));
  for (const task of tasks) assert.equal(task.poll(), PENDING);
  all.release();
  assert.deepEqual(
    tasks.map(({ isWoken }) => isWoken),
    [true, false, false],
  );
  const first = tasks[0]!.poll() as Chunk;
  assert.ok(tasks[1]!.isWoken, 'there is more');
  const second = tasks[1]!.poll() as Chunk;
  assert.ok(tasks[2]!.isWoken);
  assert.equal(tasks[2]!.poll(), PENDING);
  first.release();
  const third = tasks[2]!.poll() as Chunk;
  second.release();
  third.release();
  assert.deepEqual(
    tasks.map(({ wakers }) => wakers),
    [0, 0, 0],
  );
  buffers.close();
});

test('Buffers.wait passes the word on when it is given up', () => {
  const buffers = make();
  const all = buffers.acquire(SIZE)!;
  const first = new TestTask(buffers.wait(100));
  const second = new TestTask(buffers.wait(100));
  first.poll();
  second.poll();
  all.release();
  assert.ok(first.isWoken && !second.isWoken);
  assert.ok(first.cancel());
  assert.ok(second.isWoken);
  (second.poll() as Chunk).release();
  assert.ok(new TestTask(buffers.wait(1)).cancel(), 'giving up what never began');
  buffers.close();
});

test('Buffers.wait refuses what can never be', () => {
  const buffers = make();
  for (const size of [0, -1, 1.5, SIZE + 1]) {
    assert.throws(() => buffers.wait(size), { name: 'RangeError', code: 'ERR_OPTION_RANGE' });
  }
  buffers.acquire(1)!.release();
  buffers.close();
});

test('Buffers never let somebody wait while there is memory for the first', () => {
  const step = fc.record({ kind: fc.constantFrom('wait', 'release', 'cancel'), pick: fc.nat() });
  const steps = fc.array(step, { maxLength: 60 });
  fc.assert(
    fc.property(steps, (program) => {
      const buffers = make();
      const waiting: { task: TestTask<Chunk>; size: number }[] = [];
      const held: Chunk[] = [];
      /** Polls the woken, as an executor would. */
      const settle = (): void => {
        for (let again = true; again;) {
          again = false;
          for (const entry of [...waiting]) {
            if (!entry.task.isWoken) continue;
            again = true;
            const chunk = entry.task.poll();
            if (chunk === PENDING) continue;
            waiting.splice(waiting.indexOf(entry), 1);
            held.push(chunk);
          }
        }
      };
      for (const { kind, pick } of program) {
        if (kind === 'wait') {
          const size = 1 + (pick % SIZE);
          const task = new TestTask(buffers.wait(size));
          const chunk = task.poll();
          if (chunk === PENDING) waiting.push({ task, size });
          else held.push(chunk);
        } else if (kind === 'release' && held.length > 0) {
          held.splice(pick % held.length, 1)[0]!.release();
        } else if (kind === 'cancel' && waiting.length > 0) {
          waiting.splice(pick % waiting.length, 1)[0]!.task.cancel();
        }
        settle();
        assert.ok(held.length > 0 || waiting.length === 0, 'all memory is free, nobody waits');
      }
      while (held.length > 0) {
        held.pop()!.release();
        settle();
      }
      assert.equal(waiting.length, 0);
      assert.equal(buffers.held, 0);
      buffers.close();
    }),
    { numRuns: 200 },
  );
});
