import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bar, barTable, countBars, isMet, ratioBar } from './bar.ts';
import type { Comparison } from './bench.ts';
import type { Contender } from './contenders.ts';
import type { LoadResult } from './load.ts';

function bar(more: Partial<Bar>): Bar {
  const usual = { name: 'a bar', target: 2, unit: '×', detail: '' };
  return { ...usual, direction: 'at most', measured: 1, ...more };
}

test('isMet looks at the direction, and knows nothing of what was not measured', () => {
  assert.equal(isMet(bar({})), true);
  assert.equal(isMet(bar({ measured: 2 })), true);
  assert.equal(isMet(bar({ measured: 2.1 })), false);
  assert.equal(isMet(bar({ direction: 'at least' })), false);
  assert.equal(isMet(bar({ measured: undefined })), undefined);
  assert.equal(isMet(bar({ measured: Number.NaN })), undefined);
});

test('barTable and countBars say which bars are missed', () => {
  const bars = [bar({}), bar({ measured: 3 }), bar({ measured: undefined, detail: 'no peer' })];
  const lines = barTable(bars).split('\n');
  assert.match(lines[2] ?? '', /≤ 2 × +\| 1\.00 × +\| met/);
  assert.match(lines[3] ?? '', /3\.00 × +\| MISSED/);
  assert.match(lines[4] ?? '', /– × +\| not measured \| no peer/);
  assert.equal(countBars(bars), '1 met, 1 missed, 1 not measured.');
});

test('ratioBar takes the median of the ratios inside each round', () => {
  const contender = (name: string): Contender => ({
    name,
    protocol: 'websocket',
    command: () => 'never started',
  });
  const result = (rate: number): LoadResult => ({ rate }) as LoadResult;
  const comparison: Comparison = {
    protocol: 'websocket',
    point: { connections: 1, size: 1 },
    measured: [
      { contender: 'ours', rounds: [result(10), result(90), undefined] },
      { contender: 'theirs', rounds: [result(5), result(30), result(1)] },
    ],
  };
  const measured = ratioBar(comparison, {
    name: 'rate',
    servers: [contender('ours'), contender('theirs')],
    pick: ({ rate }) => rate,
    show: String,
    direction: 'at least',
    target: 2,
  });
  assert.equal(measured.measured, 2.5);
  assert.equal(measured.detail, '2.00–3.00; 50 against 5');
});
