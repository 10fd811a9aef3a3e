// Builds what the benchmark needs and runs it: the generator and the reference server (C), Rondo
// itself, and the peers in bench/peers. See bench/README.md; `npm run bench -- --help` lists parts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const argv = process.argv.slice(2);

/**
 * Compiles C sources when one of them, or a header beside them, is newer than the program.
 * @param {string} output
 * @param {string} folder
 * @param {readonly string[]} sources
 * @param {readonly string[]} [more] flags
 */
function compile(output, folder, sources, more = []) {
  const files = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const newest = Math.max(...files.map((name) => statSync(join(folder, name)).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs > newest) return;
  const compiler = process.env.CC || 'cc';
  const paths = sources.map((name) => join(folder, name));
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', ...more];
  const result = spawnSync(compiler, [...flags, ...paths, '-o', output], { stdio: 'inherit' });
  if (result.status === 0) return;
  console.error(
    result.error
      ? `bench: no C compiler: ${compiler} could not be run (install gcc or clang, or set CC)`
      : `bench: ${compiler} failed with exit code ${result.status}`,
  );
  process.exit(1);
}

/** What the suite `ring` compares with, and calls: a program, a library, an addon. */
function compileForRings() {
  const folder = join(root, 'bench', 'servers', 'ring');
  const build = join(root, 'build');
  const headers = createRequire(import.meta.url)('node-api-headers').include_dir;
  const shared = ['-shared', '-fPIC'];
  const addon = [...shared, '-DNAPI_VERSION=8', '-I', headers];
  compile(join(build, 'futex-trips'), folder, ['futex-trips.c']);
  compile(join(build, 'bench-calls.so'), folder, ['calls.c'], shared);
  compile(join(build, 'bench-addon.node'), folder, ['addon.c'], addon);
}

/** The peers are optional: without them the bench says so and goes on. */
function installPeers() {
  const peers = join(root, 'bench', 'peers');
  const installed = join(peers, 'node_modules', '.package-lock.json');
  const lock = statSync(join(peers, 'package-lock.json')).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs > lock) return;
  console.error('bench: installing the peers (bench/peers)');
  // No script needs to run: Bun's program is in its platform package.
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-progress'], {
    cwd: peers,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (result.status !== 0) console.error('bench: the peers could not be installed');
}

if (process.platform !== 'linux') {
  console.error('bench: it measures through /proc and needs Linux');
  process.exit(1);
}
if (!argv.includes('--no-build')) {
  const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.js')], {
    stdio: 'inherit',
  });
  if (build.status !== 0) process.exit(build.status ?? 1);
}
if (!argv.includes('--help')) {
  mkdirSync(join(root, 'build'), { recursive: true });
  const generator = join(root, 'bench', 'generator');
  const servers = join(root, 'bench', 'servers');
  const sources = readdirSync(generator).filter((name) => name.endsWith('.c'));
  compile(join(root, 'build', 'generator'), generator, sources);
  compile(join(root, 'build', 'c-epoll-echo'), servers, ['c-epoll-echo.c']);
  compileForRings();
  installPeers();
}
const { main } = await import(pathToFileURL(join(root, 'dist', 'bench', 'main.js')).href);
try {
  process.exitCode = await main(root, argv);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
