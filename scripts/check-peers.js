// The tests of the peers in their own languages, once for all Nodes: they look at no Node at all.
// What they have in common with TypeScript is tested by test/ring/conformance.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './install.js';
import { buildPeers, CARGO_TARGET, compileC, LIBRARY, PYTHON } from './peers.js';
import { findProgram } from './test-needs.js';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** What one program may take, in ms. */
const LIMIT = 300_000;
const NOTHING = { passed: 0, failed: 0, skipped: 0 };

/**
 * What `cargo test` says: a line for each binary and for the examples in the documentation.
 * @param {string} text
 * @returns {Counts}
 */
export function countCargo(text) {
  const line = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm;
  return sum([...text.matchAll(line)].map(([, ...counts]) => toCounts(counts)));
}

/**
 * What unittest says: how many ran, and what became of those that did not pass.
 * @param {string} text
 * @returns {Counts}
 */
export function countUnittest(text) {
  const ran = Number(/^Ran (\d+) tests? in /m.exec(text)?.[1] ?? 0);
  const ending = /^(?:OK|FAILED)(?: \((.*)\))?$/m.exec(text)?.[1] ?? '';
  const parts = new Map(
    ending.split(', ').map((part) => /** @type {[string, string]} */ (part.split('='))),
  );
  /** @param {string} name */
  const of = (name) => Number(parts.get(name) ?? 0);
  const failed = of('failures') + of('errors') + of('unexpected successes');
  const skipped = of('skipped') + of('expected failures');
  return { passed: Math.max(0, ran - failed - skipped), failed, skipped };
}

/** @param {(string | undefined)[]} counts */
function toCounts([passed = '0', failed = '0', skipped = '0']) {
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

/** @param {readonly Counts[]} all */
function sum(all) {
  return all.reduce(
    (one, other) => ({
      passed: one.passed + other.passed,
      failed: one.failed + other.failed,
      skipped: one.skipped + other.skipped,
    }),
    NOTHING,
  );
}

/**
 * Runs a program to its end; shows what it printed when it fails. Without `count` it counts as one.
 * A program that fails, or says nothing that can be counted, is at least one failure.
 * @param {string} what
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, count?: (text: string) => Counts }} [options]
 * @returns {Counts}
 */
function measure(what, command, args, { cwd = root, env = {}, count } = {}) {
  const started = performance.now();
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: LIMIT,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
  });
  const text = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  const isWell = result.status === 0;
  const counts = count?.(text) ?? { ...NOTHING, passed: isWell ? 1 : 0 };
  if (counts.failed === 0 && (!isWell || counts.passed + counts.skipped === 0)) counts.failed = 1;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const mark = counts.failed > 0 ? '✖' : '✔';
  console.log(`${mark} ${what}: ${counts.passed} passed, ${counts.failed} failed (${seconds} s)`);
  if (counts.failed > 0) {
    const why = result.error?.message ?? `it ended with ${result.status ?? result.signal}`;
    console.log(`${[command, ...args].join(' ')}: ${why}\n${text.trim()}`);
  }
  return counts;
}

/** Formatting, lints and tests of the Rust peer. */
function checkRust() {
  const cwd = join(root, 'peers', 'rust');
  const env = { CARGO_TARGET_DIR: CARGO_TARGET, CARGO_TERM_COLOR: 'never' };
  const lint = ['clippy', '--quiet', '--locked', '--all-targets', '--features', 'ffi'];
  return sum([
    measure('cargo fmt', 'cargo', ['fmt', '--check'], { cwd, env }),
    measure('cargo clippy', 'cargo', [...lint, '--', '-D', 'warnings'], { cwd, env }),
    measure('cargo test', 'cargo', ['test', '--locked', '--features', 'ffi'], {
      cwd,
      env,
      count: countCargo,
    }),
    checkLoom(join(cwd, 'loom')),
  ]);
}

/**
 * The models of peers/rust/loom. The only part that needs crates of others: skipped without them.
 * @param {string} cwd
 */
