/** Accesses of checked tests on simulated caches: what really runs, and not a drawing of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type CacheAccess,
  cacheTraceText,
  parseCacheTrace,
  recordAccesses,
  simulateCache,
  type TestBody,
} from '../../../src/checker/index.ts';
import { CheckedRing, consuming, producing } from '../structures/rings.ts';

const MESSAGES = 24;

/** The production ring, one producer and one consumer. */
const lanes: TestBody = (context) => {
  const ring = new CheckedRing(context, { slots: 8 });
  context.thread('producer', producing(ring.core(), 0, MESSAGES));
  context.thread('consumer', consuming(ring.core(), 0, MESSAGES));
};

/** The same words, 16 bytes instead of 128 apart. */
function together(accesses: readonly CacheAccess[]): CacheAccess[] {
  return accesses.map((access) => {
    const line = Math.floor(access.address / 128);
    return { ...access, address: 16 * line + (access.address % 16) };
  });
}

describe('recordAccesses', () => {
  it('has no false sharing to show of the lanes of a ring, but of its words side by side', () => {
    const trace = recordAccesses({}, lanes);
    assert.deepEqual(trace.threads, ['producer', 'consumer']);
    const apart = simulateCache(trace).totals;
    const beside = simulateCache({ ...trace, accesses: together(trace.accesses) }).totals;
    assert.ok(apart.misses['true sharing'] >= MESSAGES / 2);
    // Slots have lines in common, heads and tails do not.
    assert.ok(apart.misses['false sharing'] < beside.misses['false sharing']);
    const controls = trace.accesses.filter(({ site }) => /^(writer|reader)\.[jt]s/.test(site!));
    assert.equal(simulateCache({ ...trace, accesses: controls }).totals.misses['false sharing'], 0);
  });

  it('tells an access for each step, with the core, the bytes and the line of the source', () => {
    const { accesses, names } = recordAccesses({}, ({ shared, cell, thread }) => {
      const bytes = new Uint8Array(shared(8, 'bytes'));
      const doubles = new Float64Array(shared(16, 'doubles'));
      const count = cell(0, 'count');
      thread('only', () => {
        bytes[3] = 1;
        doubles[1] = 2;
        count.update((value) => value + 1);
        return bytes[3];
      });
    });
    const told = accesses.map(({ core, kind, address, size, site }) => {
      const { name, address: base } = names!.findLast((each) => each.address <= address)!;
      assert.match(site!, /^recorded\.test\.[jt]s:\d+$/);
      return `${core} ${kind} ${name}+${address - base} ${size}`;
    });
    assert.deepEqual(told, [
      '0 write bytes+3 1',
      '0 write doubles+8 8',
      '0 update count+0 8',
      '0 read bytes+3 1',
    ]);
  });

  it('takes the same turns for the same seed', () => {
    const turns = (seed: number): string => cacheTraceText(recordAccesses({ seed }, lanes));
    assert.equal(turns(3), turns(3));
    assert.equal(new Set([1, 2, 3, 4].map(turns)).size > 1, true);
  });

  it('is read again as it was written', () => {
    const trace = recordAccesses({}, lanes);
    assert.deepEqual(parseCacheTrace(cacheTraceText(trace)), { ...trace, isProgram: false });
  });

  it('records sleepers, what threads did before they threw, and refuses what never ends', () => {
    const sleeping = recordAccesses({ seed: 2 }, ({ words, thread }) => {
      const word = words(1);
      thread('sleeper', () => {
        while (Atomics.load(word, 0) === 0) Atomics.wait(word, 0, 0);
        throw new Error('it is told by check');
      });
      thread('waker', () => {
        Atomics.store(word, 0, 1);
        Atomics.notify(word, 0);
      });
    });
    assert.ok(sleeping.accesses.some(({ core, kind }) => core === 1 && kind === 'write'));
    const endless: TestBody = ({ words, thread }) => {
      const word = words(1);
      thread('writer', () => {
        for (;;) Atomics.add(word, 0, 1);
      });
    };
    assert.throws(() => recordAccesses({}, endless), { code: 'ERR_CHECKER_SIZE' });
    assert.throws(() => recordAccesses({}, 5 as unknown as TestBody), { code: 'ERR_OPTION_TYPE' });
    const options = { seed: -1 };
    assert.throws(() => recordAccesses(options, lanes), { code: 'ERR_OPTION_RANGE' });
  });
});
