import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { cleanUp, folderWith, rondo, type Ended } from './command.ts';

afterEach(cleanUp);

/** Two threads that write one location and read the other; what stands between is missing. */
const BUFFERING = `X86 SB
{ x=0; y=0; }
 P0          | P1          ;
 MOV [x],$1  | MOV [y],$1  ;
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
`;

const SPINNING = `X86_64 spin
{}
 P0           | P1           ;
 L0: cmpq $0,(x) | movq $1,(x) ;
 je L0        |              ;
forall (x=1)
`;

const PASSING = `'message';
const data = new Int32Array(new SharedArrayBuffer(4));
const flag = new Int32Array(new SharedArrayBuffer(4));
thread(() => { data[0] = 1; flag[0] = 1; });
thread(() => { const seen = flag[0]; const value = data[0]; });
exists(seen === 1 && value === 0);
`;

async function run(args: readonly string[], files: Record<string, string>): Promise<Ended> {
  return rondo(['litmus', ...args], { cwd: folderWith(files) }).ended;
}

describe('rondo litmus', () => {
  test('prints the lines of herd under the model of the architecture', async () => {
    const { code, output } = await run(['sb.litmus'], { 'sb.litmus': BUFFERING });
    assert.equal(
      output.replace(/^Time SB \d+\.\d\d$/m, 'Time SB'),
      `Test SB Allowed
States 4
0:EAX=0; 1:EAX=0;
0:EAX=0; 1:EAX=1;
0:EAX=1; 1:EAX=0;
0:EAX=1; 1:EAX=1;
Ok
Witnesses
Positive: 1 Negative: 3
Condition exists (0:EAX=0 /\\ 1:EAX=0)
Observation SB Sometimes 1 3
Time SB

`,
    );
    assert.equal(code, 0);
  });

  test('--explain names the axiom and shows the cycle', async () => {
    const { output } = await run(['sb.litmus', '--model', 'sc', '--explain'], {
      'sb.litmus': BUFFERING,
    });
    const shown = `  P0           P1
  a: W [x]=1   c: W [y]=1
  b: R [y]=0   d: R [x]=0

  Axiom "sequential consistency" does not hold: it has a cycle
    a: W [x]=1  po  b: R [y]=0
    b: R [y]=0  fr  c: W [y]=1
    c: W [y]=1  po  d: R [x]=0
    d: R [x]=0  fr  a: W [x]=1
`;
    assert.ok(output.includes(shown), output);
    const allowed = await run(['sb.litmus', '--explain'], { 'sb.litmus': BUFFERING });
    assert.match(allowed.output, /No state that satisfies the condition is forbidden by tso/);
  });

  test('runs all files, and ends with 1 when one of them cannot be run', async () => {
    const files = { 'bad.litmus': 'X86 t\n{}\nP0;\nFOO;\n', 'sb.litmus': BUFFERING };
    const { code, output } = await run(['bad.litmus', 'sb.litmus'], files);
    assert.match(output, /rondo: bad.litmus: .*"foo" is not known, in line 4, column 1: "FOO;"/);
    assert.match(output, /Observation SB Sometimes 1 3/);
    assert.equal(code, 1);
  });

  test('--check ends with 1 when an answer is No', async () => {
    const files = { 'sb.litmus': BUFFERING };
    assert.equal((await run(['sb.litmus', '--model', 'sc', '--check'], files)).code, 1);
    assert.equal((await run(['sb.litmus', '--model', 'sc'], files)).code, 0);
    assert.equal((await run(['sb.litmus', '--check'], files)).code, 0);
  });

  test('runs tests for the memory model of ECMAScript', async () => {
    const { code, output } = await run(['mp.js', '--model', 'v8-x64', '--check'], {
      'mp.js': PASSING,
    });
    assert.match(output, /^Test message \(v8-x64\)$[^]*^Forbidden$/m);
    assert.equal(code, 1);
    const plain = await run(['mp.js'], { 'mp.js': PASSING });
    assert.match(plain.output, /^Test message \(es\)$[^]*^Allowed$/m);
    const other = await run(['mp.js', '--model', 'tso'], { 'mp.js': PASSING });
    assert.match(other.output, /its models are es, es2019, v8-x64, v8-arm64/);
    assert.equal(other.code, 2);
  });

  test('says when a loop went on', async () => {
    const { output } = await run(['spin.litmus', '--unroll', '1'], { 'spin.litmus': SPINNING });
    assert.match(output, /^Loop /m);
    assert.match(output, /a loop went on after 1 turns: states may be missing; see --unroll/);
  });

  test('refuses what is no model for the test, and what is no model', async () => {
    const files = { 'sb.litmus': BUFFERING };
    const cases: [string[], RegExp][] = [
      [[], /which test\?/],
      [['sb.litmus', '--model', 'armv8'], /is a test for x86: its models are sc, .*tso/],
      [['sb.litmus', '--model', 'tsoo'], /--model must be one of .*, did you mean tso\?/],
      [['sb.litmus', '--unroll', '1001'], /--unroll is at most 1000/],
      [['none.litmus'], /cannot read none.litmus/],
    ];
    for (const [args, reason] of cases) {
      const { code, output } = await run(args, files);
      assert.match(output, reason);
      assert.equal(code, 2, args.join(' '));
    }
  });
});
