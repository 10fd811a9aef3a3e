import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CancelledError } from '../errors.ts';
import { TestTask } from '../testing/test-task.ts';
import { fromPromise, futureOf, PENDING } from './index.ts';

const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('fromPromise with a function', () => {
  it('throws its error once: giving it up afterwards is nothing', async () => {
    const signals: AbortSignal[] = [];
    const task = new TestTask(
      fromPromise(async (signal) => {
        signals.push(signal);
        return Promise.reject(new Error('mine'));
      }),
    );
    assert.equal(task.poll(), PENDING);
    await settled();
    assert.throws(() => task.poll(), /^Error: mine$/);
    assert.equal(task.cancel(), true);
    assert.equal(signals[0]!.aborted, false);
  });

  it('aborts its signal when it is given up, and waits for the end', async () => {
    let end: (() => void) | undefined;
    let aborted = false;
    const task = new TestTask(
      fromPromise(async (signal) => {
        signal.addEventListener('abort', () => (aborted = true));
        return new Promise<void>((resolve) => (end = resolve));
      }),
    );
    task.poll();
    assert.equal(task.cancel(), false);
    assert.equal(aborted, true);
    end!();
    await settled();
    assert.equal(task.cancel(), true);
  });
});

describe('the promise of an async function that is given up', () => {
  it('ends without an error when it was cancelled by what it waited for', async () => {
    const error = new CancelledError('another task', undefined);
    const task = new TestTask(futureOf(Promise.reject(error), { reason: 'another one' }));
    await settled();
    assert.equal(task.cancel(), true);
  });

  it('throws what else it ended with', async () => {
    const task = new TestTask(futureOf(Promise.reject(new Error('news')), { reason: undefined }));
    await settled();
    assert.throws(() => task.cancel(), /^Error: news$/);
  });
});

describe('thenables of other make', () => {
  it('settle once, however often they say so', () => {
    const task = new TestTask(
      fromPromise({
        // oxlint-disable-next-line no-thenable -- As others make them.
        then(fulfilled: (value: number) => void, rejected: (error: unknown) => void) {
          fulfilled(1);
          rejected(new Error('again'));
          throw new Error('and again');
        },
      } as PromiseLike<number>),
    );
    assert.equal(task.poll(), 1);
  });

  it('fail when their then throws', () => {
    const broken = {
      // oxlint-disable-next-line no-thenable -- As others make them.
      then() {
        throw new Error('broken');
      },
    } as unknown as PromiseLike<number>;
    assert.throws(() => new TestTask(fromPromise(broken)).poll(), /^Error: broken$/);
  });
});