function checkLoom(cwd) {
  // Apart: its profile and features would replace the library that Python loads.
  const env = { CARGO_TARGET_DIR: `${CARGO_TARGET}-loom`, CARGO_TERM_COLOR: 'never' };
  const fetched = spawnSync('cargo', ['fetch', '--locked'], {
    cwd,
    stdio: 'ignore',
    timeout: LIMIT,
  });
  if (fetched.status === 0) {
    const count = countCargo;
    return measure('loom', 'cargo', ['test', '--locked', '--release'], { cwd, env, count });
  }
  console.log('loom: skipped, its crates could not be fetched');
  return { ...NOTHING, skipped: 1 };
}

/**
 * The programs of peers/c, with what finds faults of memory and of threads. Each counts as one:
 * what they count themselves are checks, hundreds of thousands of them.
 */
function checkC() {
  const memory = ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  /** @type {[source: string, output: string, flags: string[], ...args: string[]][]} */
  const programs = [
    ['test', 'test-memory', memory],
    ['vectors', 'vectors', memory, join(root, 'spec', 'vectors')],
    ['test-processes', 'test-processes-memory', memory],
    ['test-processes', 'test-threads', ['-O1', '-fsanitize=thread'], 'threads'],
  ];
  const outcomes = programs.map(([source, output, flags, ...args]) => {
    const problem = compileC(source, output, flags);
    if (problem === undefined) return measure(output, join(root, 'build', 'peers', output), args);
    console.log(`✖ ${output}: ${problem}`);
    return { ...NOTHING, failed: 1 };
  });
  return sum([...outcomes, checkKills(), checkCxx()]);
}

/** Kills producers, consumers and creators at each write, with the library of test/ring/steps. */
function checkKills() {
  if (process.arch !== 'x64') return { ...NOTHING, skipped: 1 };
  const library = join(root, 'build', 'peers', 'killstep.so');
  const source = join('..', '..', 'test', 'ring', 'steps', 'killstep');
  const problem =
    compileC(source, 'killstep.so', ['-O2', '-shared', '-fPIC']) ??
    compileC('test-steps', 'test-steps', ['-O2']);
  if (problem === undefined) {
    return measure('test-steps', join(root, 'build', 'peers', 'test-steps'), [library]);
  }
  console.log(`✖ test-steps: ${problem}`);
  return { ...NOTHING, failed: 1 };
}

/** The header is C++ as well. */
function checkCxx() {
  const compiler = process.env.CXX ?? findProgram('c++');
  if (compiler === undefined) return { ...NOTHING, skipped: 1 };
  const strict = ['-std=c++20', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fsyntax-only'];
  const header = join(root, 'peers', 'c', 'rondo_ring.h');
  return measure('C++20', compiler, [...strict, '-include', header, '-x', 'c++', '/dev/null']);
}

/** The tests of the Python package, and mypy where it is there. */
function checkPython() {
  const cwd = join(root, 'peers', 'python');
  const directory = mkdtempSync(join(tmpdir(), 'rondo-python-'));
  const env = { RONDO_RING_LIBRARY: LIBRARY, MYPY_CACHE_DIR: join(root, 'build', 'mypy') };
  try {
    const tests = measure(
      'unittest',
      PYTHON,
      ['-W', 'error', '-m', 'unittest', 'discover', '-t', '.', '-s', 'tests'],
      {
        cwd,
        env: { ...env, PYTHONDONTWRITEBYTECODE: '1', TMPDIR: directory },
        count: countUnittest,
      },
    );
    const hasMypy = spawnSync(PYTHON, ['-c', 'import mypy']).status === 0;
    if (hasMypy) return sum([tests, measure('mypy', PYTHON, ['-m', 'mypy'], { cwd, env })]);
    console.log('mypy: skipped, it is not installed');
    return { ...tests, skipped: tests.skipped + 1 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Everything of the peers' own. A language that is not on this machine is skipped, with CI=true it
 * has failed.
 * @returns {Counts}
 */
export function checkPeers() {
  const checks = new Map([
    ['Rust', checkRust],
    ['C', checkC],
    ['Python', checkPython],
  ]);
  return sum(
    buildPeers().map(({ language, problem }) => {
      if (problem === undefined) return checks.get(language)?.() ?? NOTHING;
      console.log(`${language}: ${problem}`);
      return process.env.CI === 'true' ? { ...NOTHING, failed: 1 } : { ...NOTHING, skipped: 1 };
    }),
  );
}
