import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  check,
  findRepairs,
  type ModelName,
  repairText,
  type TestBody,
} from '../../../src/checker/index.ts';
import * as cases from './cases.ts';

/** What helps, with places left open. */
function repairs(model: ModelName, body: TestBody): string[] {
  const { found } = findRepairs({ model }, body, check({ model }, body));
  return found.map((repair) => repairText(repair).replaceAll(/\S*\bcases\.[tj]s:\d+/g, 'N'));
}

describe('findRepairs', () => {
  test('one access made atomic', () => {
    for (const model of ['es', 'armv8', 'riscv', 'v8-arm64'] as const) {
      const found = repairs(model, cases.halfMessage);
      assert.match(
        found[0]!,
        /^It would pass if the read of box\[1\] at N were an Atomics\.load \(/,
      );
    }
  });

  test('one order made stronger, and not more than it takes', () => {
    assert.deepEqual(repairs('rc11', cases.cells), [
      'It would pass if the write of flag at N were release instead of relaxed ' +
        '(complete: 2 executions)',
    ]);
  });

  test('both sides of a message', () => {
    assert.deepEqual(repairs('es', cases.message), [
      'It would pass if the write of box[1] at N and the read of box[1] at N went through Atomics ' +
        '(complete: 2 executions)',
    ]);
  });

  test('all that one line writes', () => {
    const body: TestBody = ({ words, thread }) => {
      const data = words(6, 'data');
      const flag = words(1, 'flag');
      const put = (to: Int32Array, index: number): void => {
        to[index] = 1;
      };
      thread('writer', () => {
        for (let index = 0; index < 6; index++) put(data, index);
        put(flag, 0);
      });
      thread('reader', () => {
        if (Atomics.load(flag, 0) === 1 && data[0] === 0) throw new Error('half');
      });
    };
    assert.match(
      repairs('v8-arm64', body)[0]!,
      /^It would pass if the write of data.0., data.1., data.2. and 4 others at \S+ were an At/,
    );
  });

  test('store buffering: two stores on x86, all four accesses in the text of the standard', () => {
    const [store] = repairs('x86-tso', cases.storeBuffering);
    assert.match(
      store!,
      /the write of flags\[0\] at N and the write of flags\[1\] at N went through/,
    );
    const [all] = repairs('es', cases.storeBuffering);
    assert.equal(all!.match(/flags\[/g)!.length, 4);
  });

  test('a read and a write that are to be one step', () => {
    for (const model of ['sc', 'x86-tso', 'armv8', 'es'] as const) {
      assert.deepEqual(repairs(model, cases.counting), [
        'It would pass if the read and the write of count[0] at N were one step, such as ' +
          'Atomics.add, or a loop with Atomics.compareExchange (complete: 2 executions)',
      ]);
    }
  });

  test('a fence', () => {
    const body: TestBody = ({ cell, thread, after, fence }) => {
      const [x, y] = [cell(0, 'x'), cell(0, 'y')] as const;
      const left = thread('left', () => {
        x.store(1, 'release');
        return y.load('acquire');
      });
      const right = thread('right', () => {
        y.store(1, 'release');
        fence('seq_cst');
        return x.load('acquire');
      });
      after(() => {
        if (left.result === 0 && right.result === 0) throw new Error('both came in');
      });
    };
    assert.equal(repairs('x86-tso', body).length, 1);
    const result = check({ model: 'rc11' }, body);
    const { found } = findRepairs({ model: 'rc11' }, body, result);
    assert.equal(found[0]?.kind, 'fence');
    assert.match(repairText(found[0]), /a full fence stood right before the read of y at \S+ \(/);
  });

  test('says what was tried when nothing helps, and touches nothing', () => {
    const result = check({ model: 'sc' }, cases.lostWake);
    const { found, tried } = findRepairs({ model: 'sc' }, cases.lostWake, result);
    assert.deepEqual(found, []);
    assert.equal(tried, 0);
    const es = findRepairs({ model: 'es' }, cases.timedOut, check({ model: 'es' }, cases.timedOut));
    assert.deepEqual(es.found, []);
    // As before: what was tried is gone.
    assert.equal(check({ model: 'sc' }, cases.lostWake).failure?.kind, 'deadlock');
  });

  test('stays within its executions', () => {
    const result = check({ model: 'es' }, cases.message);
    const { found } = findRepairs({ model: 'es' }, cases.message, result, { executions: 1 });
    for (const { bounded } of found) assert.notEqual(bounded, undefined);
  });
});
