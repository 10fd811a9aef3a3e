// Builds native/src/*.c into build/rondo.node with the system's C compiler.
// Needs only a compiler and the headers of the `node-api-headers` package: no node-gyp, no uv.h.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'native', 'src');
const output = join(root, 'build', 'rondo.node');

/**
 * Compiles the addon when a source is newer than the binary.
 * Returns undefined when it is in place, otherwise the sentence that says what is missing.
 * @returns {string | undefined}
 */
export function buildNative() {
  if (process.platform !== 'linux')
    return `the native addon is Linux only, this is ${process.platform}`;
  const files = readdirSync(sources).filter((name) => /\.[ch]$/.test(name));
  const newest = Math.max(...files.map((name) => statSync(join(sources, name)).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs > newest) return undefined;

  let headers;
  try {
    headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  } catch {
    return 'the npm package node-api-headers is not installed (run npm install)';
  }
  mkdirSync(dirname(output), { recursive: true });
  const compiler = process.env.CC || 'cc';
  // A temporary name, then rename: a running process keeps the file that it has mapped.
  const partial = `${output}.${process.pid}`;
  const result = spawnSync(
    compiler,
    [
      '-std=gnu11',
      '-O2',
      '-g',
      '-fPIC',
      '-shared',
      '-fvisibility=hidden',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-DNAPI_VERSION=8',
      '-I',
      headers,
      ...files.filter((name) => name.endsWith('.c')).map((name) => join(sources, name)),
      '-o',
      partial,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (result.error)
    return `no C compiler: ${compiler} could not be run (install gcc or clang, or set CC)`;
  if (result.status !== 0) return `${compiler} failed with exit code ${result.status}`;
  renameSync(partial, output);
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = buildNative();
  if (missing) {
    console.error(`rondo: the native addon was not built: ${missing}`);
    process.exitCode = 1;
  }
}
