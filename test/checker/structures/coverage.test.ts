/**
 * No source of `src/` that shares memory by atomics is without its checker test: a new one is covered
 * by a structure, or named here with its reason.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { structures } from './all.ts';

/** Sources that import `#atomics`, and are no lock-free structures. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'ring/directory/directory.ts':
    'it rests for a millisecond on a word that no other thread knows; what it shares are files',
};

const sources = fileURLToPath(new URL('../../../../src/', import.meta.url));

/** Whether a source imports the door; types alone do not count. */
function isLockFree(file: string): boolean {
  return /^import \{[^}]*\} from '#atomics'/m.test(readFileSync(`${sources}${file}`, 'utf8'));
}

test('every source with atomics has a checker test, or a reason to have none', () => {
  const all = readdirSync(sources, { recursive: true, encoding: 'utf8' });
  assert.ok(all.length > 100, 'sources are found');
  const files = all
    .filter((file) => file.endsWith('.ts') && !file.includes('.test.') && isLockFree(file))
    .sort();
  const covered = new Set(
    structures.flatMap(({ covers }) => covers.map((file) => file.replace(/\.js$/, '.ts'))),
  );
  const reasonless = files.filter((file) => !covered.has(file) && !(file in EXCEPTIONS));
  assert.deepEqual(reasonless, []);
  const needless = Object.keys(EXCEPTIONS).filter(
    (file) => !files.includes(file) || covered.has(file),
  );
  assert.deepEqual(needless, [], 'these exceptions have nothing left to except');
});

test('every source that a structure covers is there', () => {
  const covered = structures.flatMap(({ covers }) => covers);
  for (const file of new Set(covered)) {
    const text = readFileSync(`${sources}${file.replace(/\.js$/, '.ts')}`, 'utf8');
    assert.notEqual(text, '', file);
  }
});
