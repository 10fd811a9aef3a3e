import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDocs, emptyParams, entriesOf } from '../../scripts/check-docs.js';

/** @param {Record<string, string>} files declarations; the entry is index.d.ts */
const check = (files) => checkDocs(['index.d.ts'], (path) => files[path] ?? '').problems;

test('checkDocs follows re-exports of every form to the declaration', () => {
  const problems = check({
    'index.d.ts': [
      "export { a, type B as C } from './one.js';",
      "export * from './two.js';",
      "import { d } from './two.js';",
      'export { d as e };',
      "export type { External } from 'elsewhere';",
    ].join('\n'),
    'one.d.ts': '/** Said. */\nexport declare const a: number;\nexport interface B {}\n',
    'two.d.ts': 'export declare function d(): void;\n',
  });
  assert.deepEqual(problems, [
    'one.d.ts:3: C has no docstring',
    'two.d.ts:1: d has no docstring',
    'two.d.ts:1: e has no docstring',
  ]);
});

test('checkDocs accepts an overloaded function that is documented once', () => {
  const text =
    '/** Said. */\nexport declare function f(a: 1): 1;\nexport declare function f(): 2;\n';
  assert.deepEqual(check({ 'index.d.ts': text }), []);
});

test('checkDocs does not take a comment before something else for a docstring', () => {
  const text = '/** a */\nexport declare const a: 1;\nexport declare const b: 1; // b\n';
  assert.deepEqual(check({ 'index.d.ts': text }), ['index.d.ts:3: b has no docstring']);
});

test('checkDocs wants every option documented, and the members of other interfaces not', () => {
  const members = '{\n  /** Said. */\n  a?: 1;\n  b?: 2;\n}\n';
  const text = `/** O. */\nexport interface AOptions ${members}/** P. */\nexport interface P ${members}`;
  assert.deepEqual(check({ 'index.d.ts': text }), ['index.d.ts:5: AOptions.b has no docstring']);
});

test('checkDocs wants the methods of a class documented, not those of an interface that it implements', () => {
  const body = '{\n  #private;\n  private x;\n  f: 1;\n  constructor(a: 1);\n  m(): void;\n}\n';
  const text = `/** A. */\nexport declare class A ${body}/** B. */\nexport declare class B implements I ${body}`;
  assert.deepEqual(check({ 'index.d.ts': text }), ['index.d.ts:7: A.m has no docstring']);
});

test('emptyParams finds a @param that says only its name', () => {
  const text = [
    '@param bufferSize The buffer size',
    '@param {string} path',
    '@param bytes - in the arena',
  ].join('\n');
  assert.deepEqual(emptyParams(new Map([['a.ts', text]])), [
    'a.ts:1: @param bufferSize only repeats the name',
    'a.ts:2: @param path only repeats the name',
  ]);
});

test('entriesOf gives the declarations of the subpaths', () => {
  const entries = entriesOf({
    './a': './dist/src/a/index.js',
    './b': { types: './dist/src/b/index.d.ts', default: './dist/src/b/index.js' },
    './package.json': './package.json',
  });
  assert.deepEqual(entries, ['dist/src/a/index.d.ts', 'dist/src/b/index.d.ts']);
});
