import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sampler } from './sampler.ts';

/** The numbers of those that are chosen of so many. */
function chosen(sampler: Sampler, of: number): number[] {
  return Array.from({ length: of }, (_, i) => i).filter(() => sampler.next());
}

test('Sampler chooses all at 1 and none at 0', () => {
  assert.equal(chosen(new Sampler(1, 7), 1000).length, 1000);
  assert.equal(chosen(new Sampler(0, 7), 100_000).length, 0);
});

test('Sampler chooses its part, wherever it looks', () => {
  for (const rate of [0.5, 0.1, 0.01]) {
    for (const seed of [1, 2, 3]) {
      const all = chosen(new Sampler(rate, seed), 200_000);
      const expected = rate * 200_000;
      // Six standard deviations of a binomial distribution; the seed makes it the same each time.
      const margin = 6 * Math.sqrt(expected * (1 - rate));
      assert.ok(Math.abs(all.length - expected) < margin, `${all.length} of ${expected}`);
      const even = all.filter((number) => number % 2 === 0).length;
      assert.ok(Math.abs(even - expected / 2) < margin, `${even} even of ${expected / 2}`);
    }
  }
});

test('Sampler chooses the same for the same seed', () => {
  const numbers = chosen(new Sampler(0.05, 9), 1000);
  assert.deepEqual(chosen(new Sampler(0.05, 9), 1000), numbers);
  assert.notDeepEqual(chosen(new Sampler(0.05, 10), 1000), numbers);
});
