/** A virtual clock for the tests of this folder, and times that are checked. */
import assert from 'node:assert/strict';
import type { Executor } from '../executor/executor.ts';
import { PENDING, type Future } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { VirtualHost } from '../testing/virtual-host.ts';

/** A host with its executor, whose clock stands still, and tasks to poll by hand. */
export class Clock {
  readonly host: VirtualHost;
  readonly executor: Executor;

  constructor(start = 0) {
    this.host = new VirtualHost({ start, autoAdvance: false });
    this.executor = this.host.executor();
    this.host.advance(0);
  }

  get now(): number {
    return this.host.now();
  }

  /** What is made in here belongs to the executor; it is polled by hand. */
  test<T>(make: () => Future<T>): TestTask<T> {
    return new TestTask(this.host.enter(make));
  }

  /** Moves the clock, and runs what is ready then. */
  advance(ms: number): void {
    this.host.advance(ms);
  }

  /** Moves the clock to a time. */
  advanceTo(time: number): void {
    this.host.advance(time - this.now);
  }
}

/** A poll that must be pending. */
export function assertPending(task: TestTask<unknown>): void {
  assert.equal(task.poll(), PENDING);
}

/** A poll that must not be. */
export function assertReady<T>(task: TestTask<T>): T {
  const value = task.poll();
  assert.notEqual(value, PENDING);
  return value as T;
}
