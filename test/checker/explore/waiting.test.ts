/** Threads that wait: in loops, asleep, for each other, and for what never comes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type ModelName, type TestBody } from '../../../src/checker/check/index.ts';

const MODELS: readonly ModelName[] = ['sc', 'x86-tso', 'rc11', 'es', 'v8-arm64'];

/** What it comes to, under each model alike. */
function verdict(body: TestBody): string {
  const found = new Set(
    MODELS.map((model) => {
      const { failure, bounded, executions } = check({ model }, body);
      return bounded ?? failure?.kind ?? `${executions} executions`;
    }),
  );
  return [...found].join(' or ');
}

/** A lock that a thread waits for in a loop. */
function withLock(take: (word: Int32Array) => boolean, threads: number): TestBody {
  return ({ words, thread, after }) => {
    const word = words(1, 'lock');
    const count = words(1, 'count');
    for (let number = 0; number < threads; number++) {
      thread(`thread ${number}`, () => {
        while (!take(word));
        count[0] = count[0]! + 1;
        Atomics.store(word, 0, 0);
      });
    }
    after(() => assert.equal(count[0], threads));
  };
}

describe('loops that wait', () => {
  it('are no more than one round each', () => {
    const test: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('setter', () => Atomics.store(word, 0, 1));
      thread('waiter', () => {
        while (Atomics.load(word, 0) === 0);
      });
    };
    assert.equal(verdict(test), '1 executions');
  });

  it('may take a lock by comparing or by exchanging', () => {
    const compare = (word: Int32Array): boolean => Atomics.compareExchange(word, 0, 0, 1) === 0;
    const exchange = (word: Int32Array): boolean => Atomics.exchange(word, 0, 1) === 0;
    const set = (word: Int32Array): boolean => Atomics.or(word, 0, 1) === 0;
    for (const take of [compare, exchange, set]) {
      assert.equal(verdict(withLock(take, 3)), '6 executions');
    }
  });

  it('begin with their own first read, not with one before them', () => {
    const test: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('setter', () => Atomics.store(word, 0, 1));
      thread('waiter', () => {
        const isSlow = Atomics.load(word, 0) === 0;
        while (Atomics.load(word, 0) === 0);
        assert.ok(!isSlow, 'the slow way is taken');
      });
    };
    assert.equal(verdict(test), 'error');
  });

  for (const tries of [3, 50, 300]) {
    it(`are told from those that give up after ${tries} tries`, () => {
      const result = check({ model: 'sc', events: 400 }, ({ words, thread }) => {
        const word = words(1);
        thread('setter', () => Atomics.store(word, 0, 1));
        thread('waiter', () => {
          for (let left = tries; left > 0; left--) if (Atomics.load(word, 0) === 1) return;
          throw new Error('gave up');
        });
      });
      assert.equal(result.failure?.message, 'gave up');
    });
  }

  it('with more tries than events are bounded', () => {
    const result = check({ model: 'sc' }, ({ words, thread }) => {
      const word = words(1);
      thread('setter', () => Atomics.store(word, 0, 1));
      thread('waiter', () => {
        for (let left = 900; left > 0; left--) if (Atomics.load(word, 0) === 1) return;
        throw new Error('gave up');
      });
    });
    assert.equal(result.bounded, '200 events of a thread');
  });

  it('are a livelock when what they wait for never comes', () => {
    const never: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('setter', () => Atomics.store(word, 0, 2));
      thread('waiter', () => {
        while (Atomics.load(word, 0) !== 1);
      });
    };
    const passed: TestBody = ({ cell, thread }) => {
      const x = cell(0);
      thread('first', () => x.store(1));
      thread('second', () => x.store(2));
      thread('waiter', () => {
        while (x.compareExchange(1, 42) !== 1);
      });
    };
    const exchanging: TestBody = ({ words, thread }) => {
      const word = words(1);
      word[0] = 1;
      for (const name of ['one', 'other']) {
        thread(name, () => {
          while (Atomics.exchange(word, 0, 1) === 1);
        });
      }
    };
    for (const test of [never, passed, exchanging]) assert.equal(verdict(test), 'livelock');
  });
});

