// Runs compiled test files, each in its own process and process group, and counts what they say.
// Not node:test's own run(): a file that crashes, hangs, exits early or leaves a process behind has
// to be one counted failure, and another Node binary has to be able to run the files.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { killMembers, membersOf } from './process-groups.js';
import { REPORT_VARIABLE } from './test-reporter.js';

const reporter = new URL('test-reporter.js', import.meta.url).href;
/** Output of a failed file that is shown: its last bytes. */
const OUTPUT_SHOWN = 16 * 1024;

/**
 * @typedef {object} RunOptions
 * @property {string} node the binary that runs the tests
 * @property {string} root paths are shown relative to it
 * @property {number} concurrency files at a time
 * @property {number} timeoutMs a file that takes longer is ended and counts as failed
 * @property {number} graceMs how long what a file started may take to end after it
 * @property {NodeJS.ProcessEnv} environment
 * @property {(result: FileResult) => void} [onFile] called as each file ends
 * @property {AbortSignal} [signal] ends everything; files not yet run are left out
 *
 * @typedef {object} FileResult
 * @property {string} file
 * @property {number} passed
 * @property {number} skipped
 * @property {{ name: string, error: string }[]} failures
 * @property {number} seconds
 * @property {string} output the end of what the file printed
 */

/**
 * Runs the files and gives one result for each, in the order of `files`.
 * @param {readonly string[]} files
 * @param {RunOptions} options
 * @returns {Promise<FileResult[]>}
 */
export async function runFiles(files, options) {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-test-'));
  /** @type {FileResult[]} */
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < files.length && !options.signal?.aborted) {
      const index = next++;
      const report = join(directory, String(index));
      const result = await runFile(/** @type {string} */ (files[index]), report, options);
      results[index] = result;
      options.onFile?.(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.concurrency }, worker));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return results.filter((result) => result !== undefined);
}

/**
 * @param {string} file
 * @param {string} report
 * @param {RunOptions} options
 * @returns {Promise<FileResult>}
 */
async function runFile(file, report, options) {
  const started = performance.now();
  const ended = await runProcess(file, report, options);
  const { passed, skipped, failures, complete } = readReport(report);
  const problem = problemOf(ended, { complete, failed: failures.length }, options.timeoutMs);
  if (problem) failures.push({ name: 'the file as a whole', error: problem });
  else if (passed + skipped + failures.length === 0) {
    failures.push({ name: 'the file as a whole', error: 'it has no tests' });
  }
  return {
    file: relative(options.root, file),
    passed,
    skipped,
    failures,
    seconds: (performance.now() - started) / 1000,
    output: ended.output,
  };
}

/**
 * @typedef {object} Ended
 * @property {number | null} code
 * @property {string | null} signal
 * @property {boolean} timedOut
 * @property {string[]} leftBehind
 * @property {string} output
 */

/**
 * @param {string} file
 * @param {string} report
 * @param {RunOptions} options
 * @returns {Promise<Ended>}
 */
async function runProcess(file, report, options) {
  const child = spawn(
    options.node,
    [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout', file],
    {
      cwd: options.root,
      detached: true, // Its own group, so that whatever it starts can be found and ended.
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...options.environment, [REPORT_VARIABLE]: report },
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream
      .setEncoding('utf8')
      .on('data', (text) => (output = (output + text).slice(-OUTPUT_SHOWN)));
  }
  let timedOut = false;
  const group = child.pid ?? 0;
  const mark = `${REPORT_VARIABLE}=${report}`;
  const end = () => group > 0 && killMembers(group, mark);
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal?.addEventListener('abort', end, { once: true });

  const closed = new Promise((resolve) => child.once('close', resolve));
  // `exit`, not `close`: a process left behind would hold the pipes open.
  const [code, signal] = await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]));
    child.once('error', (error) => {
      output += error.message;
      resolve([127, null]);
    });
  });
  clearTimeout(timer);
  const leftBehind = group > 0 ? await waitForMembers(group, mark, options.graceMs) : [];
  end();
  await Promise.race([closed, delay(1000)]);
  options.signal?.removeEventListener('abort', end);
  return { code, signal, timedOut, leftBehind, output };
}

/**
 * Waits until nothing of the file runs, at most `graceMs`; gives who is still there.
 * @param {number} group
 * @param {string} mark
 * @param {number} graceMs
 */
async function waitForMembers(group, mark, graceMs) {
  const deadline = performance.now() + graceMs;
  let members = membersOf(group, mark);
  while (members.length > 0 && performance.now() < deadline) {
    await delay(50);
    members = membersOf(group, mark);
  }
  return members;
}

/**
 * Reads what the reporter wrote. A file that never was written is an empty report.
 * @param {string} path
 */
function readReport(path) {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // The process ended before its first test did.
  }
  let passed = 0;
  let skipped = 0;
  let complete = false;
  /** @type {{ name: string, error: string }[]} */
  const failures = [];
  for (const line of text.split('\n').filter((line) => line.endsWith('}'))) {
    const record = JSON.parse(line);
    if (record.end) complete = true;
    else if (record.result === 'passed') passed++;
    else if (record.result === 'skipped') skipped++;
    else failures.push({ name: record.name, error: record.error });
  }
  return { passed, skipped, failures, complete };
}

/**
 * What is wrong with the file beyond its failed tests, or undefined.
 * @param {Pick<Ended, 'code' | 'signal' | 'timedOut' | 'leftBehind'>} ended
 * @param {{ complete: boolean, failed: number }} report
 * @param {number} timeoutMs
 * @returns {string | undefined}
 */
function problemOf(ended, report, timeoutMs) {
  if (ended.timedOut) {
    return `it did not end within ${timeoutMs / 1000} s: a test hangs or something is left open`;
  }
  if (ended.signal) return `it was ended by ${ended.signal}`;
  if (!report.complete && ended.code === 0) {
    return 'it exited before its tests had ended, or it has none';
  }
  if (ended.code !== 0 && report.failed === 0) return `it ended with exit code ${ended.code}`;
  if (ended.leftBehind.length > 0) return `it left running: ${ended.leftBehind.join(', ')}`;
  return undefined;
}
