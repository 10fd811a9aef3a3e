/**
 * As many executions as an optimal exploration has: more is work done twice, fewer is a behaviour
 * that was missed. Blocked executions are not counted, as GenMC does not. The numbers are those of
 * GenMC's own tests (v0.11, tests/correct), which are facts about the programs; where ours is
 * another one the table says why. Whether whole sets of behaviours are right, the tests in
 * `../agreement/` ask.
 *
 * Left out: lock tests counted with LAPOR, which forgets orders of locks that nobody sees
 * (casrot-locks, sb+locks, stateful01-2); programs whose loops may never end, which are livelocks
 * here (loop-peel, spin-cas1, spin-cas-onebranch, spin-samecas, and mcs_spinlock under RC11);
 * hw-queue, whose two numbers contradict each other.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { check } from '../../../../src/checker/check/index.ts';
import { FOLDER } from '../../litmus/corpus.ts';
import type { Counted } from './counted.ts';
import { litmus } from './litmus.ts';
import { locks } from './locks.ts';
import { saver } from './saver.ts';
import { structures } from './structures.ts';
import { synthetic } from './synthetic.ts';

const PROGRAMS: readonly Counted[] = [...litmus, ...synthetic, ...locks, ...structures, ...saver];
const MODELS = ['sc', 'rc11'] as const;

interface Entry {
  readonly name: string;
  readonly expected: Readonly<Record<string, readonly string[]>>;
}

for (const model of MODELS) {
  describe(`executions under ${model}`, () => {
    for (const { name, sizes, options } of PROGRAMS) {
      it(name, () => {
        for (const { [model]: count, body, differs } of sizes) {
          if (count === undefined) continue;
          const { executions, bounded, failure } = check({ ...options, model }, body);
          assert.equal(failure?.message, undefined);
          assert.equal(bounded, undefined);
          assert.equal(executions, differs?.[model] ?? count);
        }
      });
    }
  });
}

describe('a ring for one writer and one reader', () => {
  for (const model of MODELS) {
    it(`passes three messages through two places in 9 executions under ${model}`, () => {
      const { executions, failure } = check({ model }, ({ words, thread }) => {
        const ring = words(4, 'ring');
        thread('writer', () => {
          for (let message = 0; message < 3; message++) {
            while (message - Atomics.load(ring, 0) === 2);
            ring[2 + (message % 2)] = message;
            Atomics.store(ring, 1, message + 1);
          }
        });
        thread('reader', () => {
          for (let message = 0; message < 3; message++) {
            while (Atomics.load(ring, 1) === message);
            assert.equal(ring[2 + (message % 2)], message);
            Atomics.store(ring, 0, message + 1);
          }
        });
      });
      assert.equal(failure, undefined);
      assert.equal(executions, 9);
    });
  }
});

describe('the table of counts', () => {
  it('has at least 100 programs, of which few differ', () => {
    const differing = PROGRAMS.filter(({ sizes }) => sizes.some(({ differs }) => differs));
    assert.ok(PROGRAMS.length >= 100, `${PROGRAMS.length} programs`);
    assert.ok(differing.length <= 10, `${differing.length} differ`);
  });

  const path = join(FOLDER, 'execution-counts.json');
  it('is that of the file', { skip: !existsSync(path) && 'no corpus here' }, () => {
    const entries = JSON.parse(readFileSync(path, 'utf8')) as Entry[];
    const missing: string[] = [];
    for (const { name, sizes } of PROGRAMS) {
      const entry = entries.find((other) => other.name === name);
      if (entry === undefined) missing.push(name);
      for (const { index, ...counts } of sizes) {
        for (const model of MODELS) {
          const listed = entry?.expected[`${model}.mo`]?.[index];
          if (listed === undefined || counts[model] === undefined) continue;
          assert.equal(Number(listed), counts[model], `${name} under ${model}`);
        }
      }
    }
    // These two are in GenMC's own files.
    assert.deepEqual(missing, ['casrot', 'lastzero']);
  });
});
