/** Samples: random executions, of those that exploration visits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type CheckOptions, type TestBody } from '../../../src/checker/index.ts';
import { counter, inputs, mesh, ring, sleeper } from './programs.ts';

/** Three threads, of which all reads and what memory holds at the end are noted. */
function noted(into: Set<string>): TestBody {
  return ({ words, thread, after }) => {
    const word = words(2);
    const threads = [0, 1, 2].map((number) =>
      thread(`thread ${number}`, () => {
        const first = word[number % 2];
        word[1 - (number % 2)] = number + 1;
        return [first, Atomics.exchange(word, 0, 4 + number)].join();
      }),
    );
    after(() => {
      into.add([...threads.map(({ result }) => result), word[0], word[1]].join(' '));
    });
  };
}

function outcomes(options: CheckOptions): Set<string> {
  const found = new Set<string>();
  check(options, noted(found));
  return found;
}

describe('a sample', () => {
  for (const model of ['sc', 'x86-tso', 'rc11'] as const) {
    it(`shows what exploration shows, and nothing else, under ${model}`, () => {
      const all = outcomes({ model, races: 'allow' });
      const seen = outcomes({ model, races: 'allow', strategy: 'random', samples: 4000 });
      assert.ok([...seen].every((outcome) => all.has(outcome)));
      assert.ok(2 * seen.size > all.size, `${seen.size} of ${all.size}`);
      const byPriority = outcomes({ model, races: 'allow', strategy: 'pct', samples: 500 });
      assert.ok([...byPriority].every((outcome) => all.has(outcome)));
    });
  }

  it('says that it is one, and never that it is complete', () => {
    const random = check({ model: 'sc', strategy: 'random', samples: 20, seed: 7 }, mesh(3, 3));
    assert.equal(random.sample, '20 random executions, seed 7');
    assert.equal(random.bounded, 'a sample of 20 random executions, seed 7');
    const { sample } = check({ model: 'sc', strategy: 'pct', samples: 20, depth: 2 }, mesh(3, 3));
    assert.equal(sample, '20 random executions, priorities of depth 2, seed 1');
    assert.equal(check({ model: 'sc' }, mesh(2, 1)).sample, undefined);
  });

  it('is the same again with the same seed', () => {
    const of = (seed: number): string | undefined =>
      check({ model: 'rc11', strategy: 'random', seed }, counter(3, false)).failure?.token;
    assert.equal(of(3), of(3));
    assert.ok(new Set([1, 2, 3, 4, 5].map(of)).size > 1);
  });

  it('goes on when what was waited for is there', () => {
    for (const strategy of ['random', 'pct'] as const) {
      for (const body of [ring(4), sleeper(false), counter(5, true), inputs]) {
        const { failure, executions } = check({ model: 'sc', strategy, samples: 200 }, body);
        assert.equal(failure, undefined);
        assert.equal(executions, body === inputs ? executions : 200);
      }
      const { failure } = check({ model: 'sc', strategy, samples: 500 }, sleeper(true));
      assert.equal(failure?.kind, 'deadlock');
    }
  });
});
