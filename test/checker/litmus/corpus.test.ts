/**
 * Every test of the corpus under every model that it has a verdict for: observation, answer,
 * undefined behaviour, and the whole set of final states. The corpus is no part of the repository;
 * without it these tests are skipped. `RONDO_LITMUS_TEST` (a regular expression) picks tests by
 * their names.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, FOLDER, readCorpus } from './corpus.ts';
import type { CorpusTest } from './corpus.ts';

/** Differences that are named; there is no use in more. */
const SHOWN = 20;

const picked = new RegExp(process.env['RONDO_LITMUS_TEST'] ?? '');

function check(tests: readonly CorpusTest[], mixed: boolean): string[] {
  const differences: string[] = [];
  for (const one of tests) {
    if (one.mixed !== mixed || !picked.test(one.name)) continue;
    for (const model of Object.keys(one.models)) {
      const difference = compare(one, model);
      if (difference !== undefined) differences.push(`${one.name} under ${model}: ${difference}`);
    }
  }
  return differences;
}

for (const name of ['x86', 'aarch64', 'riscv', 'c11']) {
  const tests = readCorpus(`${name}.jsonl.gz`);
  const skip = tests === undefined ? `${FOLDER} has no ${name}.jsonl.gz` : false;
  for (const mixed of [false, true]) {
    if (mixed && name !== 'aarch64') continue;
    const what = mixed ? 'tests of mixed sizes' : 'tests';
    void test(`${name}: ${what} of the corpus come out as they should`, { skip }, () => {
      const differences = check(tests ?? [], mixed);
      assert.equal(
        differences.length,
        0,
        `${differences.length} differ:\n${differences.slice(0, SHOWN).join('\n')}`,
      );
    });
  }
}
