import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CheckError, type ModelName, type TestBody } from '../../../src/checker/check/index.ts';
import { any, assume, prove } from '../../../src/checker/prove/index.ts';

/** The harness that everybody knows: who sees x expects y to be there. */
function harness(isRepaired: boolean): TestBody {
  return ({ cell, thread }) => {
    const [x, y] = [cell(0, 'x'), cell(0, 'y')];
    thread('writer', () => {
      if (isRepaired) y.store(42, 'relaxed');
      x.store(1, 'release');
      if (!isRepaired) y.store(42, 'relaxed');
    });
    thread('reader', () => {
      if (x.load('acquire') === 1) assert.equal(y.load('relaxed'), 42, 'x is there and y is not');
    });
  };
}

function refutation(body: TestBody, model: ModelName = 'sc'): CheckError {
  try {
    prove(body, { model });
  } catch (error) {
    assert.ok(error instanceof CheckError);
    return error;
  }
  throw new Error('it was proved');
}

/** How many values a kind has, in how many executions. */
function values(take: () => unknown): unknown[] {
  const seen: unknown[] = [];
  const { executions } = prove(({ after }) => {
    const value = take();
    after(() => void seen.push(value));
  });
  assert.equal(executions, seen.length);
  assert.equal(new Set(seen.map(String)).size, seen.length);
  return seen;
}

describe('prove', () => {
  for (const model of ['rc11', 'armv8', 'riscv', 'es', 'v8-arm64'] as const) {
    it(`refutes x before y with a trace, and proves y before x, under ${model}`, () => {
      const { failure } = refutation(harness(false), model).result;
      assert.match(failure!.message, /^x is there and y is not/);
      const { trace } = failure!;
      assert.deepEqual(trace?.threads, ['writer', 'reader']);
      const read = trace.events.filter(({ kind, thread }) => kind === 'read' && thread === 1);
      assert.deepEqual(
        read.map(({ location, value }) => [location, value]),
        [
          ['x', 1],
          ['y', 0],
        ],
      );
      assert.equal(prove(harness(true), { model }).bounded, undefined);
    });
  }

  it('needs release where it says so', () => {
    const relaxed: TestBody = ({ cell, thread }) => {
      const [x, y] = [cell(0), cell(0)];
      thread('writer', () => {
        y.store(42, 'relaxed');
        x.store(1, 'relaxed');
      });
      thread('reader', () => {
        if (x.load('acquire') === 1) assert.equal(y.load('relaxed'), 42);
      });
    };
    for (const model of ['rc11', 'armv8', 'riscv'] as const) refutation(relaxed, model);
    assert.equal(prove(relaxed, { model: 'x86-tso' }).failure, undefined);
  });

  it('says which inputs fail', () => {
    const { result } = refutation(() => {
      const value = any.u8();
      assume(value < 17);
      assert.ok(value * value <= 225);
    });
    assert.deepEqual(result.failure?.inputs, [16]);
  });

  it('is not satisfied with a part', () => {
    const body: TestBody = ({ thread }) => void thread('idle', () => any.u8());
    assert.throws(() => prove(body, { executions: 10 }), { code: 'ERR_CHECKER_FAILED' });
  });

  it('proves a function for each of its inputs', () => {
    const { executions } = prove(() => {
      const [left, right] = [any.int(-8, 7), any.int(-8, 7)];
      const mean = (left & right) + ((left ^ right) >> 1);
      assert.equal(mean, Math.floor((left + right) / 2));
    });
    assert.equal(executions, 256);
  });
});

describe('any', () => {
  it('has every value of a kind, once', () => {
    assert.deepEqual(
      values(() => any.bool()),
      [false, true],
    );
    assert.equal(values(() => any.u8()).length, 256);
    assert.deepEqual(values(() => any.i8()).slice(0, 2), [-128, -127]);
    assert.equal(values(() => any.u16()).length, 65_536);
    assert.deepEqual(
      values(() => any.int(3, 5)),
      [3, 4, 5],
    );
    assert.deepEqual(
      values(() => any.of('a', 'b')),
      ['a', 'b'],
    );
    assert.equal(values(() => any.array(3, () => any.bool())).length, 8);
  });

  it('is taken by threads too, each for itself', () => {
    const { executions } = prove(({ thread }) => {
      thread('one', () => any.int(0, 2));
      thread('other', () => any.bool());
    });
    assert.equal(executions, 6);
  });

  it('refuses what has no values, and other places than tests', () => {
    assert.throws(() => prove(() => void any.int(3, 2)), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => prove(() => void any.of()), { code: 'ERR_OPTION_TYPE' });
    assert.throws(() => any.bool(), { code: 'ERR_CHECKER_USE' });
    assert.throws(() => assume(false), { code: 'ERR_CHECKER_USE' });
  });

  it('proves nothing of what is asked about nowhere', () => {
    const nowhere = refutation(() => assume(any.u8() > 255));
    assert.match(nowhere.message, /nothing was looked at: `assume` holds in no execution/);
    assert.equal(prove(() => assume(any.u8() > 254)).executions, 1);
  });
});
