/**
 * What a checked test is told of: faults, races, errors, and tests that are not as they must be.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  check,
  type CheckOptions,
  type FailureKind,
  type ModelName,
  type TestBody,
} from '../../../src/checker/check/index.ts';

const MODELS: readonly ModelName[] = ['sc', 'x86-tso', 'rc11', 'es', 'v8-arm64', 'armv8', 'riscv'];

/** Checks under each model that a test fails in one way, or does not. */
function comesTo(kind: FailureKind | undefined, body: TestBody, message?: RegExp): void {
  for (const model of MODELS) {
    const { failure } = check({ model, races: 'allow' }, body);
    assert.equal(failure?.kind, kind, `under ${model}: ${failure?.message}`);
    if (message !== undefined) assert.match(failure!.message, message);
  }
}

describe('elements beyond a view', () => {
  for (const index of [2, -1, 1.5, NaN, 2 ** 32]) {
    it(`fail where ${index} is read`, () => {
      const test: TestBody = ({ words, thread }) => {
        const view = words(2, 'view');
        thread('reader', () => view[index]);
      };
      comesTo('range', test, /of the Int32Array of length 2 on view/);
    });
  }

  it('fail where they are written, even if the thread catches everything', () => {
    comesTo('range', ({ words, thread }) => {
      const view = words(2).subarray(0, 1);
      thread('writer', () => {
        try {
          view[1] = 7;
        } catch {
          return 'caught';
        }
        return 'not noticed';
      });
    });
  });

  it('are undefined as ever while the test is set up and at its end', () => {
    comesTo(undefined, ({ words, after }) => {
      const view = words(2);
      assert.equal(view[2], undefined);
      after(() => assert.equal(view[2], undefined));
    });
  });

  it('throw where Atomics and DataView do', () => {
    comesTo('error', ({ words, thread }) => {
      const view = words(2);
      thread('reader', () => Atomics.load(view, 2));
    });
    comesTo('error', ({ shared, thread }) => {
      const view = new DataView(shared(8));
      thread('reader', () => view.getInt32(5));
    });
  });
});

describe('memory that nobody has written', () => {
  /** A message in garbage, published by a flag. */
  function published(flagFirst: boolean): TestBody {
    return ({ shared, words, thread }) => {
      const message = new Int32Array(shared(4, 'message', { uninitialised: true }));
      const flag = words(1, 'flag');
      thread('writer', () => {
        if (flagFirst) Atomics.store(flag, 0, 1);
        message[0] = 42;
        if (!flagFirst) Atomics.store(flag, 0, 1);
      });
      thread('reader', () => (Atomics.load(flag, 0) === 1 ? message[0] : undefined));
    };
  }

  it('fails where it is read', () => comesTo('uninitialised', published(true), /message/));
  it('is well once it is written', () => comesTo(undefined, published(false)));

  it('is written by the set-up, byte by byte', () => {
    const reading = (size: 1 | 2): TestBody => {
      return ({ shared, thread }) => {
        const buffer = shared(4, 'bytes', { uninitialised: true });
        new Uint8Array(buffer)[0] = 0;
        const view = size === 1 ? new Uint8Array(buffer) : new Uint16Array(buffer);
        thread('reader', () => view[0]);
        thread('writer', () => void (view[1] = 1));
      };
    };
    comesTo(undefined, reading(1));
    comesTo('uninitialised', reading(2));
  });

  it('fails where it is modified', () => {
    comesTo('uninitialised', ({ shared, thread }) => {
      const words = new Int32Array(shared(4, 'count', { uninitialised: true }));
      thread('adder', () => Atomics.add(words, 0, 1));
    });
  });
});

