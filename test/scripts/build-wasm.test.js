import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assemble } from '../../scripts/build-wasm.js';
import { root } from '../../scripts/install.js';

/** @param {string} name */
const read = (name) => readFileSync(join(root, 'src', 'websocket', 'codec', name), 'utf8');

test('assemble gives what is committed for simd.wat', async () => {
  assert.equal(await assemble(read('simd.wat')), read('simd-module.ts'));
});

test('assemble says where a module is wrong', async () => {
  await assert.rejects(assemble('(module\n  (func (export "f") (i32.nothing)))'), /simd\.wat:2/);
});
