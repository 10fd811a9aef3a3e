/** `rondo cache`, as a process. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { cleanUp, type Ended, folderWith, rondo } from './command.ts';

const TRACE = 'thread P0 producer\nP0 W 0x40 4 a.ts:1\nP1 W 0x44 4 b.ts:2\nP0 W 0x40 4 a.ts:1\n';

function run(files: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ended> {
  return rondo(['cache', ...args], { cwd: folderWith(files) }).ended;
}

describe('rondo cache', () => {
  afterEach(cleanUp);

  it('simulates a trace', async () => {
    const { code, output } = await run({ 'a.trace': TRACE }, 'a.trace');
    assert.equal(code, 0, output);
    assert.match(
      output,
      /P0 W 0x40 4 +0x40 +M {2}I +84 +BusRdX c1:flush\+writeback c1:inv \(false/,
    );
    assert.match(output, /\+4\.\.7 +P1 .* b\.ts:2/);
  });

  it('simulates a program in all its interleavings, and a litmus test', async () => {
    const litmus = `X86 SB
{ }
 P0          | P1          ;
 MOV [x],$1  | MOV [y],$1  ;
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
`;
    const files = { 'a.program': `program\n${TRACE}`, 'sb.litmus': litmus };
    const program = await run(files, 'a.program');
    assert.match(program.output, /3 interleavings, all there are/);
    const test = await run(files, 'sb.litmus', '--protocol', 'moesi', '--directory');
    assert.equal(test.code, 0, test.output);
    assert.match(test.output, /MOESI with a directory: 2 cores/);
    assert.match(test.output, /6 interleavings, all there are/);
    assert.match(test.output, /P1 R x/);
  });

  it('puts all protocols beside each other, and the layouts of the ring', async () => {
    const all = await run({ 'a.trace': TRACE }, 'a.trace', '--protocol', 'all');
    assert.equal(all.output.match(/^M\w+/gm)?.join(), 'MSI,MESI,MESIF,MOESI,MOESIF');
    const ring = await run({}, '--ring', '--messages', '50', '--prefetch');
    assert.match(ring.output, /cycles a message\nMESI, on one line .*\nMESI, 64 bytes apart /);
  });

  it('gives JSON, a picture, and the tables', async () => {
    const { output } = await run({ 'a.trace': TRACE }, 'a.trace', '--json');
    const { title, report } = JSON.parse(output) as {
      title: string;
      report: { totals: { misses: Record<string, number> } };
    };
    assert.equal(title, 'MESI');
    assert.equal(report.totals.misses['false sharing'], 1);
    const cwd = folderWith({ 'a.trace': TRACE });
    await rondo(['cache', 'a.trace', '--picture', 'a.svg'], { cwd }).ended;
    assert.match(readFileSync(join(cwd, 'a.svg'), 'utf8'), /<svg /);
    const table = await run({}, '--table', '--protocol', 'MESIF');
    assert.match(table.output, /^MESIF \(.*\)\n/);
    assert.match(table.output, /^F {2}F +BusUpgr → M/m);
  });

  it('takes the machine from flags', async () => {
    const flags = ['--nodes', '2', '--distances', '10,21;21,10', '--line', '32', '--ways', '2'];
    const more = ['--sets', '4', '--homes', 'line', '--latency', 'memory=500', '--cores', '2'];
    const { code, output } = await run({ 'a.trace': TRACE }, 'a.trace', ...flags, ...more);
    assert.equal(code, 0, output);
    assert.match(output, /2 cores, 2 nodes, 256 bytes each \(4 sets of 2, lines of 32 bytes\)/);
    assert.match(output, / 504 +BusRdX mem:data/);
  });

  it('ends with 2 for a wrong command line, and with 1 for what cannot be read', async () => {
    const files = { 'a.trace': TRACE, 'bad.trace': 'P0 Q 0x40\n', 'deep.litmus': 'X86 a\n' };
    const wrong: readonly [readonly string[], number, RegExp][] = [
      [[], 2, /which trace\?/],
      [['a.trace', '--protocol', 'MOSI'], 2, /--protocol must be one of/],
      [['a.trace', '--line', '48'], 2, /it must be a power of two, got 48/],
      [['a.trace', '--cores', '1'], 2, /core must be from 0 to 0, got 1/],
      [['a.trace', '--latency', 'memory'], 2, /--latency must be NAME=CYCLES/],
      [['a.trace', '--ring'], 2, /--ring stands in place of FILE/],
      [['a.trace', '--protocol', 'all', '--picture', 'x.svg'], 2, /draws one simulation/],
      [['bad.trace'], 1, /line 1: the second word is R, W, U or X/],
      [['none.trace'], 1, /Cannot read none\.trace: ENOENT/],
      [['deep.litmus'], 1, /rondo: /],
    ];
    const cwd = folderWith(files);
    for (const [args, expected, message] of wrong) {
      const { code, output } = await rondo(['cache', ...args], { cwd }).ended;
      assert.equal(code, expected, `${args.join(' ')}: ${output}`);
      assert.match(output, message);
      assert.equal(/^\s+at /m.test(output), false, output);
    }
  });
});
