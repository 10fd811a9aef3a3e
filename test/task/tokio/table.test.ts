/** `docs/tokio-behaviours.md` names tests; all of them are there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

test('every test that docs/tokio-behaviours.md names is in its file', () => {
  const page = readFileSync(`${root}/docs/tokio-behaviours.md`, 'utf8');
  const missing: string[] = [];
  let source = '';
  let file = '';
  let rows = 0;
  for (const line of page.split('\n')) {
    const named = /^In \[`(.+)`\]/.exec(line);
    if (named !== null) {
      file = named[1]!;
      source = readFileSync(`${root}/${file}`, 'utf8').replaceAll("\\'", "'");
      continue;
    }
    // The first cell of a row is one name of tokio's or several.
    const row = /^\| `[^|]+`\s*\| `([^`]+)`\s*\|/.exec(line);
    if (row === null) continue;
    rows += 1;
    for (const part of row[1]!.split(' › ')) {
      if (!source.includes(part.replaceAll('’', "'")) && !source.includes(part)) {
        missing.push(`${file} › ${part}`);
      }
    }
  }
  assert.ok(rows > 100);
  assert.deepEqual(missing, []);
});
