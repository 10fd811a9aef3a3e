// `npm run check`: everything that has to hold, in one command. A failed step does not stop the
// others, except the build: without it the rest would say nothing true.
//   npm run check                  the rules and the tests, on this Node
//   npm run check -- --matrix      the same, and the tests on every Node and driver (.ci/run)
//   npm run check -- layers docs   only these steps
// The last line counts each rule as one and each test in each run as one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkPeers } from './check-peers.js';
import { ensureInstalled, npm, root, run } from './install.js';
import { MATRIX_MAJORS, obtainNode } from './nodes.js';

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { matrix: { type: 'boolean', default: false } },
});

/** @typedef {{ file: string, name: string, error: string }} Failure */
/** @typedef {{ passed: number, failed: number, skipped: number, failures?: Failure[] }} Counts */
/** @typedef {Counts & { name: string, seconds: number }} Outcome */

/** @param {string} name a program of a development dependency */
const tool = (name) => join(root, 'node_modules', '.bin', name);
/** @param {string} name */
const script = (name) => join(root, 'scripts', name);

/**
 * The rules, in the order in which a failure is cheapest to understand.
 * @returns {Promise<[name: string, command: string, ...args: string[]][]>}
 */
async function rules() {
  const node = process.execPath;
  // The floor is engines' own version: a promise about the oldest Node is kept on the oldest Node.
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const floor = manifest.engines.node.replace('>=', '');
  const oldest = options.matrix ? await obtainNode(floor) : node;
  return [
    ['format', tool('prettier'), '--check', '--log-level=warn', '.'],
    ['types of scripts', tool('tsc'), '-p', script('tsconfig.json')],
    ['lint', tool('oxlint'), '--type-aware', '--deny-warnings'],
    ['layers', node, script('check-layers.js')],
    ['sizes', node, script('check-sizes.js')],
    ['errors', node, script('check-errors.js')],
    ['docs', node, script('check-docs.js')],
    ['links', node, script('check-links.js')],
    ['dead code', tool('knip'), '--no-progress'],
    ['package', node, script('check-package.js'), '--node', oldest],
  ];
}

/**
 * Left out of all runs but the first: the rules' own tests look at the sources and not at what
 * runs; those with other languages are about what lies in memory, and take minutes; simulations
 * come out the same everywhere.
 */
const ONCE = [
  'test/scripts',
  'test/ring/conformance',
  'test/ring/steps',
  'test/exchange',
  'test/checker',
  'simulation',
];

/** What runs again with io_uring off: everything that has to do with a driver. */
const DRIVEN = ['driver', 'conformance', 'native', 'runtime', 'net', 'fs', 'client', 'gateway'];

/**
 * The runs of the tests, as options of `npm test`. On the machine's Node everything runs, and once
 * more what has to do with drivers, with io_uring forced off; so do the other Nodes, without what
 * is enough once.
 * @returns {[name: string, ...args: string[]][]}
 */
function testRuns() {
  const own = process.versions.node;
  const major = own.split('.')[0] ?? '';
  if (!options.matrix) return [[`tests on Node ${own}`]];
  const others = MATRIX_MAJORS.filter((other) => other !== major);
  const product = ONCE.flatMap((folder) => ['--without', folder]);
  const off = ['--driver', 'epoll', ...product, ...DRIVEN];
  /** @type {[name: string, ...args: string[]][]} */
  const runs = [[`tests on Node ${own}`], [`tests on Node ${own}, io_uring off`, ...off]];
  for (const other of others) {
    runs.push([`tests on Node ${other}`, '--node', other, ...product]);
    runs.push([`tests on Node ${other}, io_uring off`, '--node', other, ...off]);
  }
  return runs;
}

/** Failures of one run that the summary repeats. */
const FAILURES_SHOWN = 10;

/** @type {Outcome[]} */
const outcomes = [];

/**
 * Runs one step; says how it went and how long it took.
 * @param {string} name
 * @param {() => Promise<Counts>} work
 */
async function step(name, work) {
  if (wanted.length > 0 && !wanted.some((word) => name.startsWith(word))) return true;
  console.log(`\n── ${name}`);
  const started = performance.now();
  const counts = await work();
  const seconds = (performance.now() - started) / 1000;
  outcomes.push({ name, ...counts, seconds });
  console.log(`── ${name}: ${counts.failed > 0 ? 'failed' : 'passed'} (${seconds.toFixed(1)} s)`);
  return counts.failed === 0;
}

/**
 * @param {string} command
 * @param {string[]} args
 */
async function rule(command, args) {
  const failed = (await run(command, args)) === 0 ? 0 : 1;
  return { passed: 1 - failed, failed, skipped: 0 };
}

/** @param {string[]} args options of `npm test` */
async function tests(args) {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-check-'));
  const json = join(directory, 'counts.json');
  try {
    const code = await run(npm, ['--silent', 'test', '--', '--json', json, ...args]);
    const { passed, failed, skipped, failures } = JSON.parse(readFileSync(json, 'utf8'));
    return { passed, failed: failed === 0 && code !== 0 ? 1 : failed, skipped, failures };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }; // It ended before it could count.
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Says which drivers this machine can use: "io_uring on" means little where the kernel says no. */
function sayDrivers() {
  const program = `
    import { driverStatuses } from './dist/src/driver/index.js';
    for (const { kind, available, reason } of driverStatuses()) {
      console.log('driver ' + kind + ': ' + (available ? 'available' : 'unavailable: ' + reason));
    }`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** Prints every step with its time, and the sum as the last line. */
function summary() {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  console.log('\n── summary');
  for (const { name, passed, failed, skipped, seconds, failures = [] } of outcomes) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
    const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    console.log(`${failed > 0 ? '✖' : '✔'} ${name}: ${counts} (${seconds.toFixed(1)} s)`);
    // Again, at the end: what came before is thousands of lines.
    for (const { file, name: test, error } of failures.slice(0, FAILURES_SHOWN)) {
      const why = error.split('\n').slice(0, 12).join('\n');
      console.log(`  ✖ ${file}: ${test}\n${why.replaceAll(/^/gm, '    ')}`);
    }
  }
  if (sum.skipped > 0) console.log(`${sum.skipped} skipped, each with its reason in the test`);
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  process.exitCode = sum.failed > 0 ? 1 : 0;
}

let interrupted = false;
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => (interrupted = true));
}

// Where everything is asked for, no language may be missing.
if (options.matrix) process.env.CI ??= 'true';
await ensureInstalled();
wanted.push(...(wanted.length > 0 ? ['build'] : []));
if (await step('build', () => rule(process.execPath, [script('build.js')]))) {
  sayDrivers();
  for (const [name, command, ...args] of await rules()) {
    if (!interrupted) await step(name, () => rule(command, args));
  }
  if (!interrupted) await step('peers', async () => checkPeers());
  for (const [name, ...args] of testRuns()) {
    if (!interrupted) await step(name, () => tests(args));
  }
}
summary();
if (interrupted) process.exitCode = 130;
