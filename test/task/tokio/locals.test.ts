/** Values that tasks carry. After tokio's task_local, task_id and task_builder tests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  attempt,
  PENDING,
  pollFn,
  TaskLocal,
  VirtualHost,
  yieldNow,
  type Coroutine,
} from '../../../src/task/index.ts';

const local = new TaskLocal<string>();

describe('tokio task_local', () => {
  it('local, get_value: each has its own, at every poll, and nothing outside', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    const see = function* (): Coroutine<(string | undefined)[]> {
      const before = local.get();
      yield* yieldNow();
      return [before, local.get()];
    };
    const [a, b] = ['a', 'b'].map((value) => executor.spawn(local.with(value, see())));
    const c = executor.spawn(see());
    const seen = host.run(function* () {
      return [yield* a!, yield* b!, yield* c];
    });
    assert.deepEqual(seen, [
      ['a', 'a'],
      ['b', 'b'],
      [undefined, undefined],
    ]);
    assert.equal(local.get(), undefined);
  });

  it('is inherited by tasks that are spawned inside, and hidden by an inner value', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    const spawned = function* (): Coroutine<string | undefined> {
      return yield* executor.spawn(function* () {
        yield* yieldNow();
        return local.get();
      });
    };
    const seen = host.run(
      local.with(
        'outer',
        (function* () {
          const inner = yield* local.with('inner', spawned());
          return [inner, yield* spawned(), local.get()];
        })(),
      ),
    );
    assert.deepEqual(seen, ['inner', 'outer', 'outer']);
  });

  it('task_local_available_on_abort: it is there while a task cleans up', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    const seen: unknown[] = [];
    const task = executor.spawn(
      local.with(
        'here',
        (function* () {
          try {
            yield* pollFn(() => PENDING);
          } finally {
            seen.push(local.get());
            yield* yieldNow();
            seen.push(local.get());
          }
        })(),
      ),
    );
    host.runUntilIdle();
    task.abort();
    host.run(() => attempt(task));
    assert.deepEqual(seen, ['here', 'here']);
  });
});

describe('tokio task_id, task_builder', () => {
  it('task_id_collision_current_thread: each task has an id of its own, also after others ended', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    const ids = new Set<number>();
    for (let i = 0; i < 3; i++) {
      const tasks = Array.from({ length: 50 }, () => executor.spawn(() => undefined));
      for (const { id } of tasks) ids.add(id);
      host.runUntilIdle();
    }
    assert.equal(ids.size, 150);
  });

  it('spawn_with_name, spawn_without_name: given, or that of the function', () => {
    const host = new VirtualHost();
    const executor = host.executor();
    function reader(): void {
      // It is the name that counts.
    }
    assert.equal(executor.spawn(reader, { name: 'first' }).name, 'first');
    const [named, unnamed] = [executor.spawn(reader), executor.spawn(pollFn(() => undefined))];
    host.runUntilIdle();
    assert.deepEqual([named.name, unnamed.name], ['reader', '']);
  });
});
