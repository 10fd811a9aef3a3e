// Builds what the tests of other languages need: the Rust peer with its C interface (build/cargo),
// the C programs (build/peers), a Python with numpy and mypy (build/python). A language that is not
// on the machine is left out, with the reason; its tests are skipped, and with CI=true they fail.
//   node scripts/peers.js     says what was built; exit code 1 when something could not be
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './install.js';
import { findProgram } from './test-needs.js';

const build = join(root, 'build');
const peers = join(root, 'peers');
/** What pip brings; numpy has to run, mypy and its version decide what they complain about. */
const PACKAGES = ['numpy', 'mypy==2.4.1'];

/** Where cargo puts what the tests use: not in its own folder, which has other features in it. */
export const CARGO_TARGET = join(build, 'cargo');
/** The Python of the tests. */
export const PYTHON = join(build, 'python', 'bin', 'python');
/** Rust's library with the C interface, which Python loads. */
export const LIBRARY = join(CARGO_TARGET, 'release', 'librondo_ring.so');

/**
 * Runs a program to its end, quietly unless it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {string | undefined} what is wrong, in a sentence with what the program said
 */
function attempt(command, args, options = {}) {
  const env = { ...process.env, ...options.env };
  const result = spawnSync(command, args, { cwd: options.cwd ?? root, encoding: 'utf8', env });
  if (result.error) return `${command} could not be run: ${result.error.message}`;
  if (result.status === 0) return undefined;
  const said = `${result.stdout}${result.stderr}`.trim();
  return `${[command, ...args].join(' ')} ended with ${result.status ?? result.signal}\n${said}`;
}

/** The Rust peer: its library for Python, its programs for test/ring. */
function buildRust() {
  const cargo = findProgram('cargo');
  if (cargo === undefined) return 'there is no cargo: install the stable Rust toolchain';
  const parts = ['--lib', ...['conformance', 'steps'].flatMap((name) => ['--example', name])];
  return attempt(cargo, ['build', '--release', '--locked', '--features', 'ffi', ...parts], {
    cwd: join(peers, 'rust'),
    env: { CARGO_TARGET_DIR: CARGO_TARGET },
  });
}

/**
 * Compiles a program of one file, named from peers/c, unless it is newer than all files there.
 * @param {string} source without `.c`
 * @param {string} output below build/peers
 * @param {readonly string[]} flags
 */
export function compileC(source, output, flags) {
  const compiler =
    process.env.CC ?? ['cc', 'gcc', 'clang'].map((name) => findProgram(name)).find(Boolean);
  if (compiler === undefined) return 'there is no C compiler: install gcc or clang, or set CC';
  const folder = join(peers, 'c');
  const file = join(folder, `${source}.c`);
  const files = [file, ...readdirSync(folder).map((name) => join(folder, name))];
  const newest = Math.max(...files.map((path) => statSync(path).mtimeMs));
  const path = join(build, 'peers', output);
  if (existsSync(path) && statSync(path).mtimeMs > newest) return undefined;
  mkdirSync(dirname(path), { recursive: true });
  const strict = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-pthread', '-g'];
  return attempt(compiler, [...strict, ...flags, file, '-o', path]);
}

/** A virtual environment with numpy and mypy. */
function buildPython() {
  const python = process.env.PYTHON ?? findProgram('python3');
  if (python === undefined) return 'there is no python3: install Python 3.9 or later';
  if (!existsSync(PYTHON)) {
    const made = attempt(python, ['-m', 'venv', join(build, 'python')]);
    if (made !== undefined) return made;
  }
  if (attempt(PYTHON, ['-c', 'import numpy, mypy']) === undefined) return undefined;
  const pip = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:'];
  const brought = attempt(PYTHON, [...pip, ...PACKAGES]);
  if (brought === undefined || process.env.CI === 'true') return brought;
  // The package itself needs neither; what does is skipped.
  console.error(`rondo: Python has no numpy or mypy: ${brought}`);
  return undefined;
}

/**
 * Builds everything that can be built.
 * @returns {{ language: string, problem: string | undefined }[]}
 */
export function buildPeers() {
  if (process.platform !== 'linux') {
    const problem = `rings between processes are Linux only, this is ${process.platform}`;
    return ['Rust', 'C', 'Python'].map((language) => ({ language, problem }));
  }
  return [
    { language: 'Rust', problem: buildRust() },
    { language: 'C', problem: compileC('conformance', 'conformance', ['-O2']) },
    { language: 'Python', problem: buildPython() },
  ];
}

/** Builds, and says what is missing. */
export function ensurePeers() {
  const started = performance.now();
  const outcomes = buildPeers();
  for (const { language, problem } of outcomes) {
    if (problem !== undefined) console.error(`rondo: no ${language} peer: ${problem}`);
  }
  const seconds = (performance.now() - started) / 1000;
  if (seconds > 2) console.log(`rondo: the peers were built in ${seconds.toFixed(1)} s`);
  return outcomes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outcomes = ensurePeers();
  for (const { language, problem } of outcomes) {
    console.log(`${language}: ${problem === undefined ? 'built' : 'not built'}`);
  }
  process.exitCode = outcomes.some(({ problem }) => problem !== undefined) ? 1 : 0;
}
