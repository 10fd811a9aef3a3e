import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { until } from '../gateway/fixture.ts';
import { cleanUp, type Ended, events, folderWith, rondo } from './command.ts';

afterEach(cleanUp);

const BUFFERING = `import { model } from 'rondo/checker';
model('both at once', { models: ['sc', 'x86-tso'] }, ({ words, thread, after }) => {
  const flags = words(2, 'flags');
  const left = thread('left', () => {
    flags[0] = 1;
    return flags[1];
  });
  const right = thread('right', () => {
    flags[1] = 1;
    return flags[0];
  });
  after(() => {
    if (left.result + right.result === 0) throw new Error('both came in');
  });
});
`;

const COUNTING = `import { model } from 'rondo/checker';
model('counts', {}, ({ words, thread, after }) => {
  const count = words(1, 'count');
  for (const name of ['a', 'b', 'c']) thread(name, () => Atomics.add(count, 0, 1));
  after(() => {
    if (count[0] !== 3) throw new Error('lost');
  });
});
`;

/** More executions than anybody waits for. */
const ENDLESS = `import { model } from 'rondo/checker';
model('large', { models: ['sc', 'x86-tso'], executions: 2 ** 30 }, ({ words, thread }) => {
  const count = words(1, 'count');
  for (const name of 'abcdefghijkl') thread(name, () => Atomics.add(count, 0, 1));
});
`;

async function run(args: readonly string[], files: Record<string, string>): Promise<Ended> {
  return rondo(['check', ...args], { cwd: folderWith(files) }).ended;
}

