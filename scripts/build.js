// Builds everything: the native addon (C), the SIMD module (WebAssembly) and the TypeScript
// sources.
// --native-optional: without a compiler the build says so and goes on; the portable driver needs
// no addon.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative } from './build-native.js';
import { buildWasm } from './build-wasm.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = join(root, 'dist');

/**
 * Removes outputs whose source is gone: a deleted test must not go on running.
 * @param {string} folder of dist/
 */
function prune(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    const source = join(root, relative(output, path));
    if (entry.isDirectory()) {
      if (existsSync(source)) prune(path);
      else rmSync(path, { recursive: true });
    } else if (!existsSync(source.replace(/\.(js|d\.ts)(\.map)?$/, '.ts'))) {
      rmSync(path);
    }
  }
}

const missing = buildNative();
if (missing) {
  console.error(`rondo: the native addon was not built: ${missing}`);
  console.error('rondo: the portable driver (Node net and fs) will be used instead');
  if (!process.argv.includes('--native-optional')) process.exit(1);
}

const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
if (existsSync(compiler)) {
  await buildWasm();
  if (existsSync(output)) prune(output);
  const result = spawnSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
  if (result.status !== 0) process.exit(result.status ?? 1);
} else if (!existsSync(output)) {
  console.error('rondo: TypeScript is not installed; run npm install');
  process.exit(1);
}
