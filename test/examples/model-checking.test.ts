/**
 * `docs/guide/model-checking.md`: its tests, run by `rondo check`, come out as the page shows. Its
 * other samples are run by `guide.test.ts`.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { assertShown, blocksOf, change, rondoCheck, root } from './blocks.ts';

const page = readFileSync(`${root}/docs/guide/model-checking.md`, 'utf8');
const [counter = '', publish = ''] = blocksOf(page, 'js').filter((code) => code.includes('model('));
const [lost = '', counted = '', stale = ''] = blocksOf(page, 'text');

// Inside of the package, which samples import by its name.
mkdirSync(`${root}/build`, { recursive: true });
const folder = mkdtempSync(`${root}/build/model-checking-`);
after(() => rmSync(folder, { recursive: true }));

async function comesOut(name: string, code: string, shown: string, wanted: number): Promise<void> {
  writeFileSync(`${folder}/${name}.check.js`, code);
  const { output, code: exitCode } = await rondoCheck(folder, `${name}.check.js`);
  assertShown(shown, output);
  assert.equal(exitCode, wanted, output);
}

describe('docs/guide/model-checking.md', () => {
  it('loses an increment', () => comesOut('counter', counter, lost, 1));

  it('loses none with Atomics.add', async () => {
    const added = change(counter, /Atomics\.store\(.*\);$/m, 'Atomics.add(count, 0, 1);');
    await comesOut('counter', added, counted, 0);
  });

  it('sees a flag without data', () => comesOut('publish', publish, stale, 1));
});
