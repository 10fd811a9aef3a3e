import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isInstalled, run } from '../../scripts/install.js';

/**
 * @param {import('node:test').TestContext} context
 * @param {object} wanted packages of the lock file
 * @param {object} [present] packages in node_modules
 */
function project(context, wanted, present) {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-install-'));
  context.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'package-lock.json'), JSON.stringify({ packages: wanted }));
  if (present) {
    mkdirSync(join(directory, 'node_modules'));
    const hidden = join(directory, 'node_modules', '.package-lock.json');
    writeFileSync(hidden, JSON.stringify({ packages: present }));
  }
  return directory;
}

const lock = {
  '': { name: 'rondo' },
  'node_modules/a': { version: '1.0.0' },
  'node_modules/other-platform': { version: '1.0.0', optional: true },
};

test('isInstalled is false without node_modules', (context) => {
  assert.equal(isInstalled(project(context, lock)), false);
});

test('isInstalled is true when all but optional packages have the version asked for', (context) => {
  const present = { 'node_modules/a': { version: '1.0.0' } };
  assert.equal(isInstalled(project(context, lock, present)), true);
});

test('isInstalled is false when a version differs', (context) => {
  const present = { 'node_modules/a': { version: '1.0.1' } };
  assert.equal(isInstalled(project(context, lock, present)), false);
});

test('run gives the exit code, 128 + signal, or 127 for a program that is missing', async (context) => {
  const node = process.execPath;
  assert.equal(await run(node, ['--eval', 'process.exit(3)']), 3);
  assert.equal(await run(node, ['--eval', "process.kill(process.pid, 'SIGTERM')"]), 143);
  context.mock.method(console, 'error', () => {});
  assert.equal(await run('rondo-does-not-exist', []), 127);
});
