import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check } from '../check/check.ts';
import type { ModelName } from '../check/models.ts';
import type { TestBody } from '../program/test.ts';
import { type Step, stepsOf } from './steps.ts';

/** Kinds of the steps of each thread, in the last execution that there is. */
function kindsOf(body: TestBody, model: ModelName = 'sc'): string[] {
  const steps = allSteps(body, model);
  return steps.map((own) => own.map(({ kind }) => kind).join(' '));
}

function allSteps(body: TestBody, model: ModelName): readonly (readonly Step[])[] {
  const { failure } = check({ model }, body);
  assert.ok(failure?.trace);
  return stepsOf(failure.trace);
}

describe('stepsOf', () => {
  test('makes one of both halves of a read-modify-write, and of a failed one', () => {
    const body: TestBody = ({ words, thread }) => {
      const box = words(1);
      thread('a', () => {
        Atomics.add(box, 0, 1);
        Atomics.compareExchange(box, 0, 7, 8);
        box[0]! += 1;
        throw new Error('here');
      });
    };
    assert.deepEqual(kindsOf(body), ['update update read write']);
    const [[add, exchange]] = allSteps(body, 'sc') as [[Step, Step]];
    assert.deepEqual([add.read?.value, add.write?.value], [0, 1]);
    assert.deepEqual([exchange.read?.value, exchange.write], [1, undefined]);
  });

  test('tells wait and notify without their queues', () => {
    const body: TestBody = ({ words, thread, after }) => {
      const box = words(1);
      const sleeper = thread('sleeper', () => Atomics.wait(box, 0, 0));
      thread('waker', () => {
        Atomics.notify(box, 0, 0);
        Atomics.store(box, 0, 1);
        return Atomics.notify(box, 0);
      });
      after(() => {
        if (sleeper.result === 'ok') throw new Error('woken');
      });
    };
    assert.deepEqual(kindsOf(body), ['sleep wake', 'notify write notify']);
    const [, [early, , late]] = allSteps(body, 'sc') as [Step[], [Step, Step, Step]];
    assert.deepEqual(early.woken, []);
    assert.deepEqual(late.woken, [0]);
    assert.equal(late.location, 'words[0]');
  });

  test('tells that time is up, and not that it is not', () => {
    const waits = (wanted: string): TestBody => {
      return ({ words, thread, after }) => {
        const box = words(1);
        const sleeper = thread('sleeper', () => Atomics.wait(box, 0, 0, 5));
        thread('waker', () => Atomics.notify(box, 0));
        after(() => {
          if (sleeper.result === wanted) throw new Error(wanted);
        });
      };
    };
    assert.deepEqual(kindsOf(waits('timed-out'))[0], 'sleep timeout');
    assert.deepEqual(kindsOf(waits('ok'))[0], 'sleep wake');
  });

  test('keeps choices, joins and fences', () => {
    const body: TestBody = ({ thread, choose, fence }) => {
      const first = thread('first', () => choose(2));
      thread('second', () => {
        first.join();
        fence('seq_cst');
        throw new Error('here');
      });
    };
    assert.deepEqual(kindsOf(body), ['choice', 'join fence']);
  });
});
