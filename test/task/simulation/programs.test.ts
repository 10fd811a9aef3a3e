/**
 * Random programs of tasks against naive models: who is woken, what is delivered, what is released,
 * which errors surface. Each seed is a program; one that fails is shrunk, and its seed is named. To
 * run one alone make it the only one of SEEDS.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { programs } from './program.ts';
import { runProgram } from './run.ts';

const SEEDS: readonly number[] = Array.from({ length: 10_000 }, (_, i) => i + 1);

test(`programs of tasks behave as their models, ${SEEDS.length} seeds`, () => {
  let events = 0;
  const property = fc.property(programs, (program) => {
    events += runProgram(program).events;
  });
  for (const seed of SEEDS) fc.assert(property, { seed, numRuns: 1, unbiased: true });
  assert.ok(events > SEEDS.length * 10, `programs do something: ${events} events`);
});

test('the same program runs in the same way', () => {
  const property = fc.property(programs, (program) => {
    assert.deepEqual(runProgram(program), runProgram(program));
  });
  for (const seed of SEEDS.slice(0, 300)) {
    fc.assert(property, { seed, numRuns: 1, unbiased: true });
  }
});
