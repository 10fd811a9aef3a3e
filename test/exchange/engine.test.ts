/** The engine of the example exchange by itself, and its declarations. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skip } from './program.ts';

const root = new URL('../../../', import.meta.url);
const path = (name: string): string => fileURLToPath(new URL(name, root));

function succeeds(program: string, ...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

test('the exchange: the Rust declarations are what the schema says', () => {
  const schema = path('examples/exchange/schema.js');
  const rust = path('examples/exchange/engine/src/schema.rs');
  succeeds(
    process.execPath,
    path('dist/src/cli/main.js'),
    'gen',
    schema,
    '--rust',
    rust,
    '--check',
  );
});

test('the exchange: the tests of the engine pass', { skip }, () => {
  const manifest = path('examples/exchange/engine/Cargo.toml');
  const target = path('build/exchange');
  succeeds('cargo', 'test', '--locked', '--manifest-path', manifest, '--target-dir', target);
});
