import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLitmus, runLitmus } from '../litmus/index.ts';
import { sc } from './sc.ts';
import { tso } from './tso.ts';

/** The states that TSO and SC allow, for columns of X86_64 with `;` between instructions. */
function statesOf(columns: readonly string[], observed: string): [string[], string[]] {
  const rows = columns.map((column) => column.split(';').map((cell) => cell.trim()));
  const height = Math.max(...rows.map((column) => column.length));
  const lines = [columns.map((_, index) => `P${index}`).join(' | ')];
  for (let row = 0; row < height; row++) {
    lines.push(rows.map((column) => column[row] ?? '').join(' | '));
  }
  const text = `X86_64 t\n{ uint64_t x; uint64_t y; }\n${lines.join(';\n')};\nlocations [${observed}]\n`;
  const litmus = parseLitmus(text);
  return [[...runLitmus(litmus, tso).outcomes], [...runLitmus(litmus, sc).outcomes]];
}

/** Both zero: the writes came after the reads. */
const RELAXED = '0:rax=0; 1:rax=0;';
const READS = '0:rax; 1:rax;';

/** A thread that writes one location, does something, and reads the other. */
function buffering(write: string, between: string): boolean {
  const thread = (to: string, from: string): string =>
    `${write.replace('x', to)}; ${between.replace('z', `z${to}`)}; movq (${from}),%rax`;
  return statesOf([thread('x', 'y'), thread('y', 'x')], READS)[0].includes(RELAXED);
}

describe('x86-TSO, store buffers', () => {
  test('let a write come after a later read, which SC does not', () => {
    const columns = ['movq $1,(x); movq (y),%rax', 'movq $1,(y); movq (x),%rax'];
    const [under, strict] = statesOf(columns, READS);
    assert.equal(under.length, 4);
    assert.deepEqual(
      strict,
      under.filter((state) => state !== RELAXED),
    );
  });

  test('are drained by mfence, not by lfence or sfence', () => {
    assert.ok(!buffering('movq $1,(x)', 'mfence'));
    assert.ok(buffering('movq $1,(x)', 'lfence'));
    assert.ok(buffering('movq $1,(x)', 'sfence'));
    assert.ok(buffering('movq $1,(x)', 'nop'));
  });

  test('are drained by locked instructions, on their own location or another', () => {
    for (const locked of ['lock incq (z)', 'xchgq %rbx,(z)', 'lock xaddq %rbx,(z)']) {
      assert.ok(!buffering('movq $1,(x)', locked), locked);
    }
    // One that fails has locked, too: rax is 0 and z holds 0, rcx 5 and z holds 0.
    assert.ok(!buffering('movq $1,(x)', 'lock cmpxchgq %rbx,(z)'));
    const failing = 'movq $5,%rcx; movq $5,(z); movq $0,%rax; lock cmpxchgq %rbx,(z)';
    assert.ok(!buffering('movq $1,(x)', failing));
    assert.ok(!buffering('lock incq (x)', 'nop'));
  });

  test('are not drained by a read-modify-write that is not locked', () => {
    assert.ok(buffering('movq $1,(x)', 'incq (z)'));
    assert.ok(buffering('incq (x)', 'nop'));
  });

  test('give a thread its own writes early', () => {
    const thread = (own: string, other: string): string =>
      `movq $1,(${own}); movq (${own}),%rax; movq (${other}),%rbx`;
    const [under] = statesOf([thread('x', 'y'), thread('y', 'x')], '0:rax;0:rbx;1:rax;1:rbx;');
    assert.ok(under.includes('0:rax=1; 0:rbx=0; 1:rax=1; 1:rbx=0;'));
    assert.ok(under.every((state) => state.includes('0:rax=1;') && state.includes('1:rax=1;')));
  });
});

describe('x86-TSO, everything else', () => {
  test('is in order: messages, independent readers, loads before stores', () => {
    const message = ['movq $1,(x); movq $1,(y)', 'movq (y),%rax; movq (x),%rbx'];
    const [under, strict] = statesOf(message, '1:rax; 1:rbx;');
    assert.deepEqual(under, strict);
    assert.ok(!under.includes('1:rax=1; 1:rbx=0;'));

    const reader = (first: string, second: string): string =>
      `movq (${first}),%rax; movq (${second}),%rbx`;
    const readers = ['movq $1,(x)', 'movq $1,(y)', reader('x', 'y'), reader('y', 'x')];
    const [seen] = statesOf(readers, '2:rax;2:rbx;3:rax;3:rbx;');
    assert.ok(!seen.includes('2:rax=1; 2:rbx=0; 3:rax=1; 3:rbx=0;'));

    const loads = ['movq (x),%rax; movq $1,(y)', 'movq (y),%rax; movq $1,(x)'];
    assert.ok(!statesOf(loads, READS)[0].includes('0:rax=1; 1:rax=1;'));
  });

  test('a locked instruction is one step: none is lost, none comes before what it read', () => {
    const count = ['lock incq (x)', 'lock incq (x)'];
    assert.deepEqual(statesOf(count, 'x;'), [['[x]=2;'], ['[x]=2;']]);
    assert.deepEqual(statesOf(['incq (x)', 'incq (x)'], 'x;')[1], ['[x]=1;', '[x]=2;']);
    const exchange = ['movq $1,%rax; xchgq %rax,(x)', 'movq $2,(x)'];
    const states = ['0:rax=0; [x]=2;', '0:rax=2; [x]=1;'];
    assert.deepEqual(statesOf(exchange, '0:rax; x;'), [states, states]);
  });
});