describe('locks', () => {
  it('are held by one thread at a time, which sees what was done before', () => {
    comesTo(undefined, ({ lock, words, thread, after }) => {
      const guard = lock('guard');
      const count = words(1, 'count');
      for (const name of ['one', 'other']) {
        thread(name, () => {
          guard.acquire();
          count[0] = count[0]! + 1;
          guard.release();
        });
      }
      after(() => assert.equal(count[0], 2));
    });
    const { failure } = check({ model: 'rc11' }, ({ lock, words, thread }) => {
      const guard = lock();
      const word = words(1);
      for (const name of ['one', 'other']) {
        thread(name, () => {
          if (!guard.tryAcquire()) return;
          word[0] = 1;
          guard.release();
        });
      }
    });
    assert.equal(failure, undefined);
  });

  it('fail when one is still held at the end', () => {
    const test: TestBody = ({ lock, words, thread }) => {
      const guard = lock('guard');
      const word = words(1);
      thread('leaking', () => {
        guard.acquire();
        if (Atomics.load(word, 0) === 1) return;
        guard.release();
      });
      thread('other', () => Atomics.store(word, 0, 1));
    };
    comesTo('lock', test, /guard is still held by leaking/);
  });

  it('fail when they are released or taken by the wrong thread', () => {
    comesTo('lock', ({ lock, thread }) => {
      const guard = lock();
      thread('thief', () => guard.release());
    });
    comesTo('lock', ({ lock, thread }) => {
      const guard = lock();
      thread('greedy', () => {
        guard.acquire();
        guard.acquire();
      });
    });
  });

  it('taken in two orders wait for each other for ever', () => {
    comesTo('deadlock', ({ lock, thread }) => {
      const [first, second] = [lock('first'), lock('second')];
      for (const [one, other] of [
        [first, second],
        [second, first],
      ] as const) {
        thread('thread', () => {
          one.acquire();
          other.acquire();
          other.release();
          one.release();
        });
      }
    });
  });
});

describe('data races', () => {
  const racing: TestBody = ({ words, thread }) => {
    const word = words(1, 'word');
    thread('writer', () => void (word[0] = 1));
    thread('reader', () => word[0]);
  };

  function outcome(options: CheckOptions): [FailureKind | undefined, readonly string[]] {
    const { failure, races } = check(options, racing);
    return [failure?.kind, races];
  }

  it('fail under rc11, and elsewhere when that is asked for', () => {
    assert.deepEqual(outcome({ model: 'rc11' }), ['race', ['word[0]']]);
    assert.deepEqual(outcome({ model: 'es', races: 'fail' }), ['race', ['word[0]']]);
  });

  it('are told where they are allowed', () => {
    assert.deepEqual(outcome({ model: 'es' }), [undefined, ['word[0]']]);
    assert.deepEqual(outcome({ model: 'rc11', races: 'allow' }), [undefined, ['word[0]']]);
  });
});

describe('errors of threads', () => {
  it('are found with what was thrown', () => {
    const error = new Error('mine');
    const { failure } = check({ model: 'sc' }, ({ thread }) => {
      thread('thrower', () => {
        throw error;
      });
    });
    assert.equal(failure?.cause, error);
  });

  it('are not made of the stops of the checker, whatever a thread catches', () => {
    const finished = new Set<string>();
    const { failure, executions } = check({ model: 'sc' }, ({ words, thread, after }) => {
      const word = words(1);
      const swallowing = thread('swallowing', () => {
        for (let value = 1; ; value++) {
          try {
            Atomics.store(word, 0, value);
            if (Atomics.load(word, 0) === value) return value;
          } catch {
            // What the checker throws is thrown again at the next access.
          } finally {
            if (value > 3) Atomics.load(word, 0);
          }
        }
      });
      thread('other', () => Atomics.store(word, 0, -1));
      after(() => void finished.add(String(swallowing.result)));
    });
    assert.equal(failure, undefined);
    assert.deepEqual([...finished].sort(), ['1', '2']);
    assert.equal(executions, 3);
  });
});

describe('tests that are not deterministic', () => {
  const CHANCE: readonly (readonly [string, () => number])[] = [
    ['chance', () => Math.random()],
    ['a clock', () => performance.now()],
  ];
  let calls = 0;
  const all = [...CHANCE, ['what is left from before', () => (calls += 1)] as const];
  for (const [name, value] of all) {
    it(`because of ${name} are named`, () => {
      const body: TestBody = ({ words, thread }) => {
        const word = words(1);
        thread('first', () => void (word[0] = value() * 1e6));
      };
      const refused = { code: 'ERR_CHECKER_NONDETERMINISTIC', message: /^Cannot check / };
      assert.throws(() => check({ model: 'sc' }, body), refused);
    });
  }
});

describe('choices', () => {
  it('are all explored, in the set-up and in threads', () => {
    const seen = new Set<string>();
    const result = check({ model: 'sc' }, ({ choose, thread, after, assume }) => {
      const input = choose(4);
      assume(input !== 2);
      const chosen = thread('chooser', () => choose(3));
      after(() => void seen.add(`${input}${chosen.result}`));
    });
    assert.equal(result.executions, 9);
    assert.deepEqual([...seen].sort(), ['00', '01', '02', '10', '11', '12', '30', '31', '32']);
  });

  it('are told of a failure', () => {
    const { failure } = check({ model: 'sc' }, ({ choose }) => {
      const [first, second] = [choose(5), choose(7)];
      assert.notEqual(first * second, 12);
    });
    assert.deepEqual(failure?.inputs, [2, 6]);
  });
});
