import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkErrors, codesOfPage, writePage } from '../../scripts/check-errors.js';

const table = `export const ERROR_CODES = {
  ERR_FIRST: 'The first thing went wrong',
  ERR_SECOND: 'The second thing went wrong',
} as const;`;
const page = `# Errors

## ERR_FIRST

The first thing went wrong.

What to do about it.

## ERR_SECOND

The second thing
went wrong.
`;
const sources = new Map([['src/a.ts', "misuse('ERR_FIRST'); misuse('ERR_SECOND');"]]);

test('checkErrors accepts a table, a page and code that agree', () => {
  assert.deepEqual(checkErrors(table, page, sources), []);
});

test('checkErrors refuses a code without a heading and one with another meaning', () => {
  const [missing, other] = checkErrors(
    table,
    '# Errors\n\n## ERR_SECOND\n\nSomething else.\n',
    sources,
  );
  assert.equal(missing, 'docs/errors.md: has no heading ERR_FIRST');
  assert.match(
    other ?? '',
    /ERR_SECOND must begin with the paragraph "The second thing went wrong\."/,
  );
});

test('checkErrors refuses a heading without a code', () => {
  const problems = checkErrors(table, `${page}\n## ERR_THIRD\n\nGone.\n`, sources);
  assert.match(problems[0] ?? '', /ERR_THIRD is not in the table/);
});

test('checkErrors refuses a code that nothing gives, even when a test mentions it', () => {
  const mentioned = new Map([
    ['src/a.ts', 'ERR_FIRST'],
    ['src/a.test.ts', 'ERR_SECOND'],
  ]);
  const problems = checkErrors(table, page, mentioned);
  assert.deepEqual(problems, ['src/base/errors.ts: ERR_SECOND is not given anywhere']);
});

test('checkErrors counts a code that C gives, and refuses one that is not in the table', () => {
  const both = new Map([...sources, ['native/src/a.c', '\nthrow_coded(env, "ERR_FORTH");']]);
  const problems = checkErrors(table, page, both);
  assert.deepEqual(problems, [
    'native/src/a.c:2: ERR_FORTH is not in the table of src/base/errors.ts',
  ]);
});

test('writePage adds what is missing, corrects meanings and keeps what was written by hand', () => {
  const old = '# Errors\n\n### ERR_SECOND\n\nSomething\nelse.\n\nBy hand.\n';
  const text = writePage(table, old);
  assert.deepEqual(checkErrors(table, text, sources), []);
  assert.match(text, /### ERR_SECOND\n\nThe second thing went wrong\.\n\nBy hand\./);
  assert.deepEqual([...codesOfPage(text).keys()], ['ERR_SECOND', 'ERR_FIRST']);
  assert.equal(writePage(table, text), text);
});