describe('sleeping', () => {
  it('ends when somebody wakes', () => {
    const test: TestBody = ({ words, thread, after }) => {
      const word = words(1);
      thread('waker', () => {
        Atomics.store(word, 0, 1);
        Atomics.notify(word, 0);
      });
      const sleeper = thread('sleeper', () => Atomics.wait(word, 0, 0));
      after(() => assert.ok(['ok', 'not-equal'].includes(sleeper.result)));
    };
    assert.equal(verdict(test), '2 executions');
  });

  it('for ever is a deadlock: a wake that comes too early is lost', () => {
    const test: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('waker', () => {
        Atomics.notify(word, 0);
        Atomics.store(word, 0, 1);
      });
      thread('sleeper', () => {
        while (Atomics.load(word, 0) === 0) Atomics.wait(word, 0, 0);
      });
    };
    assert.equal(verdict(test), 'deadlock');
  });

  it('wakes as many as are asked for, first come first', () => {
    const test: TestBody = ({ words, thread, after }) => {
      const word = words(2);
      const sleepers = [0, 1].map((number) =>
        thread(`sleeper ${number}`, () => {
          Atomics.add(word, 1, 1);
          return Atomics.wait(word, 0, 0);
        }),
      );
      const waker = thread('waker', () => {
        while (Atomics.load(word, 1) !== 2);
        const woken = Atomics.notify(word, 0, 1);
        Atomics.store(word, 0, 1);
        return woken + Atomics.notify(word, 0);
      });
      after(() => {
        const slept = sleepers.filter(({ result }) => result === 'ok').length;
        assert.equal(slept, waker.result);
      });
    };
    for (const model of MODELS) assert.equal(check({ model }, test).failure, undefined);
  });

  it('with a time limit ends either way', () => {
    const seen = new Set<string>();
    const result = check({ model: 'es' }, ({ words, thread, after }) => {
      const word = words(1);
      thread('waker', () => {
        Atomics.store(word, 0, 1);
        Atomics.notify(word, 0);
      });
      const sleeper = thread('sleeper', () => Atomics.wait(word, 0, 0, 10));
      after(() => void seen.add(sleeper.result));
    });
    assert.equal(result.failure, undefined);
    assert.deepEqual([...seen].sort(), ['not-equal', 'ok', 'timed-out']);
  });

  it('with a time limit and nobody to wake is no deadlock', () => {
    const test: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('sleeper', () => Atomics.wait(word, 0, 0, 10));
    };
    for (const model of MODELS) assert.equal(check({ model }, test).failure, undefined);
  });
});

describe('joining', () => {
  it('waits for the end of a thread, and sees what it did', () => {
    const test: TestBody = ({ words, thread }) => {
      const word = words(1);
      const other = thread('other', () => {
        word[0] = 1;
      });
      thread('joiner', () => {
        other.join();
        assert.equal(word[0], 1);
      });
    };
    assert.equal(verdict(test), '1 executions');
  });

  it('of each other is a deadlock', () => {
    const test: TestBody = ({ thread }) => {
      const first: { join(): void } = thread('first', () => second.join());
      const second: { join(): void } = thread('second', () => first.join());
    };
    assert.equal(verdict(test), 'deadlock');
  });
});

describe('assume', () => {
  it('lets other threads go on, so that what it waits for may come', () => {
    const test: TestBody = ({ words, thread, assume }) => {
      const word = words(1);
      thread('assuming', () => assume(Atomics.load(word, 0) === 1));
      thread('setter', () => Atomics.store(word, 0, 1));
    };
    assert.equal(verdict(test), '1 executions');
  });

  it('that never holds leaves no execution, and is no deadlock', () => {
    const test: TestBody = ({ thread, assume }) => {
      const other = thread('assuming', () => assume(false));
      thread('joiner', () => other.join());
    };
    assert.equal(verdict(test), '0 executions');
  });
});
