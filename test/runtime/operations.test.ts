/** Operations as futures, by the simulated driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno, SystemError } from '../../src/base/index.ts';
import type { Driver, Handle, OperationId } from '../../src/driver/index.ts';
import { Operation, simulateRuntime, type Reactor } from '../../src/runtime/index.ts';
import {
  attempt,
  join,
  PENDING,
  sleep,
  spawn,
  yieldNow,
  type Coroutine,
} from '../../src/task/index.ts';
import { TestTask } from '../../src/task/testing/test-task.ts';

/** A timeout of the driver, and a log of what happened to it. */
class Timeout extends Operation<number> {
  readonly log: string[] = [];
  readonly #milliseconds: number;

  constructor(reactor: Reactor, milliseconds: number) {
    super(reactor);
    this.#milliseconds = milliseconds;
  }

  protected submit(driver: Driver, token: number): OperationId {
    const id = driver.timeout(this.#milliseconds, token);
    this.log.push(id > 0 ? 'taken' : 'refused');
    return id;
  }

  protected finish(result: number): number {
    this.log.push('finish');
    if (result < 0) throw new SystemError('timeout', -result);
    return result;
  }

  protected override discard(): void {
    this.log.push('discard');
  }

  protected override released(): void {
    this.log.push('released');
  }
}

class Open extends Operation<Handle> {
  protected submit(driver: Driver, token: number): OperationId {
    return driver.openFile('/file', { access: 'read-write', create: true }, token);
  }
  protected finish(result: number): Handle {
    if (result < 0) throw new SystemError('open', -result);
    return result;
  }
  protected override discard(handle: Handle): void {
    this.reactor.closeLater(handle);
  }
}

test('Operation does nothing until it is polled, then ends once', () => {
  const { reactor } = simulateRuntime();
  const operation = new Timeout(reactor, 5);
  assert.equal(reactor.flying, 0);
  const task = new TestTask(operation);
  assert.equal(task.poll(), PENDING);
  assert.equal(task.poll(), PENDING);
  assert.equal(reactor.flying, 1);
  assert.ok(!task.isWoken);
  while (reactor.driver.turn() === 0);
  assert.ok(task.isWoken);
  assert.equal(task.poll(), 0);
  assert.deepEqual(operation.log, ['taken', 'released', 'finish']);
  assert.throws(() => task.poll(), { code: 'ERR_TASK_OVER' });
  assert.ok(task.cancel(), 'of what is over does nothing');
  assert.equal(task.wakers, 0);
});

test('Operation that is given up is over at the final completion', () => {
  const { reactor } = simulateRuntime();
  const operation = new Timeout(reactor, 1000);
  const task = new TestTask(operation);
  task.poll();
  assert.equal(task.cancel(), false);
  assert.deepEqual(operation.log, ['taken'], 'the memory is the kernel’s until then');
  while (reactor.driver.turn() === 0);
  assert.ok(task.isWoken);
  assert.ok(task.cancel());
  assert.deepEqual(operation.log, ['taken', 'released']);
  assert.equal(task.wakers, 0);
  assert.ok(reactor.driver.now() < 1000);
});

test('Operation that is given up before its poll, or after its completion, releases too', () => {
  const { reactor } = simulateRuntime();
  const never = new Timeout(reactor, 1);
  assert.ok(new TestTask(never).cancel());
  assert.deepEqual(never.log, ['released']);
  const late = new Timeout(reactor, 1);
  const task = new TestTask(late);
  task.poll();
  while (reactor.driver.turn() === 0);
  assert.ok(task.cancel());
  assert.deepEqual(late.log, ['taken', 'released', 'discard']);
});

test('Operation does not start without budget', () => {
  const { reactor } = simulateRuntime();
  const task = new TestTask(new Timeout(reactor, 1));
  task.budget = 0;
  assert.equal(task.poll(), PENDING);
  assert.ok(task.isWoken);
  assert.equal(reactor.flying, 0);
});

test('Operation that the driver refuses for good throws, and releases', () => {
  const { reactor } = simulateRuntime();
  const operation = new Timeout(reactor, -1);
  const task = new TestTask(operation);
  assert.throws(() => task.poll(), { errno: Errno.EINVAL });
  assert.deepEqual(operation.log, ['refused', 'released', 'finish']);
  assert.equal(reactor.flying, 0);
});

test('a full table makes operations wait, first come first served', async () => {
  await using runtime = simulateRuntime({ driver: { operations: 16 } });
  const { reactor } = runtime;
  const order: number[] = [];
  await runtime.run(function* (): Coroutine<void> {
    const tasks = Array.from({ length: 100 }, (_, i) =>
      spawn(function* (): Coroutine<void> {
        yield* new Timeout(reactor, 1);
        order.push(i);
      }),
    );
    tasks[50]!.abort();
    yield* attempt(tasks[50]!);
    yield* join(tasks.filter((_, i) => i !== 50));
  });
  const expected = Array.from({ length: 100 }, (_, i) => i).filter((i) => i !== 50);
  assert.deepEqual(order, expected);
});

test('an operation that waits for room can be given up', async () => {
  await using runtime = simulateRuntime({ driver: { operations: 16 } });
  const { reactor } = runtime;
  const operations = Array.from({ length: 40 }, () => new Timeout(reactor, 1000));
  await runtime.run(function* (): Coroutine<void> {
    const tasks = operations.map((operation) => spawn(operation));
    yield* yieldNow();
    for (const task of tasks) task.abort();
    for (const task of tasks) yield* attempt(task);
  });
  for (const { log } of operations) assert.equal(log.at(-1), 'released');
  while (runtime.step());
  assert.equal(reactor.flying, 0);
});

test('files that were opened while being given up are closed, whatever the moment', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const faults = { cancelRaces: 0.5, delayedCancels: 0.5, reordering: 0.3 };
    await using runtime = simulateRuntime({ seed, faults });
    const { reactor } = runtime;
    await runtime.run(function* (): Coroutine<void> {
      const tasks = Array.from({ length: 10 }, () => spawn(new Open(reactor)));
      yield* sleep(seed % 3 === 0 ? 0 : 0.02);
      for (const task of tasks) task.abort();
      for (const task of tasks) {
        const opened = yield* attempt(task);
        if (opened.ok) reactor.closeLater(opened.value);
      }
      yield* sleep(10);
    });
    assert.equal(reactor.driver.usage().files, 0, `seed ${seed}`);
  }
});

test('operations of a closed reactor throw', async () => {
  const runtime = simulateRuntime();
  const operation = new Timeout(runtime.reactor, 1);
  await runtime.close();
  assert.throws(() => new TestTask(operation).poll(), { code: 'ERR_DRIVER_CLOSED' });
  assert.deepEqual(operation.log, ['released']);
});
