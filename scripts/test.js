// `npm test`: installs what is missing, builds, runs every test, ends with `N passed, N failed`.
//   npm test -- ring gateway        only files whose path contains one of the words
//   npm test -- --without browser   leaves such files out
//   npm test -- --driver epoll      RONDO_DRIVER for the tests: uring, epoll or portable
//   npm test -- --node 22           runs the tests on another Node: a version or a binary's path
//   npm test -- --sanitize          only the second pass: see below
//   npm test -- --json counts.json  saves the counts
//   npm test -- --timeout 120       seconds that one file may take
//   npm test -- --jobs 2            files at a time
// On this Node and its default driver, tests of what works in place run a second time, with the
// sanitizer of views: those of the files that were asked for which `sanitized` names.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureInstalled, root } from './install.js';
import { obtainNode } from './nodes.js';
import { ensurePeers } from './peers.js';
import { BROWSER, COMPILER, ensureNeeds } from './test-needs.js';
import { runFiles } from './test-run.js';

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    without: { type: 'string', multiple: true, default: [] },
    driver: { type: 'string' },
    node: { type: 'string' },
    sanitize: { type: 'boolean', default: false },
    json: { type: 'string' },
    timeout: { type: 'string', default: '300' },
    jobs: { type: 'string', default: String(Math.min(4, availableParallelism())) },
  },
});
const drivers = ['uring', 'epoll', 'portable'];
if (options.driver !== undefined && !drivers.includes(options.driver)) {
  console.error(`Cannot test with driver ${options.driver}: it must be ${drivers.join(', ')}`);
  process.exit(2);
}

/**
 * The test files below a folder.
 * @param {string} folder
 * @returns {string[]}
 */
function testsIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name))
    .sort();
}

/** @param {string} file */
function isWanted(file) {
  const path = relative(root, file);
  if (options.without.some((word) => path.includes(word))) return false;
  return words.length === 0 || words.some((word) => path.includes(word));
}

/**
 * Whether the file plants misuse for the sanitizer to find.
 * @param {string} file
 */
function needsSanitizer(file) {
  return relative(root, file).includes('test/sanitizer/');
}

/**
 * Whether the file runs in the pass with the sanitizer: rings and the gateway, without what has
 * nothing to do with memory and what takes long.
 * @param {string} file
 */
function isSanitized(file) {
  const path = relative(root, file);
  const left = /ring\/(conformance|steps|vectors)|gateway\/(load|liveness|(options|config)\.)/;
  return /\/(ring|gateway|sanitizer)\//.test(path) && !left.test(path);
}

if (process.platform === 'linux') ensureNeeds([COMPILER]);
await ensureInstalled();
await ensureBuilt({ nativeOptional: process.platform !== 'linux' });

const compiled = ['src', 'test'].flatMap((name) => testsIn(join(root, 'dist', name)));
// The tests of scripts/ are JavaScript, as the scripts are, and run as they stand.
const wanted = [...compiled, ...testsIn(join(root, 'test'))].filter(isWanted);
const files = options.sanitize ? [] : wanted.filter((file) => !needsSanitizer(file));
const again =
  options.sanitize || (options.node ?? options.driver) === undefined
    ? wanted.filter(isSanitized)
    : [];
if (files.length + again.length === 0) {
  console.error(`Cannot run tests: no test file matches ${words.join(' ') || 'the options'}`);
  process.exit(2);
}
if (files.some((file) => file.includes('browser'))) ensureNeeds([BROWSER]);
const languages = /test\/(ring\/(conformance|steps)|exchange)\//;
if (files.some((file) => languages.test(file))) ensurePeers();

const major = /^\d+(\.\d+)*$/;
const asked = options.node ?? process.execPath;
const node = major.test(asked) ? await obtainNode(asked) : asked;
const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
const environment = { ...process.env };
if (options.driver !== undefined) environment.RONDO_DRIVER = options.driver;
const driver = environment.RONDO_DRIVER ?? 'the default driver';

const abort = new AbortController();
const stop = () => abort.abort();
// Not once: npm passes on what the terminal has sent already, and the second must not kill.
process.on('SIGINT', stop).on('SIGTERM', stop);

/**
 * Runs files and says how each went.
 * @param {readonly string[]} files
 * @param {string} how for the headline
 * @param {NodeJS.ProcessEnv} environment
 */
function pass(files, how, environment) {
  console.log(`${files.length} files of tests on Node ${version} with ${how}`);
  return runFiles(files, {
    node,
    root,
    environment,
    concurrency: Number(options.jobs),
    timeoutMs: Number(options.timeout) * 1000,
    graceMs: 5000,
    signal: abort.signal,
    onFile: sayResult,
  });
}

/** @param {import('./test-run.js').FileResult} result */
function sayResult({ file, passed, skipped, failures, seconds, output }) {
  const notes = [`${passed} passed`];
  if (failures.length > 0) notes.push(`${failures.length} failed`);
  if (skipped > 0) notes.push(`${skipped} skipped`);
  const mark = failures.length > 0 ? '✖' : '✔';
  console.log(`${mark} ${file}: ${notes.join(', ')} (${seconds.toFixed(1)} s)`);
  for (const { name, error } of failures) {
    console.log(`  ✖ ${name}\n${error.replaceAll(/^/gm, '    ')}`);
  }
  if (failures.length > 0 && output.trim()) {
    console.log(`  what it printed:\n${output.trim().replaceAll(/^/gm, '    ')}`);
  }
}

const results = files.length > 0 ? await pass(files, driver, environment) : [];
if (again.length > 0 && !abort.signal.aborted) {
  const { NODE_OPTIONS: given = '' } = environment;
  const sanitizing = { ...environment, NODE_OPTIONS: `${given} --conditions=sanitize`.trim() };
  for (const result of await pass(again, 'the sanitizer of views', sanitizing)) {
    results.push({ ...result, file: `${result.file} (sanitizer)` });
  }
}

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const { passed, skipped, failures } of results) {
  sum.passed += passed;
  sum.failed += failures.length;
  sum.skipped += skipped;
}
const failed = results.flatMap(({ file, failures }) =>
  failures.map(({ name, error }) => ({ file, name, error })),
);
if (options.json !== undefined) {
  const counts = { node: version, driver, ...sum, failures: failed };
  writeFileSync(options.json, `${JSON.stringify(counts, null, 2)}\n`);
}
const wasStopped = abort.signal.aborted;
if (wasStopped) {
  console.log(`stopped after ${results.length} of ${files.length + again.length} files`);
}
const skippedNote = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
console.log(`${sum.passed} passed, ${sum.failed} failed${skippedNote}`);
process.exitCode = wasStopped ? 130 : sum.failed > 0 ? 1 : 0;
