/** Programs and litmus tests, interleaved. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LitmusTest, ThreadContext, ThreadProgram, Value } from '../../litmus/contract.ts';
import { Tag } from '../../litmus/contract.ts';
import { parseTrace } from '../trace/index.ts';
import { simulateLitmus, simulateProgram } from './index.ts';

const access = (address: number, tag: number = 0) =>
  ({ address, size: 4, tag, addressFrom: 0 }) as const;

function threadOf(run: (context: ThreadContext) => void): ThreadProgram {
  return {
    run: (context) => {
      run(context);
      return new Map();
    },
  };
}

function litmus(threads: readonly ThreadProgram[]): LitmusTest {
  return {
    name: 'test',
    architecture: 'x86',
    threads,
    source: threads.map(() => []),
    symbols: { addressOf: () => 0, nameOf: (address: Value) => (address === 64 ? 'y' : 'x') },
    initial: [],
    observed: [],
    quantifier: 'exists',
    condition: { kind: 'true' },
    conditionText: 'true',
    filter: undefined,
  };
}

describe('simulateProgram', () => {
  it('goes through every interleaving once', () => {
    const program = parseTrace('program\nP0 W 0\nP0 W 64\nP1 R 64\nP1 R 0\nP2 W 0');
    const report = simulateProgram(program);
    // 5! / (2! 2! 1!)
    assert.deepEqual([report.interleavings, report.isComplete], [30, true]);
    assert.equal(report.spreads.misses.least <= report.spreads.misses.mean, true);
    assert.equal(report.best.totals.cycles, report.spreads.cycles.least);
    assert.equal(report.worst.totals.cycles, report.spreads.cycles.most);
  });

  it('picks by chance when there are too many, the same ones for the same seed', () => {
    const lines = Array.from({ length: 40 }, (_, index) => `P${index % 4} W 0`);
    const program = parseTrace(['program', ...lines].join('\n'));
    const run = (seed: number): unknown => {
      const report = simulateProgram(program, {}, { maxInterleavings: 50, seed });
      assert.deepEqual([report.interleavings, report.isComplete], [50, false]);
      return report.spreads;
    };
    assert.deepEqual(run(1), run(1));
    assert.notDeepEqual(run(1), run(2));
  });

  it('leaves cores out that do nothing, and takes a program of nothing', () => {
    assert.equal(simulateProgram(parseTrace('program\nP3 W 0')).best.cores.length, 4);
    assert.equal(simulateProgram({ accesses: [] }).interleavings, 1);
  });

  it('refuses what is too long, and options that do not exist', () => {
    const long = Array.from({ length: 1001 }, () => 'P0 R 0').join('\n');
    assert.throws(() => simulateProgram(parseTrace(long)), { code: 'ERR_CACHE_LIMIT' });
    const wrong = { most: 1 } as object;
    assert.throws(() => simulateProgram({ accesses: [] }, {}, wrong), {
      code: 'ERR_OPTION_UNKNOWN',
    });
  });
});

describe('simulateLitmus', () => {
  it('lets branches go by what was read', () => {
    const report = simulateLitmus(
      litmus([
        threadOf((context) => context.write(access(0), 1, 0)),
        // Writes only when it has seen the other's write.
        threadOf((context) => {
          if (context.read(access(0)) === 1) context.write(access(64), 1, 1);
        }),
      ]),
    );
    assert.equal(report.interleavings, 2);
    const lengths = [report.best, report.worst].map(({ accesses }) => accesses);
    assert.deepEqual(new Set(lengths), new Set([2, 3]));
    assert.deepEqual(
      report.worst.names.map(({ name }) => name),
      ['x', 'y'],
    );
  });

  it('takes one instruction that reads and writes as one step', () => {
    const increment = threadOf((context) => {
      const value = context.read(access(0, Tag.ATOMIC_RMW)) as number;
      context.write(access(0, Tag.ATOMIC_RMW), value + 1, 1, 0);
    });
    const report = simulateLitmus(litmus([increment, increment, increment]));
    assert.equal(report.interleavings, 6);
    assert.equal(report.best.totals.updates, 3);
  });

  it('fails a store-conditional whose location was written, and tries other choices', () => {
    const conditional = threadOf((context) => {
      for (let tries = 0; tries < 3; tries++) {
        const value = context.read(access(0, Tag.EXCLUSIVE)) as number;
        if (context.choose(2) === 1) continue;
        context.write(access(0, Tag.EXCLUSIVE), value + 1, 1, tries);
        return;
      }
      context.abandon('a loop goes on');
    });
    const guesses = threadOf((context) => {
      const guess = context.choose(3);
      if (context.read(access(64)) !== 0 || guess !== 2) context.abandon('guessed wrong');
      context.write(access(64), 1, 0);
    });
    const { interleavings, worst } = simulateLitmus(litmus([conditional, conditional]));
    assert.ok(interleavings > 2);
    // One of them had to try again at worst, and both have written at the end.
    assert.equal(worst.totals.writes, 2);
    assert.equal(simulateLitmus(litmus([guesses])).best.totals.writes, 1);
  });

  it('refuses a thread that does not end', () => {
    const endless = threadOf((context) => {
      for (;;) context.read(access(0));
    });
    assert.throws(() => simulateLitmus(litmus([endless])), { code: 'ERR_CACHE_LIMIT' });
  });
});