describe('rondo check', () => {
  test('says how much of each test was explored', async () => {
    const { code, output } = await run(['counts.js'], { 'counts.js': COUNTING });
    assert.equal(
      output,
      'counts.js\n  ok  counts (es): complete: 6 executions, 0 blocked\n\n1 test: 1 complete\n',
    );
    assert.equal(code, 0);
  });

  test('shows the execution of a failure, goes on, and ends with 1', async () => {
    const files = { 'a.js': BUFFERING, 'b.js': COUNTING };
    const { code, output } = await run(['a.js', 'b.js'], files);
    assert.match(
      output,
      /^a\.js\n {2}ok {2}both at once \(sc\): complete: 3 executions, 0 blocked\n/,
    );
    assert.match(output, /\nFAILED under x86-tso: both came in\n {2}Error thrown at a\.js:13; /);
    assert.match(output, /\n {5}a\.js:5 {2}flags\[0\] = 1;/);
    assert.match(output, /still in the store buffer of left/);
    assert.match(output, /It would pass if the write of flags\[0\] at a\.js:5 and the write of/);
    assert.match(output, /\nb\.js\n {2}ok {2}counts \(es\)/);
    assert.match(output, /\n3 tests: 2 complete, 1 failed\n$/);
    assert.equal(code, 1);
  });

  test('checks under other models, other tests, and with bounds', async () => {
    const files = { 'a.js': BUFFERING + COUNTING.replace(/^import.*\n/, '') };
    const other = await run(['a.js', '--only', 'both', '--model', 'sc'], files);
    assert.match(other.output, /\n1 test: 1 complete\n$/);
    assert.equal(other.code, 0);
    const bounded = await run(['a.js', '--only', 'counts', '--executions', '2'], files);
    assert.match(bounded.output, /ok {2}counts \(es\): BOUNDED \(2 executions\): 2 executions/);
    assert.match(bounded.output, /\n1 test: 0 complete, 1 BOUNDED\n$/);
    assert.equal(bounded.code, 0);
    const all = await run(['a.js', '--model', 'v8-x64', '--model', 'sc'], files);
    assert.match(all.output, /\n4 tests: 3 complete, 1 failed\n$/);
  });

  test('writes pages, graphs, and litmus tests that rondo litmus runs', async () => {
    const folder = folderWith({ 'a.js': BUFFERING });
    const flags = ['--page', 'out/pages', '--dot', 'out', '--litmus', 'out'];
    const { output } = await rondo(['check', 'a.js', ...flags], { cwd: folder }).ended;
    const stem = 'a-both-at-once-x86-tso';
    assert.match(output, new RegExp(`wrote out/pages/${stem}\\.html`));
    assert.deepEqual(readdirSync(join(folder, 'out')).sort(), [
      `${stem}.dot`,
      `${stem}.litmus`,
      'pages',
    ]);
    const litmus = await rondo(['litmus', `out/${stem}.litmus`], { cwd: folder }).ended;
    assert.match(litmus.output, /^Observation both-at-once-x86-tso Sometimes /m);
    assert.ok(!existsSync(join(folder, 'out', 'a-both-at-once-sc.litmus')));
  });

  test('writes what a test does to memory, which rondo cache takes', async () => {
    const folder = folderWith({ 'a.js': BUFFERING });
    const flags = ['--only', 'both', '--model', 'sc', '--cache', 'out'];
    const { output } = await rondo(['check', 'a.js', ...flags], { cwd: folder }).ended;
    const file = 'out/a-both-at-once-sc.json';
    assert.ok(output.includes(`wrote ${file}`), output);
    const cache = await rondo(['cache', file], { cwd: folder }).ended;
    assert.match(cache.output, /^MESI on a bus: 2 cores/);
    assert.match(cache.output, /left .* a\.js:\d+/);
  });

  test('says where it cannot write', async () => {
    const folder = folderWith({ 'a.js': BUFFERING, taken: '' });
    const flags = ['--model', 'sc', '--cache', 'taken'];
    const { output, code } = await rondo(['check', 'a.js', ...flags], { cwd: folder }).ended;
    assert.match(output, /^rondo: cannot write taken\/a-both-at-once-sc\.json: EEXIST/m);
    assert.equal(code, 2);
  });

  test('carries one execution out again by its token', async () => {
    const files = { 'a.js': BUFFERING };
    const { output } = await run(['a.js', '--json'], files);
    const [passed, failed] = events(output);
    assert.equal(passed!['verdict'], 'passed');
    const { token, trace, repairs } = failed!['failure'] as Record<string, unknown>;
    assert.deepEqual((trace as { threads: string[] }).threads, ['left', 'right']);
    assert.equal((repairs as unknown[]).length, 1);
    const again = await run(['a.js', '--token', String(token)], files);
    assert.match(
      again.output,
      / {2}FAILED {2}both at once \(x86-tso\): the execution of a token\n/,
    );
    assert.match(again.output, /FAILED under x86-tso: both came in/);
    assert.match(again.output, /\n1 test: 0 complete, 1 failed\n$/);
    const other = await run(['b.js', '--token', String(token)], { 'b.js': COUNTING });
    assert.equal(other.output, 'rondo: the token is of none of these tests as they are now\n');
    assert.equal(other.code, 1);
    const under = ['a.js', '--token', String(token), '--model'];
    const refused = await run([...under, 'sc'], files);
    assert.match(
      refused.output,
      /^rondo: Cannot replay the token: it is of the model x86-tso, not/,
    );
    assert.equal(refused.code, 1);
    const same = await run([...under, 'x86-tso'], files);
    assert.equal(same.output, again.output);
  });

  test('loads files with the condition "checker", and leaves their output to itself', async () => {
    const { code, output } = await run(['a.js'], {
      'package.json':
        '{ "type": "module", "imports": { "#x": { "checker": "./yes.js", "default": "./no.js" } } }',
      'yes.js': `console.log('with the condition');`,
      'no.js': `console.log('without');`,
      'a.js': `import '#x';\n${COUNTING}`,
    });
    assert.match(output, /with the condition/);
    assert.equal(code, 0);
  });

  test('explores with several threads', async () => {
    const files = { 'a.js': BUFFERING, 'b.js': COUNTING };
    const { code, output } = await run(['a.js', 'b.js', '--workers', '2'], files);
    assert.match(output, /FAILED under x86-tso: both came in/);
    assert.match(output, /ok {2}counts \(es\): complete: 6 executions, 0 blocked/);
    assert.equal(code, 1);
  });

  for (const workers of ['1', '2'])
    test(`ends with what was found so far when it is interrupted, with ${workers} threads`, async () => {
      const folder = folderWith({ 'large.js': ENDLESS });
      const args = ['check', 'large.js', '--workers', workers];
      const { child, output, ended } = rondo(args, { cwd: folder });
      await until(() => output().includes('waiting'), 'progress is told');
      child.kill('SIGINT');
      const { code } = await ended;
      assert.match(output(), /large \(sc\): \d+ executions, \d+ blocked, \d+ waiting/);
      assert.match(
        output(),
        /\n {2}ok {2}large \(sc\): BOUNDED \([^)]*stop[^)]*\): \d+ executions/,
      );
      assert.match(output(), /\n2 tests: 0 complete, 1 BOUNDED, 1 not begun\n/);
      assert.equal(code, 130);
    });
});

