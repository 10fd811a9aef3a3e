import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { membersOf } from '../../scripts/process-groups.js';
import { runFiles } from '../../scripts/test-run.js';

/**
 * Runs test files given as text, one after another.
 * @param {import('node:test').TestContext} context
 * @param {string[]} texts
 * @param {Partial<import('../../scripts/test-run.js').RunOptions>} [options]
 */
async function runTexts(context, texts, options = {}) {
  const root = mkdtempSync(join(tmpdir(), 'rondo-run-'));
  context.after(() => rmSync(root, { recursive: true }));
  const files = texts.map((text, index) => {
    const file = join(root, `${index}.test.mjs`);
    writeFileSync(file, `import { describe, test } from 'node:test';\n${text}`);
    return file;
  });
  const environment = { ...process.env };
  delete environment['NODE_TEST_CONTEXT'];
  const defaults = { node: process.execPath, concurrency: 1, timeoutMs: 60_000, graceMs: 5000 };
  return runFiles(files, { root, environment, ...defaults, ...options });
}

test('runFiles counts tests, not suites, and shows what failed', async (context) => {
  const [result] = await runTexts(context, [
    `describe('suite', () => {
       test('good', () => {});
       test('bad', () => { throw new Error('because'); });
     });
     test('skipped', { skip: 'reason' }, () => {});
     test('parent', async (t) => { await t.test('child', () => {}); });`,
  ]);
  assert.equal(result?.file, '0.test.mjs');
  assert.deepEqual([result?.passed, result?.skipped], [3, 1]);
  assert.equal(result?.failures[0]?.name, 'suite › bad');
  assert.match(result?.failures[0]?.error ?? '', /Error: because/);
  assert.equal(result?.failures.length, 1);
});

/** @type {[what: string, text: string, expected: RegExp][]} */
const misbehaviours = [
  ['crashes', "test('a', () => {}); test('b', () => process.abort());", /ended by SIG/],
  ['exits early', "test('a', () => process.exit(0));", /exited before its tests had ended/],
  ['has no tests', "console.log('nothing');", /or it has none/],
  ['has an empty suite', "describe('s', () => {});", /has no tests/],
  ['does not parse', 'const =;', /exit code 1/],
  [
    'fails in a hook',
    "import { before } from 'node:test'; describe('s', () => { before(() => { throw new Error('hook'); }); test('a', () => {}); });",
    /hook/,
  ],
];
for (const [what, text, expected] of misbehaviours) {
  test(`runFiles counts a file that ${what} as failed, and goes on`, async (context) => {
    const next = "test('good', () => {});";
    const results = await runTexts(context, [text, next]);
    const errors = results[0]?.failures.map(({ error }) => error).join('\n') ?? '';
    assert.match(errors, expected);
    assert.deepEqual(results[1]?.failures, []);
  });
}

const STARTS_CHILD = `
  import { spawn } from 'node:child_process';
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { detached: true });
  console.log('child', child.pid);`;

/**
 * Waits until the child is gone: who was killed takes a moment to die. The test's own limit ends
 * what never does.
 * @param {string} output of a file with STARTS_CHILD
 */
async function childIsGone(output) {
  const pid = Number(/child (\d+)/.exec(output)?.[1]);
  assert.ok(pid > 0, output);
  // Detached: it leads a group of its own.
  while (membersOf(pid, 'none').length > 0) await new Promise((done) => setTimeout(done, 5));
}

test('runFiles ends a file that hangs, with what it started', async (context) => {
  const text = `${STARTS_CHILD} test('a', () => {});`;
  const [result] = await runTexts(context, [text], { timeoutMs: 5000 });
  assert.match(result?.failures[0]?.error ?? '', /did not end within 5 s/);
  await childIsGone(result?.output ?? '');
});

test('runFiles counts a process left behind as failed, and ends it', async (context) => {
  const text = `${STARTS_CHILD} child.unref(); child.stdout.destroy(); child.stderr.destroy();
    child.stdin.destroy(); test('a', () => {});`;
  const [result] = await runTexts(context, [text], { graceMs: 100 });
  assert.match(result?.failures[0]?.error ?? '', /left running: \d+ node/);
  await childIsGone(result?.output ?? '');
});

test('runFiles runs nothing more after the signal', async (context) => {
  const abort = new AbortController();
  const files = ["test('a', () => {});", "test('b', () => {});"];
  const onFile = () => abort.abort();
  const results = await runTexts(context, files, { signal: abort.signal, onFile });
  assert.equal(results.length, 1);
});
