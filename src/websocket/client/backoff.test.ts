import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../base/index.ts';
import { backoffDelay } from './backoff.ts';

const settings = { minDelayMs: 100, maxDelayMs: 1000, factor: 2 };

describe('backoffDelay', () => {
  test('the ceiling grows by the factor up to the maximum', () => {
    const highest = { below: (bound: number) => bound - 1 };
    const delays = [1, 2, 3, 4, 5, 50, 5000].map((n) => backoffDelay(settings, n, highest));
    assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000, 1000]);
  });

  test('the jitter is full: delays are spread evenly from 0 to the ceiling', () => {
    const random = new SeededRandom(7);
    const parts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const delay = backoffDelay(settings, 20, random);
      assert.ok(delay >= 0 && delay <= 1000);
      parts[Math.min(3, Math.floor(delay / 250))]! += 1;
    }
    for (const count of parts) assert.ok(count > 850 && count < 1150, String(parts));
  });
});
