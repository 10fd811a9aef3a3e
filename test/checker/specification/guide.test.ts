/**
 * The guide's page on memory models: its samples print what their comments say, and its table says
 * of JavaScript what the evaluator finds, and of the rest what the shared table has, when it is
 * there.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SHAPES } from './shapes.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const page = readFileSync(join(root, 'docs/guide/memory-models.md'), 'utf8');
const run = promisify(execFile);

describe('docs/guide/memory-models.md', { concurrency: 2 }, () => {
  // Inside of the package, which samples import by its name.
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/guide-'));
  after(() => rmSync(folder, { recursive: true }));

  for (const { index, 1: code = '' } of page.matchAll(/^```js\n([\s\S]*?)^```$/gm)) {
    const line = page.slice(0, index).split('\n').length;
    it(`the sample at line ${line}`, async () => {
      const file = join(folder, `${line}.mjs`);
      writeFileSync(file, code);
      const { stdout } = await run(process.execPath, [file], { cwd: root, timeout: 60_000 });
      const said = [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, text]) => text);
      assert.deepEqual(stdout.trimEnd().split('\n'), said);
    });
  }
});

describe('the table of docs/guide/memory-models.md', () => {
  const rows = [...page.matchAll(/^\| ([\w+]+) +\|((?: (?:yes|-) +\|){8})$/gm)].map(
    ([, name = '', cells = '']) => {
      return { name, cells: cells.split('|').map((cell) => (cell.includes('yes') ? 'A' : 'F')) };
    },
  );
  const columns = [
    ...['X86_64.plain', 'AArch64.plain', 'RISCV.plain', 'C11.rlx', 'C11.ra', 'C11.sc'],
    ...['JS.plain', 'JS.atomics'],
  ];
  const folder = process.env['RONDO_LITMUS'] ?? join(root, '..', 'shared', 'litmus');
  const file = join(folder, 'classic-table.json');
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>)
    : undefined;

  it('has all shapes', () => {
    const names = rows.map(({ name }) => name);
    assert.deepEqual(names.sort(), Object.keys(SHAPES).sort());
  });

  for (const { name, cells } of rows) {
    it(name, () => {
      assert.equal(cells[6]! + cells[7]!, SHAPES[name]!.expected.slice(0, 2));
      columns.forEach((column, at) => {
        // `F(C11 orig A)`: what the text of 2011 allows besides.
        const verdict = known?.[name]?.[column]?.[0];
        if (verdict !== undefined) assert.equal(cells[at], verdict, column);
      });
    });
  }
});
