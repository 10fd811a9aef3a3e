/**
 * Sequential consistency against the corpus, whose sets for `sc` come from a model that is weaker
 * (see `scOfHerd`): of these sets the right states are those that x86-TSO allows too.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLitmus, runLitmus } from '../../../src/checker/litmus/index.ts';
import { modelNamed } from '../../../src/checker/models/index.ts';
import { FOLDER, readCorpus } from './corpus.ts';

const tests = readCorpus('x86.jsonl.gz');
const skip = tests === undefined ? `${FOLDER} has no x86.jsonl.gz` : false;

void test('sc allows of the corpus what is allowed under both sc and tso', { skip }, () => {
  const model = modelNamed('sc')!;
  const differ: string[] = [];
  for (const { name, litmus, models } of tests ?? []) {
    const strong = models['tso']?.outcomes;
    const wanted = models['sc']?.outcomes.filter((state) => strong?.includes(state));
    if (wanted === undefined) continue;
    const { outcomes } = runLitmus(parseLitmus(litmus), model);
    if ([...outcomes].sort().join() !== wanted.sort().join()) differ.push(name);
  }
  assert.deepEqual(differ, []);
});
