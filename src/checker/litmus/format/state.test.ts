import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Value } from '../contract.ts';
import { parseText, toy } from './fixture.ts';
import { formatState, nameOf } from './state.ts';
import { litmusSummary } from './summary.ts';

test('formatState prints values by their types, addresses by their names', () => {
  const { test: litmus } = parseText(
    toy(
      'uint64_t 0:r1; int8_t b; int t[2]; uint64_t y;',
      'locations [0:r1; 0:r2; 1:r1; b; t; t[1]; y;]',
    ),
  );
  const bits: Record<string, Value> = {
    '0:r1': 2n ** 64n - 1n,
    '0:r2': 0xffff_ffff,
    '1:r1': litmus.symbols.addressOf('y'),
    '[b]': 0x80,
    't[0]': 7,
    't[1]': 0xffff_fff0,
    '[y]': Number(litmus.symbols.addressOf('t')) + 4,
  };
  assert.equal(
    formatState(litmus, (observable) => bits[nameOf(observable)] ?? 0),
    '0:r1=18446744073709551615; 0:r2=-1; 1:r1=y; [b]=-128; t={7,-16}; [y]=t+4; t[1]=-16;',
  );
});

test('litmusSummary gives the lines of herd', () => {
  const { test: litmus } = parseText(toy('', 'exists (0:r1=1)'));
  const verdict = {
    outcomes: ['0:r1=0;', '0:r1=1;'],
    observation: 'Sometimes',
    positive: 1,
    negative: 3,
    undef: false,
    abandoned: 0,
  } as const;
  assert.equal(
    litmusSummary(litmus, verdict, 0.014),
    `Test name Allowed
States 2
0:r1=0;
0:r1=1;
Ok
Witnesses
Positive: 1 Negative: 3
Condition exists (0:r1=1)
Observation name Sometimes 1 3
Time name 0.01`,
  );
});

test('litmusSummary counts witnesses for the answer that is asked for', () => {
  const { test: litmus } = parseText(toy('', '~exists (0:r1=1)'));
  const verdict = {
    outcomes: [],
    observation: 'Sometimes',
    positive: 1,
    negative: 3,
    undef: false,
    abandoned: 2,
  } as const;
  const lines = litmusSummary(litmus, verdict, 1).split('\n');
  assert.deepEqual(lines.slice(0, 5), [
    'Test name Forbidden',
    'States 0',
    'Loop No',
    'Witnesses',
    'Positive: 3 Negative: 1',
  ]);
  const racy = litmusSummary(litmus, { ...verdict, undef: true }, 1);
  assert.match(racy, /^Loop Undef$/m);
  assert.match(racy, /^Flag \*undef\*\nCondition /m);
});

test('litmusSummary answers by the states that were found, when a loop was cut, too', () => {
  const { test: litmus } = parseText(toy('', 'forall (x=1)'));
  const verdict = { positive: 0, negative: 0, undef: false, abandoned: 1, outcomes: [] } as const;
  assert.match(litmusSummary(litmus, { ...verdict, observation: 'Never' }, 1), /^Loop Ok$/m);
  const outcomes = ['[x]=1;', '[x]=2;'];
  const mixed = litmusSummary(litmus, { ...verdict, outcomes, observation: 'Sometimes' }, 1);
  assert.match(mixed, /^Loop No$/m);
});
