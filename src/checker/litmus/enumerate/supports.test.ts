import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modelNamed } from '../../models/index.ts';
import { parseLitmus } from '../parse.ts';
import { watchedBy } from './outcomes.ts';
import { runLitmus } from './run-litmus.ts';
import { exploreThreads } from './traces.ts';
import { supported, waysOf } from './supports.ts';

/** Adds 1, 2, 4, … to one location, one each by so many threads. */
function adding(threads: number): string {
  const numbers = Array.from({ length: threads }, (_, thread) => thread);
  const row = (of: (thread: number) => string): string => `${numbers.map(of).join(' | ')} ;`;
  return [
    'X86_64 adding',
    '{ }',
    row((thread) => `P${thread}`),
    row((thread) => `movl $${2 ** thread},%eax`),
    row(() => 'lock xaddl %eax,(x)'),
    `exists (x=${2 ** threads - 1})`,
  ].join('\n');
}

describe('values', () => {
  it('come from each write once, so that additions do not go on for ever', () => {
    const test = parseLitmus(adding(4));
    const options = { own: false, seeds: [], grounded: { porfAcyclic: true } };
    const { threads, values } = exploreThreads(test, watchedBy(test).registers, options);
    const sums = values.pairs.filter(({ writers }) => writers !== 0).map(({ value }) => value);
    assert.ok(sums.every((value) => Number(value) < 16));
    const initial = values.initials();
    for (const porfAcyclic of [true, false]) {
      const kept = supported({ threads, initial, porfAcyclic });
      // Each thread reads the sum of any of the three others.
      assert.deepEqual(
        kept.map((traces) => traces.length),
        [8, 8, 8, 8],
      );
      assert.equal(waysOf({ threads, initial, porfAcyclic })?.size, 16);
    }
  });

  it('are all that there are, however many threads add', () => {
    for (const name of ['tso', 'sc']) {
      const result = runLitmus(parseLitmus(adding(5)), modelNamed(name)!, { mode: 'count' });
      assert.deepEqual([result.observation, result.positive], ['Always', 120], name);
    }
  });

  it('may come from reading ahead where only dependencies are kept', () => {
    const text = `AArch64 ahead
{ 0:X1=x; 0:X3=y; 1:X1=y; 1:X3=x; }
 P0          | P1          ;
 LDR W0,[X1] | LDR W0,[X1] ;
 ADD W2,W0,#1 | MOV W2,#5  ;
 STR W2,[X3] | STR W2,[X3] ;
exists (0:X0=5 /\\ 1:X0=6)`;
    assert.equal(runLitmus(parseLitmus(text), modelNamed('armv8')!).observation, 'Sometimes');
    const circle = text.replace('MOV W2,#5  ', 'ADD W2,W0,#1');
    assert.deepEqual(runLitmus(parseLitmus(circle), modelNamed('armv8')!).outcomes, [
      '0:X0=0; 1:X0=0;',
      '0:X0=0; 1:X0=1;',
      '0:X0=1; 1:X0=0;',
    ]);
  });
});
