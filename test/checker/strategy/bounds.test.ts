/** Bounds: of time, of preemptions; and what is told of progress. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkWith } from '../../../src/checker/check/check.ts';
import { check, type CheckProgress, type TestBody } from '../../../src/checker/index.ts';
import { alone, buffering, counter, lateEnd, mesh, ring } from './programs.ts';

/** A clock on which each look takes so many milliseconds. */
function slowClock(step: number): { now(): number } {
  let now = 0;
  return { now: () => (now += step) };
}

const folder = mkdtempSync(join(tmpdir(), 'rondo-bounds-'));
after(() => rmSync(folder, { recursive: true }));

describe('a bound of time', () => {
  it('ends a check, which says so', () => {
    const { bounded, executions } = checkWith({ model: 'sc', milliseconds: 50 }, mesh(3, 3), {
      clock: slowClock(20),
    });
    assert.equal(bounded, '50 ms');
    assert.ok(executions > 0 && executions < 100);
  });

  it('ends one in the midst of an execution, and what was built of it is gone on with', () => {
    const long = alone(60);
    const resume = join(folder, 'midst');
    const options = { model: 'sc', milliseconds: 50, resume } as const;
    const clock = slowClock(20);
    const first = checkWith(options, long, { clock });
    assert.deepEqual([first.bounded, first.executions], ['50 ms', 0]);
    let last = first;
    for (let left = 20; last.bounded !== undefined && left > 0; left--) {
      last = checkWith(options, long, { clock });
    }
    assert.deepEqual([last.bounded, last.executions], [undefined, 1]);
  });

  it('is none when the check is over before', () => {
    const { bounded } = check({ model: 'sc', milliseconds: 2 ** 31 - 1 }, counter(3, true));
    assert.equal(bounded, undefined);
  });
});

describe('what is stopped', () => {
  it('has the counts of what was looked at, and does not begin anew', () => {
    let told = 0;
    const onProgress = (progress: CheckProgress): boolean => {
      told = progress.executions + progress.blocked;
      return told < 40;
    };
    const result = checkWith({ model: 'sc', onProgress }, lateEnd, { clock: slowClock(20) });
    assert.equal(result.bounded, 'it was stopped');
    assert.ok(told >= 40 && result.executions + result.blocked === told);
  });
});

describe('reads that see the future', () => {
  it('are not looked for where the test takes inputs, which it says', () => {
    const withInputs: TestBody = (test) => {
      test.choose(2);
      buffering(test);
    };
    for (const model of ['es', 'v8-arm64'] as const) {
      assert.match(check({ model, races: 'allow' }, withInputs).bounded ?? '', /load buffering/);
    }
  });
});

describe('a bound of preemptions', () => {
  it('leaves out what needs more, and says so', () => {
    const counts = [0, 1, 2, 3, 4, 5].map((preemptions) => {
      const { executions, bounded } = check({ model: 'sc', preemptions }, mesh(2, 3));
      return `${executions} ${bounded}`;
    });
    const all = check({ model: 'sc' }, mesh(2, 3));
    assert.equal(counts.at(-1), `${all.executions} undefined`);
    assert.match(counts[0]!, /^\d+ 0 preemptions$/);
    assert.match(counts[1]!, /^\d+ 1 preemptions$/);
    const numbers = counts.map((text) => parseInt(text, 10));
    assert.deepEqual(
      numbers,
      [...numbers].sort((one, other) => one - other),
    );
    assert.ok(numbers[0]! < numbers[1]!);
  });

  it('finds a bug that needs one, and not with none', () => {
    assert.equal(check({ model: 'sc', preemptions: 0 }, counter(2, false)).failure, undefined);
    assert.equal(
      check({ model: 'sc', preemptions: 1 }, counter(2, false)).failure?.message,
      '1 of 2',
    );
  });

  it('exists under sc alone', () => {
    assert.throws(() => check({ model: 'es', preemptions: 1 }, mesh(2, 1)), {
      code: 'ERR_CHECKER_MODEL',
    });
  });
});

describe('progress', () => {
  it('is told with an estimate, and can end a check', () => {
    const told: CheckProgress[] = [];
    const { bounded } = checkWith(
      {
        model: 'sc',
        onProgress: (progress) => {
          told.push(progress);
          return told.length < 3;
        },
      },
      ring(6),
      { clock: slowClock(60) },
    );
    assert.equal(bounded, 'it was stopped');
    assert.equal(told.length, 3);
    for (const { executions, pending, estimate } of told) {
      assert.ok(pending > 0);
      assert.ok(estimate !== undefined && estimate >= executions);
    }
  });
});
