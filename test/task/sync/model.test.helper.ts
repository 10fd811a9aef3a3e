/** Running a primitive beside a naive model of it, step by step. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PENDING, type Future } from '../../../src/task/future/index.ts';
import { TestTask } from '../../../src/task/testing/test-task.ts';

/** A step: which action, and a number that the action makes of what it likes. */
export type Step = readonly [action: number, choice: number];

/** Programs of so many actions. */
export function programs(actions: number): fc.Arbitrary<Step[]> {
  const step = fc.tuple(fc.nat({ max: actions - 1 }), fc.nat({ max: 1000 }));
  return fc.array(step, { maxLength: 60, size: 'max' });
}

/** What a poll gave: a value, an error's code, or that it is pending. */
export type Outcome = { readonly value: unknown } | { readonly code: string } | 'pending';

/** Polls once, and says what came of it. */
export function outcome(task: TestTask<unknown>): Outcome {
  try {
    const value = task.poll();
    return value === PENDING ? 'pending' : { value };
  } catch (error) {
    return { code: (error as { code: string }).code };
  }
}

/** One future in a program, with what the model knows of it. */
export class Waiting<T, K> {
  readonly task: TestTask<T>;
  /** What the model knows: amount, value … */
  readonly known: K;
  /** As the model sees it; `chosen` was woken and finds what it waits for, or that it never will. */
  state: 'new' | 'waiting' | 'chosen' | 'refused' | 'over' = 'new';

  constructor(future: Future<T>, known: K) {
    this.task = new TestTask(future);
    this.known = known;
  }

  /** Whether it is still of interest. */
  get isOpen(): boolean {
    return this.state !== 'over';
  }
}

/** One of those that fit, or undefined when there is none. */
export function pick<T>(
  choice: number,
  all: readonly T[],
  fits: (one: T) => boolean,
): T | undefined {
  const fitting = all.filter(fits);
  return fitting.length === 0 ? undefined : fitting[choice % fitting.length];
}

/** Woken are those, and only those, that the model has chosen; the others hold one waker each. */
export function checkWakes(all: readonly Waiting<unknown, unknown>[]): void {
  for (const { task, state } of all) {
    if (state === 'chosen' || state === 'refused') assert.ok(task.isWoken, 'was not woken');
    if (state === 'waiting') assert.equal(task.isWoken, false, 'was woken too early');
    assert.equal(task.wakers, state === 'waiting' ? 1 : 0, `wakers while ${state}`);
  }
}
