/** `docs/guide/cache-lines.md`: what it shows is what comes out. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  cacheReportText,
  parseCacheTrace,
  type RingPatternOptions,
  simulateCache,
  simulateRing,
} from '../../../src/checker/cache/index.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const page = readFileSync(`${root}/docs/guide/cache-lines.md`, 'utf8');
const [trace = '', output = ''] = [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
  .filter(([, language]) => language === '')
  .map(([, , text]) => text);

// Inside of the package, which samples import by its name.
mkdirSync(`${root}/build`, { recursive: true });
const folder = mkdtempSync(`${root}/build/cache-`);
after(() => rmSync(folder, { recursive: true }));

/** The cells of the rows of a table that begin so. */
function rowsOf(pattern: RegExp): string[][] {
  return page
    .split('\n')
    .filter((line) => pattern.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const MACHINE = { sets: 1024, ways: 16 } as const;

describe('docs/guide/cache-lines.md', () => {
  it('shows what its trace does', () => {
    const text = cacheReportText(simulateCache(parseCacheTrace(trace)));
    assert.equal(text.startsWith(output), true, text);
  });

  it('has samples that print what they say', async () => {
    const samples = [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code!);
    assert.equal(samples.length, 2);
    for (const [index, code] of samples.entries()) {
      const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text]) => text);
      const file = `${folder}/sample-${index}.mjs`;
      writeFileSync(file, code);
      const options = { cwd: root, timeout: 60_000 };
      const { stdout } = await promisify(execFile)(process.execPath, [file], options);
      assert.deepEqual(stdout.trim().split('\n'), said);
    }
  });

  it('has the figures of the ring', () => {
    const rows = rowsOf(/^\| (on one line|\d+ bytes apart)(, pairs fetched)? +\|( [\d.]+ +\|){4}$/);
    assert.equal(rows.length, 6);
    for (const [title, ...cells] of rows) {
      const apart = Number(/^\d+/.exec(title!)?.[0] ?? 0);
      const prefetch = title!.endsWith('fetched') ? 'adjacent' : 'none';
      const { totals, elapsed } = simulateRing({ apart }, { ...MACHINE, prefetch });
      const found = [totals.misses['true sharing'], totals.misses['false sharing']];
      found.push(totals.BusUpgr);
      const each = found.map((count) => String(Number((count / 2000).toFixed(2))));
      const expected = cells.map((cell) => String(Number(cell)));
      assert.deepEqual([...each, String(Math.round(elapsed / 2000))], expected, title);
    }
  });

  it('has the figures of the queue', () => {
    const rows = rowsOf(/^\| .* \| [\d.]+, [\d.]+, [\d.]+ +\| \d+ +\|/);
    assert.equal(rows.length, 6);
    rows.forEach(([title, counts, cycles], index) => {
      const pattern: RingPatternOptions = {
        kind: index < 3 ? 'forgetful queue' : 'queue',
        apart: [0, 64, 128][index % 3]!,
        slots: 256,
        messages: 2000,
      };
      const { totals, elapsed } = simulateRing(pattern, MACHINE);
      const { misses, BusUpgr } = totals;
      const found = [misses['true sharing'], misses['false sharing'], BusUpgr];
      const each = found.map((count) => String(Number((count / 2000).toFixed(1)))).join(', ');
      assert.deepEqual([each, String(Math.round(elapsed / 2000))], [counts, cycles], title);
    });
  });
});
