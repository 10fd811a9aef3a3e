/** Loops of which it matters how often they go round: some rounds are shown, and it is said. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type ModelName, type TestBody } from '../../../src/checker/check/index.ts';
import type { TestContext } from '../../../src/checker/program/test.ts';

const MODELS: readonly ModelName[] = ['sc', 'x86-tso', 'rc11', 'es', 'v8-arm64'];

const BOUND = '3 rounds of a loop: how often it goes round matters to waiter';

type Waiter = (word: Int32Array, context: TestContext, setter: { join(): void }) => unknown;

/** One thread sets a word, another one waits for it; `last` says which of them is declared last. */
function waiting(waiter: Waiter, last: 'setter' | 'waiter' = 'waiter'): TestBody {
  return (context) => {
    const word = context.words(4, 'word');
    let setter = { join: (): void => assert.fail('it is declared later') };
    const set = (): void => {
      setter = context.thread('setter', () => void Atomics.store(word, 0, 1));
    };
    if (last === 'waiter') set();
    context.thread('waiter', () => waiter(word, context, setter));
    if (last === 'setter') set();
  };
}

function rounds(word: Int32Array): number {
  let count = 0;
  while (Atomics.load(word, 0) === 0) count += 1;
  return count;
}

describe('loops whose rounds matter to what follows', () => {
  for (const model of MODELS) {
    it(`are shown some rounds, and bounded (${model})`, () => {
      const write = waiting((word) => Atomics.store(word, 1, rounds(word)));
      const { executions, bounded, failure } = check({ model }, write);
      assert.deepEqual([executions, bounded, failure], [3, BOUND, undefined]);
    });

    for (const last of ['setter', 'waiter'] as const) {
      it(`fail with their second round, which a token carries out again (${model}, ${last})`, () => {
        const test = waiting((word) => assert.ok(rounds(word) < 2, 'twice round'), last);
        const { failure } = check({ model }, test);
        assert.equal(failure?.message, 'twice round');
        const again = check({ token: failure.token }, test);
        assert.equal(again.failure?.message, 'twice round');
      });
    }
  }

  it('matter when only the end asks for them, by a variable or by a result', () => {
    const byVariable: TestBody = ({ words, thread, after }) => {
      const word = words(1);
      let count = 0;
      thread('setter', () => Atomics.store(word, 0, 1));
      thread('waiter', () => {
        count = rounds(word);
      });
      after(() => assert.ok(count < 2, 'twice round'));
    };
    const byResult: TestBody = ({ words, thread, after }) => {
      const word = words(1);
      thread('setter', () => Atomics.store(word, 0, 1));
      const waiter = thread('waiter', () => rounds(word));
      after(() => assert.ok(waiter.result < 2, 'twice round'));
    };
    for (const test of [byVariable, byResult]) {
      assert.equal(check({ model: 'sc' }, test).failure?.message, 'twice round');
    }
  });

  it('matter behind joins, choices, fences and steps that change nothing', () => {
    const bodies: Waiter[] = [
      (word, _context, setter) => {
        const count = rounds(word);
        setter.join();
        Atomics.store(word, 1, count);
      },
      (word, context) => {
        const chosen = context.choose(2);
        Atomics.store(word, 1, chosen * rounds(word));
      },
      (word, context) => {
        let count = 0;
        while (Atomics.or(word, 0, 0) === 0) {
          context.fence('seq_cst');
          count += 1;
        }
        Atomics.store(word, 1, count);
      },
    ];
    for (const body of bodies) assert.equal(check({}, waiting(body)).bounded, BOUND);
  });

  it('do not when nothing that is seen hangs on them', () => {
    const bodies: Waiter[] = [
      (word) => void rounds(word),
      (word) => void Atomics.store(word, 1, Math.min(rounds(word), 0)),
      // Another object each time says nothing.
      (word) => ({ count: rounds(word) * 0, done: () => true }),
      (word) => {
        for (let pause = 1; Atomics.load(word, 0) === 0; pause *= 2);
      },
    ];
    for (const body of bodies) {
      const { bounded, executions } = check({}, waiting(body));
      assert.deepEqual([bounded, executions], [undefined, 1]);
    }
  });

  it('do not because another thread writes an object, which is another one each time', () => {
    const { executions, bounded } = check({ model: 'sc' }, ({ cell, thread }) => {
      const [box, flag] = [cell<unknown>(undefined), cell(0)];
      thread('setter', () => {
        box.store(Object.create(null));
        flag.store(1);
      });
      thread('waiter', () => {
        while (flag.load() === 0);
        return box.load() !== undefined;
      });
    });
    assert.deepEqual([executions, bounded], [1, undefined]);
  });

  it('matter by what one round leaves, and then no more of them do: all is explored', () => {
    const most: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('setter', () => {
        for (const value of [1, 0, 2]) Atomics.store(word, 0, value);
      });
      thread('waiter', () => {
        let most = 0;
        for (let value = 0; value !== 2; value = Atomics.load(word, 0)) {
          most = Math.max(most, value);
        }
        assert.equal(most, 0);
      });
    };
    assert.equal(check({ model: 'sc' }, most).failure?.kind, 'error');
    const once = waiting((word) => Atomics.store(word, 1, rounds(word) > 0 ? 1 : 0));
    const { bounded, executions } = check({ model: 'sc' }, once);
    assert.deepEqual([bounded, executions], [undefined, 2]);
  });
});

describe('loops that give up', () => {
  /** Looks so often for a value, and throws when it does not come. */
  const look = (tries: number, found: () => boolean): void => {
    for (let left = tries; left > 0; left--) if (found()) return;
    throw new Error('gave up');
  };

  /** One thread waits while another one writes 1 and then 2. */
  const twice =
    (waiter: (word: Int32Array) => void): TestBody =>
    ({ words, thread }) => {
      const word = words(1);
      thread('setter', () => {
        Atomics.store(word, 0, 1);
        Atomics.store(word, 0, 2);
      });
      thread('waiter', () => waiter(word));
    };

  it('do so where that takes fewer events than a thread may have', () => {
    const test = waiting((word) => look(50, () => Atomics.load(word, 0) === 1));
    assert.equal(check({ model: 'sc' }, test).failure?.message, 'gave up');
  });

  it('are bounded where it takes more', () => {
    const test = waiting((word) => look(5000, () => Atomics.load(word, 0) === 1));
    assert.equal(check({ model: 'sc' }, test).bounded, BOUND);
  });

  it('are told from loops without end at the same word', () => {
    const test = twice((word) => {
      const load = (): number => Atomics.load(word, 0);
      while (load() < 1);
      look(300, () => load() === 2);
    });
    const { failure } = check({ model: 'sc', events: 1000 }, test);
    assert.equal(failure?.message, 'gave up');
  });

  it('are told from rounds of the same loop that read something else', () => {
    const test = twice((word) => {
      for (let left = 1500; left > 0;) {
        const value = Atomics.load(word, 0);
        if (value === 2) return;
        left -= value;
      }
      throw new Error('gave up');
    });
    assert.equal(check({ model: 'sc' }, test).bounded, BOUND);
  });
});
