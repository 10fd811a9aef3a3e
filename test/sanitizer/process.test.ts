/** What becomes of reports that nobody listens to: none is lost, whoever catches it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const memory = fileURLToPath(new URL('../../src/memory/index.js', import.meta.url));

const root = fileURLToPath(new URL('../../..', import.meta.url));

function runProgram(text: string, ...options: string[]): { status: number | null; said: string } {
  const program = `
    import { Arena, Blocks, Lease, onViewReport } from ${JSON.stringify(memory)};
    const arena = Arena.create({ size: 1 << 20 });
    const blocks = Blocks.create(arena, { name: 'pool', size: 65_536, minBlock: 64 });
    const offset = blocks.acquire(64);
    ${text}`;
  return run([...options, '--input-type=module', '--eval', program]);
}

function run(args: string[]): { status: number | null; said: string } {
  // Without the options of whoever runs the tests.
  const environment = { ...process.env };
  delete environment['NODE_OPTIONS'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: environment,
    timeout: 60_000,
  });
  return { status, said: stdout + stderr };
}

const USE_AFTER_RELEASE = `
  const lease = new Lease(arena, blocks, offset, 64);
  const view = lease.view().fill(1);
  lease.release();
  try { console.log('read', view[0]); } catch { console.log('caught'); }`;

describe('a report that is caught', () => {
  it('is printed, and the process fails', () => {
    const { status, said } = runProgram(USE_AFTER_RELEASE, '--conditions=sanitize');
    assert.equal(status, 1, said);
    assert.match(said, /^caught$/m);
    assert.match(said, /^rondo: the sanitizer has found a misuse of memory$/m);
    assert.match(said, /^Cannot read a view of the lease on 64 bytes: the lease was released$/m);
  });

  it('is the business of who listens', () => {
    const listening = `onViewReport((report) => console.log(report.code));${USE_AFTER_RELEASE}`;
    const { status, said } = runProgram(listening, '--conditions=sanitize');
    assert.equal(status, 0, said);
    assert.equal(said, 'ERR_VIEW_RELEASED\ncaught\n');
  });
});

describe('a report of what was done before', () => {
  it('ends the process', () => {
    const late = `
      blocks.release(offset);
      arena.bytes[offset + 1] = 1;
      blocks.acquire(64);
      console.log('goes on');`;
    const { status, said } = runProgram(late, '--conditions=sanitize');
    assert.notEqual(status, 0);
    assert.match(said, /^goes on$/m);
    assert.match(said, /The block of 64 bytes of "pool" was written after it was given back/);
  });
});

describe('a program without the sanitizer', () => {
  it('is what it was', () => {
    const { status, said } = runProgram(`console.log(onViewReport());${USE_AFTER_RELEASE}`);
    assert.equal(status, 0, said);
    assert.equal(said, 'false\nread 1\n');
  });
});

describe('the page of the guide', () => {
  it('shows the report that its program gives', (context) => {
    const page = readFileSync(`${root}/docs/guide/sanitizer.md`, 'utf8');
    const [, program] = /```ts\n([\s\S]*?)```/.exec(page)!;
    const [, report] = /```\n(Cannot [\s\S]*?)```/.exec(page)!;
    // Inside of the package, which the program imports by its name.
    mkdirSync(`${root}/build`, { recursive: true });
    const folder = mkdtempSync(`${root}/build/guide-`);
    context.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(`${folder}/spread.mjs`, program!);
    const off = run([`${folder}/spread.mjs`]);
    assert.deepEqual(off, { status: 0, said: '0\n' });
    const { status, said } = run(['--conditions=sanitize', `${folder}/spread.mjs`]);
    assert.notEqual(status, 0);
    assert.ok(said.replaceAll(/file:\S*\/spread\.mjs/g, 'spread.js').includes(report!), said);
  });
});
