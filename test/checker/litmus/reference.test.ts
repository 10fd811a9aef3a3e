/**
 * The reference of barriers and atomics (docs/reference/barriers.md) says what the models say: each
 * of its verdicts is a link to a litmus test, which is run under the model of its architecture.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseLitmus, runLitmus } from '../../../src/checker/litmus/index.ts';
import type { LitmusTest } from '../../../src/checker/litmus/index.ts';
import { modelNamed } from '../../../src/checker/models/index.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const folder = `${root}/examples/litmus`;
const page = readFileSync(`${root}/docs/reference/barriers.md`, 'utf8');

const MODELS: Readonly<Record<LitmusTest['architecture'], string>> = {
  x86: 'tso',
  aarch64: 'armv8',
  riscv: 'riscv',
  c11: 'rc11',
};

const links = [
  ...page.matchAll(/\[(\w+)\]\(\.\.\/\.\.\/examples\/litmus\/([\w-]+)\.litmus\)/g),
].map(([, verdict = '', name = '']) => ({ verdict, name }));

describe('barriers.md', () => {
  it('links every test of examples/litmus, and no other', () => {
    const files = readdirSync(folder).map((file) => file.replace('.litmus', ''));
    assert.deepEqual([...new Set(links.map(({ name }) => name))].sort(), files.sort());
  });

  for (const name of new Set(links.map((link) => link.name))) {
    const verdicts = links.filter((link) => link.name === name);
    it(`${name} is ${verdicts[0]?.verdict ?? ''}`, () => {
      const test = parseLitmus(readFileSync(`${folder}/${name}.litmus`, 'utf8'));
      const model = modelNamed(MODELS[test.architecture]);
      assert.ok(model !== undefined);
      assert.equal(test.name, name);
      assert.equal(test.quantifier, 'exists');
      const { holds, states } = runLitmus(test, model);
      assert.ok(states > 0, 'some execution is allowed');
      for (const { verdict } of verdicts) assert.equal(holds ? 'allowed' : 'forbidden', verdict);
    });
  }
});