describe('rondo check, when there is nothing to check', () => {
  const MISTAKES: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^rondo: which tests\?/],
    [['none.js'], /^rondo: there is no file none\.js\n$/],
    [['empty.js'], /^rondo: empty\.js declares no test: call model\(\) of rondo\/checker\n$/],
    [['empty.js', '--model', 'x86'], /^rondo: --model must be one of sc, x86-tso, /],
    [['a.js', '--only', 'cuonts'], /^rondo: no test has "cuonts" in its name\n$/],
    [['.'], /^rondo: .* is a folder: name the files of tests in it\n$/],
    [
      ['a.js', '--preemptions', '1'],
      /^rondo: --preemptions .* "counts" \(es\): .*use --model sc\n$/,
    ],
    [['a.js', '--preemptions', '1', '--model', 'es'], /^rondo: --preemptions .* --model es: /],
    [['a.js', '--executions', '0'], /^rondo: Cannot use executions: it must be from 1 to /],
    [['a.js', '--strategy', 'best'], /^rondo: --strategy must be one of all, random, pct/],
  ];
  for (const [args, message] of MISTAKES) {
    test(`ends with 2 for ${['rondo check', ...args].join(' ')}`, async () => {
      const { code, output } = await run(args, { 'empty.js': '', 'a.js': COUNTING });
      assert.match(output, message);
      assert.equal(code, 2);
    });
  }

  test('says what a file that cannot be loaded threw', async () => {
    const files = { 'bad.js': `throw new Error('oh');\n`, 'a.js': COUNTING };
    const { code, output } = await run(['bad.js', 'a.js'], files);
    assert.match(output, /rondo: Cannot load bad\.js: Error: oh\n +at bad\.js:1:7\n/);
    assert.match(output, /\n1 test: 1 complete\n/);
    assert.equal(code, 1);
  });

  test('says that a test cannot be checked', async () => {
    const files = {
      'a.js': COUNTING.replace('Atomics.add(count, 0, 1)', 'Atomics.waitAsync(count, 0, 1)'),
    };
    const { code, output } = await run(['a.js'], files);
    assert.match(output, /FAILED {2}counts \(es\): cannot be checked\n\nCannot check waitAsync/);
    assert.equal(code, 1);
  });

  test('says that the thread was ended', async () => {
    const { code, output } = await run(['a.js'], { 'a.js': 'process.exit(0);\n' });
    assert.equal(output, 'rondo: a test ended the thread in which it ran\n');
    assert.equal(code, 1);
  });

  test('runs TypeScript where Node does, and says what to do where it does not', async () => {
    const { code, output } = await run(['a.ts'], { 'a.ts': `${COUNTING}const one: number = 1;\n` });
    if ((process.features as { typescript?: unknown }).typescript) {
      assert.match(output, /ok {2}counts \(es\)/);
      assert.equal(code, 0);
    } else {
      assert.match(
        output,
        /^rondo: Cannot load a\.ts: Node \S+ does not run TypeScript; use Node 22/,
      );
      assert.equal(code, 1);
    }
  });
});
