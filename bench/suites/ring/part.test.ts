import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench } from '../../harness/bench.ts';
import { BenchError } from '../../harness/load.ts';
import { cellOf, figureBar, ratioBar, type Runner, speed, takeTurns } from './part.ts';

const bench = new Bench({ root: '.', quick: true, say: () => undefined });
const promised = { name: 'bar', target: 2, direction: 'at least' } as const;

describe('takeTurns', () => {
  it('interleaves, notes what fails, and leaves out what is not there', async () => {
    const order: string[] = [];
    const runner = (name: string, failing: boolean): Runner => ({
      name,
      run: () => {
        order.push(name);
        if (failing && order.length < 3) return Promise.reject(new BenchError('once'));
        return Promise.resolve({ count: order.length, nanoseconds: 1e9 });
      },
    });
    const absent: Runner = { ...runner('absent', false), refusal: 'nobody has it' };
    const rounds = [runner('a', false), runner('b', true), absent];
    const [a, b, none] = await takeTurns(bench, 'test', rounds, 2);
    assert.deepEqual(order, ['a', 'b', 'a', 'b']);
    assert.deepEqual(
      b!.rounds.map((report) => report?.count),
      [undefined, 4],
    );
    assert.deepEqual(bench.failures, ['test, b: once']);
    assert.equal(cellOf(a!, speed, String), '2');
    assert.equal(cellOf(none!, speed, String), 'not there: nobody has it');
  });
});

describe('ratioBar', () => {
  it('takes the median of the ratios inside each round, without those that failed', () => {
    const of = (...counts: number[]) => ({
      name: 'ring',
      rounds: counts.map((count) => (count === 0 ? undefined : { count, nanoseconds: 1 })),
    });
    const bar = ratioBar(promised, [of(2, 30, 100, 7), of(1, 10, 50, 0)], speed, String);
    assert.equal(bar.measured, 2);
    const none = ratioBar(promised, [of(1), { ...of(), refusal: 'no cargo' }], speed, String);
    assert.equal(none.measured, undefined);
    assert.match(none.detail, /no cargo/);
  });
});

describe('figureBar', () => {
  it('takes the median, and says why there is none', () => {
    const rounds = [1, 5, 3].map((count) => ({ count, nanoseconds: 1e9 }));
    const bar = figureBar({ ...promised, unit: 'M/s' }, { name: 'ring', rounds }, speed);
    assert.equal(bar.measured, 3);
    assert.equal(bar.detail, '1.0–5.0');
    const none = { name: 'ring', rounds: [], refusal: 'no cargo' };
    assert.equal(figureBar({ ...promised, unit: 'ns' }, none, speed).detail, 'no cargo');
  });
});
