/**
 * `examples/broken-queue`: its README tells what happens, step by step. Here the steps are done in a
 * copy of the folder, and what is printed is what the README shows.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { assertShown, blocksOf, change, type Outcome, rondoCheck, root, run } from './blocks.ts';

const original = `${root}/examples/broken-queue`;
const readme = readFileSync(`${original}/README.md`, 'utf8');
const queue = readFileSync(`${original}/queue.js`, 'utf8');
const test = readFileSync(`${original}/queue.check.js`, 'utf8');

// Inside of the package, which the example imports by its name.
mkdirSync(`${root}/build`, { recursive: true });
const folder = mkdtempSync(`${root}/build/broken-queue-`);
cpSync(original, folder, { recursive: true });
after(() => rmSync(folder, { recursive: true }));

/** The check, of a queue and a test. */
function check(source: string, body: string = test): Promise<Outcome> {
  writeFileSync(`${folder}/queue.js`, source);
  writeFileSync(`${folder}/queue.check.js`, body);
  return rondoCheck(folder, 'queue.check.js');
}

const [shown = '', loop = ''] = blocksOf(readme, 'js');
const [stressed = '', found = '', proved = ''] = blocksOf(readme, 'text');

/** Of `take`, as the README has it. */
const indented = loop.replace(/^(?=.)/gm, '    ');
const mended = change(queue, /^ {4}while \(Atomics\.load[^]*?^ {4}\}\n/m, indented);

describe('examples/broken-queue', () => {
  it('passes under stress', async () => {
    // That it hangs is what is wrong with it, and may happen here too, once in a long time.
    for (let attempt = 0; attempt < 3; attempt++) {
      const { output, code } = await run(folder, 'stress.js');
      if (code === null) continue;
      assert.equal(output, stressed);
      return;
    }
    assert.fail('it does not pass');
  });

  it('has the test that its README shows', () => {
    assert.equal(test, shown);
  });

  it('fails its check: a deadlock, with the lines', async () => {
    const { code, output } = await check(queue);
    assert.equal(code, 1, output);
    assert.match(output, /a thread sleeps, and nobody is left to wake it/);
    for (const line of [/queue\.js:37\b/, /queue\.js:38\b/, /queue\.js:39\b/, /queue\.js:27\b/]) {
      assert.match(output, line);
    }
    assertShown(found, output);
  });

  it('passes completely when it is mended', async () => {
    const { code, output } = await check(mended);
    assert.equal(code, 0, output);
    assert.match(output, /complete/);
    assertShown(proved, output);
  });
});

describe('examples/broken-queue, broken again', () => {
  const reset = '      Atomics.store(this.#words, ASLEEP, 0);\n';
  const notify = '      Atomics.notify(this.#words, ASLEEP);\n';
  const publish = 'Atomics.store(this.#words, TAIL, tail + 1)';
  const early = change(mended, /( {4}const number = .*\n)(.*\n)/, '$2$1');
  const full = change(test, 'wordsFor(2)', 'wordsFor(1)');

  const rows: readonly (readonly [string, string, string, RegExp, number])[] = [
    ['without the reset', change(mended, reset, ''), test, /nobody is left to wake it/, 1],
    [
      'with the reset behind the notify',
      change(mended, reset + notify, notify + reset),
      test,
      /nobody is left to wake it/,
      1,
    ],
    [
      'with a plain tail',
      change(mended, publish, 'this.#words[TAIL] = tail + 1'),
      test,
      /0 !== 20/,
      1,
    ],
    ['with an early head', early, test, /complete/, 0],
    ['with an early head and one slot', early, full, /20 !== 10/, 1],
  ];
  for (const [name, source, body, pattern, wanted] of rows) {
    it(name, async () => {
      const { code, output } = await check(source, body);
      assert.match(output, pattern);
      assert.equal(code, wanted, output);
    });
  }
});
