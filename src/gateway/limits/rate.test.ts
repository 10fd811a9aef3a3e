import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Rate } from './rate.ts';

/** Milliseconds since the last, and how much is wanted. */
const steps = (most: number): fc.Arbitrary<readonly (readonly [number, number])[]> =>
  fc.array(
    fc.tuple(fc.oneof(fc.constant(0), fc.nat(40), fc.nat(5000)), fc.integer({ min: 1, max: most })),
    { maxLength: 60 },
  );

interface Pass {
  readonly at: number;
  readonly amount: number;
}

/** The bound of every window, in thousandths and therefore exact. */
function assertBounded(
  passes: readonly Pass[],
  { perSecond, burst }: { readonly perSecond: number; readonly burst: number },
  roundingMs = 0,
): void {
  for (const [first, { at: start }] of passes.entries()) {
    let sum = 0;
    for (const { at, amount } of passes.slice(first)) {
      sum += amount;
      const allowed = (at - start + roundingMs) * perSecond + burst * 1000;
      assert.ok(sum * 1000 <= allowed, `${sum} in ${at - start} ms, ${allowed / 1000} allowed`);
    }
  }
}

const limits = fc.record({
  perSecond: fc.integer({ min: 1, max: 3000 }),
  burst: fc.integer({ min: 1, max: 500 }),
  start: fc.nat(1e9),
});

it('Rate.take lets no window pass more than its rate and burst, and no wait is too short', () => {
  fc.assert(
    fc.property(limits, steps(500), ({ perSecond, burst, start }, wanted) => {
      const rate = new Rate(perSecond, burst);
      const passes: Pass[] = [];
      let now = start;
      for (const [pause, most] of wanted) {
        now += pause;
        const amount = 1 + (most % burst);
        const wait = rate.take(0, amount, now);
        if (wait > 0) {
          assert.ok(rate.wait(0, amount, now + wait - 1) > 0, 'it could pass earlier');
          now += wait;
          assert.equal(rate.take(0, amount, now), 0, 'it passes when it was told to come');
        }
        passes.push({ at: now, amount });
      }
      assertBounded(passes, { perSecond, burst });
    }),
  );
});

it('Rate.take refuses what a naive bucket refuses', () => {
  fc.assert(
    fc.property(limits, steps(500), ({ perSecond, burst, start }, wanted) => {
      const rate = new Rate(perSecond, burst);
      let [now, tokens] = [start, BigInt(burst) * 1000n];
      for (const [pause, most] of wanted) {
        const amount = 1 + (most % burst);
        now += pause;
        tokens += BigInt(pause) * BigInt(perSecond);
        if (tokens > BigInt(burst) * 1000n) tokens = BigInt(burst) * 1000n;
        const passes = tokens >= BigInt(amount) * 1000n;
        if (passes) tokens -= BigInt(amount) * 1000n;
        assert.equal(rate.take(0, amount, now) === 0, passes);
      }
    }),
  );
});

it('Rate.reserve keeps the rate when what it delays comes as late as it says, in its order', () => {
  fc.assert(
    fc.property(limits, steps(500), ({ perSecond, burst, start }, wanted) => {
      const rate = new Rate(perSecond, burst);
      const passes: Pass[] = [];
      let now = start;
      for (const [pause, most] of wanted) {
        now += pause;
        const amount = 1 + (most % burst);
        const at = now + rate.reserve(0, amount, now);
        assert.ok(at >= (passes.at(-1)?.at ?? 0), 'first come first served');
        passes.push({ at, amount });
      }
      assertBounded(passes, { perSecond, burst }, 1);
    }),
  );
});

it('Rate lets more than the burst pass when nothing is owed, and is paid for it', () => {
  const rate = new Rate(100);
  assert.equal(rate.take(0, 1000, 0), 0);
  assert.equal(rate.take(0, 1, 0), 9010);
  assert.equal(rate.take(0, 1000, 9999), 1);
  assert.equal(rate.take(0, 1000, 10_000), 0);
  assert.equal(rate.reserve(1, 1000, 0), 0);
  assert.equal(rate.reserve(1, 1000, 0), 10_000);
});

it('Rate is not impressed by a clock that goes back, by fractions or by large numbers', () => {
  const rate = new Rate(10, 1);
  assert.equal(rate.take(0, 1, 1000.9), 0);
  assert.equal(rate.take(0, 1, 500), 100);
  assert.equal(rate.take(0, 1, 1099.99), 1);
  assert.equal(rate.take(0, 1, 1100), 0);
  const large = new Rate(1e12);
  assert.equal(large.take(0, 1e12, 1e12), 0);
  assert.equal(large.take(0, 1, 1e12), 1);
  assert.equal(large.take(0, 1e9, 1e12 + 1), 0);
  assert.equal(large.take(0, 1, 1e12 + 1), 1);
});

it('Rate tells indices apart, and forgets one that is cleared', () => {
  const rate = new Rate(1);
  for (const index of [0, 1, 63, 64, 5000]) assert.equal(rate.take(index, 1, 7), 0, `${index}`);
  assert.equal(rate.take(63, 1, 7), 1000);
  rate.clear(63);
  rate.clear(1_000_000);
  assert.equal(rate.take(63, 1, 7), 0);
  assert.equal(rate.take(64, 1, 7), 1000);
});
