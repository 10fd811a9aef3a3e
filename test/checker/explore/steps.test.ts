/** What is one step, and what is several: tearing, alignment, what may stand in a step. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type ModelName, type TestBody } from '../../../src/checker/check/index.ts';

/** What a thread can find, in order. */
function found(
  model: ModelName,
  body: (context: Parameters<TestBody>[0]) => { result: number },
): number[] {
  const results = new Set<number>();
  const { failure, bounded } = check({ model }, (context) => {
    const reader = body(context);
    context.after(() => void results.add(reader.result));
  });
  assert.deepEqual([failure, bounded], [undefined, undefined]);
  return [...results].sort((one, other) => one - other);
}

describe('accesses that are not aligned', () => {
  const body = ({ shared, thread }: Parameters<TestBody>[0]): { result: number } => {
    const view = new DataView(shared(8));
    thread('writer', () => view.setUint16(1, 0x0101));
    return thread('reader', () => view.getUint16(1));
  };

  it('are several on machines', () => {
    for (const model of ['x86-tso', 'v8-x64', 'v8-arm64', 'armv8', 'riscv', 'es'] as const) {
      assert.deepEqual(found(model, body), [0, 0x0001, 0x0100, 0x0101], model);
    }
  });

  it('are one where everything is one thing after another', () => {
    assert.deepEqual(found('sc', body), [0, 0x0101]);
  });
});

describe('accesses that may be torn', () => {
  it('are at each place where they race', () => {
    const body = ({ shared, thread }: Parameters<TestBody>[0]): { result: number } => {
      const view = new DataView(shared(4));
      thread('first', () => view.getUint16(0));
      thread('writer', () => {
        view.setUint16(0, 0x0202);
        view.setUint16(2, 0x0101);
      });
      return thread('second', () => view.getUint16(2));
    };
    assert.deepEqual(found('es', body), [0, 0x0001, 0x0100, 0x0101]);
  });

  it('are not where atomic accesses need the whole, and it is said', () => {
    const { bounded } = check({ model: 'es' }, ({ shared, thread }) => {
      const buffer = shared(4);
      const [view, words] = [new DataView(buffer), new Int32Array(buffer)];
      thread('writer', () => view.setInt32(0, -1));
      thread('reader', () => Atomics.load(words, 0));
    });
    assert.match(bounded ?? '', /^no tearing where/);
  });
});

describe('a read-modify-write', () => {
  it('has no access inside of it', () => {
    const body: TestBody = ({ cell, thread }) => {
      const [counter, other] = [cell(0), cell(0)];
      thread('one', () => void counter.update((value) => value + other.load()));
    };
    assert.throws(() => check({}, body), { code: 'ERR_CHECKER_USE' });
  });

  it('may throw, and others come after it', () => {
    const body = ({ cell, thread }: Parameters<TestBody>[0]): { result: number } => {
      const counter = cell(1);
      return thread('one', () => {
        assert.throws(() =>
          counter.update(() => {
            throw new Error('not this one');
          }),
        );
        return counter.update((value) => value + 1);
      });
    };
    assert.deepEqual(found('rc11', body), [1]);
  });
});

describe('a compare-and-exchange under the specification', () => {
  it('may succeed on a plain write that comes after it in the memory order', () => {
    const results = new Set<string>();
    const { bounded } = check({ model: 'es' }, ({ words, thread, after }) => {
      const [x, y] = [words(1, 'x'), words(1, 'y')];
      thread('writer', () => {
        Atomics.store(x, 0, 2);
        Atomics.load(x, 0);
        y[0] = 1;
      });
      const updater = thread('updater', () => {
        const found = Atomics.compareExchange(y, 0, 1, 2);
        return `${found} ${Atomics.load(x, 0)}`;
      });
      after(() => void results.add(updater.result));
    });
    assert.equal(bounded, undefined);
    assert.deepEqual([...results].sort(), ['0 0', '0 2', '1 0', '1 2']);
  });
});

describe('a wait', () => {
  it('fails where nobody has written', () => {
    const { failure } = check({ model: 'sc' }, ({ shared, thread }) => {
      const words = new Int32Array(shared(4, 'words', { uninitialised: true }));
      thread('sleeper', () => Atomics.wait(words, 0, 1));
      thread('waker', () => Atomics.store(words, 0, 1));
    });
    assert.equal(failure?.kind, 'uninitialised');
  });

  it('is refused at a part of what others sleep at', () => {
    const body: TestBody = ({ shared, thread }) => {
      const buffer = shared(8);
      const [wide, narrow] = [new BigInt64Array(buffer), new Int32Array(buffer)];
      thread('sleeper', () => Atomics.wait(wide, 0, 0n));
      thread('waker', () => Atomics.notify(narrow, 0));
    };
    assert.throws(() => check({ model: 'sc' }, body), { code: 'ERR_CHECKER_UNSUPPORTED' });
  });
});

describe('locks', () => {
  it('that two threads take in different order are a deadlock, of these locks', () => {
    const { failure } = check({ model: 'sc' }, ({ lock, thread }) => {
      const [left, right] = [lock('left'), lock('right')];
      for (const [name, first, second] of [
        ['one', left, right],
        ['other', right, left],
      ] as const) {
        thread(name, () => {
          first.acquire();
          second.acquire();
          second.release();
          first.release();
        });
      }
    });
    assert.equal(failure?.kind, 'deadlock');
    assert.equal(
      failure.message,
      'one waits for right, which other has; other waits for left, which one has',
    );
  });
});

describe('places of loops', () => {
  it('are told apart whatever a test makes of stacks', () => {
    const body = ({ words, thread }: Parameters<TestBody>[0]): { result: number } => {
      const word = words(1);
      word[0] = 1;
      thread('setter', () => Atomics.store(word, 0, 0));
      return thread('waiter', () => {
        let early = 0;
        for (let left = 2; left > 0 && early === 0; left--) {
          if (Atomics.load(word, 0) === 0) early = 1;
        }
        while (Atomics.load(word, 0) !== 0);
        return early;
      });
    };
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    Error.prepareStackTrace = () => 'nowhere';
    try {
      assert.deepEqual(found('sc', body), [0, 1]);
    } finally {
      Reflect.deleteProperty(Error, 'prepareStackTrace');
      if (before !== undefined) Object.defineProperty(Error, 'prepareStackTrace', before);
    }
  });
});
