/** `model` in a file that node:test runs, as users have it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'rondo-model-'));
const checker = new URL('../../../src/checker/index.js', import.meta.url).href;

after(() => rmSync(folder, { recursive: true }));

/** Runs a file of one test; gives how it ended and what it printed. */
function run(name: string, body: string): { status: number | null; text: string } {
  const file = join(folder, `${name}.test.mjs`);
  writeFileSync(file, `import { model } from ${JSON.stringify(checker)};\n${body}`);
  const env = { ...process.env };
  // Else the inner runner takes itself for a part of this one.
  delete env['NODE_TEST_CONTEXT'];
  const arguments_ = ['--test', '--test-reporter=tap', file];
  const { status, stdout, stderr } = spawnSync(process.execPath, arguments_, {
    env,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}

const MESSAGE = `({ words, thread }) => {
  const memory = words(2, 'memory');
  thread('writer', () => {
    FIRST
    SECOND
  });
  thread('reader', () => {
    if (Atomics.load(memory, 1) === 1 && memory[0] !== 42) throw new Error('not there yet');
  });
}`;

const DATA = 'memory[0] = 42;';
const FLAG = 'Atomics.store(memory, 1, 1);';

function message(first: string, second: string): string {
  return MESSAGE.replace('FIRST', first).replace('SECOND', second);
}

describe('model under node:test', () => {
  it('passes once for each model', () => {
    const options = `{ models: ['sc', 'es', 'v8-arm64'] }`;
    const { status, text } = run('right', `model('message', ${options}, ${message(DATA, FLAG)});`);
    assert.equal(status, 0, text);
    for (const name of ['sc', 'es', 'v8-arm64']) {
      assert.ok(text.includes(`message (${name})`), text);
    }
    assert.match(text, /# pass 3/);
  });

  it('fails with the execution, and where in the file it happened', () => {
    const { status, text } = run('wrong', `model('message', {}, ${message(FLAG, DATA)});`);
    assert.equal(status, 1);
    assert.match(text, /not ok 1 - message \(es\)/);
    assert.match(text, /ERR_CHECKER_FAILED/);
    assert.match(text, /not there yet/);
    assert.match(text, /wrong\.test\.mjs/);
  });
});
