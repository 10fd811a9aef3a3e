import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSizes, functionsOf, isTooWide } from '../../scripts/check-sizes.js';

/**
 * @param {Record<string, string>} files
 * @param {Record<string, string>} [exceptions]
 */
const check = (files, exceptions = {}) => checkSizes(new Map(Object.entries(files)), exceptions);
/** @param {number} count */
const statements = (count) => 'f();\n'.repeat(count);

test('checkSizes accepts a file of 600 lines and refuses one of 601', () => {
  assert.deepEqual(check({ 'src/a.ts': statements(600) }), []);
  assert.match(check({ 'src/a.ts': statements(601) })[0] ?? '', /has 601 lines, at most 600/);
});

test('checkSizes accepts a function of 70 lines and refuses one of 71', () => {
  assert.deepEqual(check({ 'a.ts': `function g() {\n${statements(68)}}` }), []);
  const problems = check({ 'a.ts': `class A {\n  m() {\n${statements(69)}}\n}` });
  assert.deepEqual(problems, ['a.ts:2: m has 71 lines, at most 70']);
});

test('checkSizes accepts what has a named exception, and refuses an exception nobody needs', () => {
  const files = { 'a.ts': `const g = () => {\n${statements(69)}}` };
  assert.deepEqual(check(files, { 'a.ts g': 'one table' }), []);
  const stale = check({ 'a.ts': '' }, { 'a.ts g': 'one table' });
  assert.deepEqual(stale, ['scripts/check-sizes.js: a.ts g needs no exception']);
});

test('checkSizes does not count the chapter that describe gets, but the tests in it', () => {
  const test = `  test('x', () => {\n${statements(71)}  });`;
  const sizes = check({ 'a.test.ts': `describe('a', () => {\n${test}\n});` });
  assert.deepEqual(sizes, ['a.test.ts:2: "x" has 73 lines, at most 70']);
});

test('checkSizes leaves out what was generated, and says so in its first line', () => {
  const text = '//\n'.repeat(601);
  assert.deepEqual(check({ 'a.rs': `// Generated from schema.js\n${text}` }), []);
  assert.equal(check({ 'a.rs': `//\n// Generated from schema.js\n${text}` }).length, 1);
});

test('functionsOf finds the functions of C, not its declarations', () => {
  const text =
    'int f(int a);\nstatic napi_value\ng(napi_env env) {\n  if (a) {\n  }\n}\nint a[] = {\n};\n';
  assert.deepEqual(functionsOf('a.c', text), [{ name: 'g', line: 3, lines: 4 }]);
});

test('functionsOf counts a C function whose parameters take several lines from its name on', () => {
  const text = 'static int f(int a,\n             int b)\n{\n  return a;\n}\n';
  assert.deepEqual(functionsOf('a.c', text), [{ name: 'f', line: 1, lines: 5 }]);
});

test('isTooWide counts columns beyond texts and URLs', () => {
  const wide = 'x'.repeat(101);
  assert.equal(isTooWide(`// ${wide}`), true);
  assert.equal(isTooWide('x'.repeat(100)), false);
  assert.equal(isTooWide(`f('${wide}');`), false);
  assert.equal(isTooWide(`// https://example.org/${wide}`), false);
  assert.equal(isTooWide('é'.repeat(100)), false, 'characters, not bytes');
});
