import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLayers, cycles } from '../../scripts/check-layers.js';

/** @param {Record<string, string>} files */
const check = (files) => checkLayers(new Map(Object.entries(files)));

test('checkLayers accepts imports downwards, through the doors', () => {
  const problems = check({
    'src/base/index.ts': "export { clock } from './clock.ts';",
    'src/base/clock.ts': 'export const clock = { now: () => performance.now() };',
    'src/memory/index.ts':
      "import { clock } from '../base/index.ts';\nimport * as a from '#atomics';",
    'src/atomics/index.ts': 'export const load = (w, i) => Atomics.load(w, i);',
  });
  assert.deepEqual(problems, []);
});

test('checkLayers refuses an import upwards, types included', () => {
  const [problem, ...others] = check({
    'src/base/a.ts': "\nimport type { Arena } from '../memory/index.ts';",
  });
  assert.match(problem ?? '', /^src\/base\/a\.ts:2: .*base must not import memory$/);
  assert.deepEqual(others, []);
});

test('checkLayers refuses an import past a door', () => {
  const [problem] = check({ 'src/driver/a.ts': "export * from '../memory/arena.ts';" });
  assert.match(problem ?? '', /through their index\.ts alone/);
});

test('checkLayers refuses Atomics by its folder', () => {
  const [problem] = check({ 'src/memory/a.ts': "import { add } from '../atomics/index.ts';" });
  assert.match(problem ?? '', /must be imported as #atomics/);
});

test('checkLayers refuses a folder that is not in the table', () => {
  const [problem] = check({ 'src/misc/a.ts': '' });
  assert.match(problem ?? '', /not in the table/);
});

test('checkLayers refuses what stands outside src/, but not in tests', () => {
  const text = "import { suite } from '../../test/conformance/suite.ts';";
  assert.match(check({ 'src/driver/a.ts': text })[0] ?? '', /must not import what stands outside/);
  assert.deepEqual(check({ 'src/driver/a.test.ts': text }), []);
});

for (const [use, text] of [
  ['Atomics', 'const { load } = Atomics;'],
  ['Atomics', 'globalThis.Atomics; export const x = Atomics;'],
  ['Date.now', 'export const t = Date.now();'],
  ['new Date', 'export const t = new Date();'],
  ['performance.now', 'export const t = performance.now();'],
  ['Math.random', 'export const r = Math.random();'],
  ['process.env', "export const d = process.env['RONDO_DRIVER'];"],
  ['createRequire', 'createRequire(import.meta.url);'],
]) {
  test(`checkLayers refuses ${use} outside its place: ${text}`, () => {
    const [problem] = check({ 'src/gateway/a.ts': text ?? '' });
    assert.match(problem ?? '', new RegExp(`uses ${use}: `));
    assert.deepEqual(check({ 'src/gateway/a.test.ts': text ?? '' }), [], 'tests may');
  });
}

test('checkLayers does not take a key, a comment or a date that is given for a use', () => {
  const text = '// Atomics\nexport const x = { Atomics: y.Atomics, d: new Date(0), s: "Atomics" };';
  assert.deepEqual(check({ 'src/gateway/a.ts': text }), []);
});

test('checkLayers lets src/native alone load the addon', () => {
  const text = "new URL('../../build/rondo.node', import.meta.url);";
  assert.deepEqual(check({ 'src/native/a.ts': text }), []);
  assert.match(check({ 'src/driver/a.ts': text })[0] ?? '', /only src\/native\//);
});

test('checkLayers finds a cycle of files, not one of types', () => {
  const value = check({
    'src/base/a.ts': "import { b } from './b.ts';",
    'src/base/b.ts': "export { a } from './a.ts';",
  });
  assert.deepEqual(value, ['cycle: src/base/a.ts → src/base/b.ts → src/base/a.ts']);
  const types = check({
    'src/base/a.ts': "import { b } from './b.ts';",
    'src/base/b.ts': "import type { a } from './a.ts';",
  });
  assert.deepEqual(types, []);
});

test('cycles finds each cycle of a graph once', () => {
  const graph = new Map([
    ['a', ['b', 'c']],
    ['b', ['c']],
    ['c', ['a']],
    ['d', ['a', 'd']],
  ]);
  assert.deepEqual(cycles(graph), [
    ['a', 'b', 'c', 'a'],
    ['d', 'd'],
  ]);
});
