/** Ways in which tests are written, each with the states that it must end in. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLitmus, runLitmus } from '../../../src/checker/litmus/index.ts';
import { modelNamed } from '../../../src/checker/models/index.ts';

const MODELS = { x86: 'tso', aarch64: 'armv8', riscv: 'riscv', c11: 'rc11' } as const;

/** The answer and the states. */
function answer(text: string): string {
  const litmus = parseLitmus(text);
  const { holds, outcomes } = runLitmus(litmus, modelNamed(MODELS[litmus.architecture])!, {
    mode: 'count',
  });
  return [holds ? 'Ok' : 'No', ...outcomes].join(' ');
}

function aarch64(initial: string, rows: string, question: string): string {
  return answer(`AArch64 t\n{ ${initial} }\n P0 ;\n${rows};\n${question}\n`);
}

describe('litmus tests', () => {
  test('may stand on one line, or have the line ends of Windows', () => {
    const one = 'AArch64 t {0:X1=x;} P0; MOV W0,#1; STR W0,[X1]; exists x=1';
    assert.equal(answer(one), 'Ok [x]=1;');
    assert.equal(answer('C t {} P0 (int* x) { *x = 1; } exists (x=1)'), 'Ok [x]=1;');
    assert.equal(answer(one.replace(/[{};]/g, '$&\r\n')), 'Ok [x]=1;');
    assert.equal(answer('RISC-V t {0:x1=x;} P0; sw x0,0(x1); exists x=0'), 'Ok [x]=0;');
  });

  test('answer forall of no state with Ok, also where nothing happens', () => {
    assert.equal(aarch64('', 'NOP', 'filter (x=1) forall (x=2)'), 'Ok');
    assert.equal(aarch64('', 'NOP', 'filter (x=1) exists (x=0)'), 'No');
    assert.equal(aarch64('0:X1=x;', 'LDR W0,[X1]', 'filter (0:X0=1) forall (x=2)'), 'Ok');
  });

  test('have instructions as values, one of which has no quotes', () => {
    const rows = 'L: NOP; ADR X1,L; LDR W2,[X1]; LDR W3,[X4]';
    const initial = '0:X4=0:M;';
    const question = (value: string): string => `forall (0:X2=${value} /\\ 0:X3=instr:"B .+4")`;
    for (const value of ['NOP', 'nop', 'instr:"NOP"']) {
      assert.equal(
        aarch64(initial, `${rows}; M: B E; E:`, question(value)),
        'Ok 0:X2=NOP; 0:X3=instr:"B .+4";',
      );
    }
    const next = 'ADR X1,L; LDR W2,[X1,#4]; L: B E; NOP; E:';
    assert.equal(aarch64('', next, 'forall (0:X2=NOP)'), 'Ok 0:X2=NOP;');
  });

  test('do not change code', () => {
    const changes = { code: 'ERR_LITMUS_UNSUPPORTED', message: /of code.*in line 4, column 1/ };
    assert.throws(() => aarch64('0:X1=0:L;', 'STR W0,[X1]; L: NOP', 'forall true'), changes);
    const pointer = 'LDR X1,[X2]; STR W0,[X1]; L: NOP';
    assert.throws(() => aarch64('int *p=P0:L; 0:X2=p;', pointer, 'forall true'), /STR of code/);
  });

  test('compare locations with each other, and implications before anything else', () => {
    const swapped = 'LDR W0,[X1]; STR W0,[X2]; HLT #0';
    const initial = 'x=3; 0:X1=x; 0:X2=y;';
    assert.equal(aarch64(initial, swapped, 'forall ([x]=[y])'), 'Ok [x]=3; [y]=3;');
    assert.equal(aarch64(initial, swapped, 'forall (x=1 => y=1 /\\ x=2)'), 'No [x]=3; [y]=3;');
    assert.equal(aarch64(initial, swapped, 'forall (x=1 => (y=1 /\\ x=2))'), 'Ok [x]=3; [y]=3;');
  });

  test('initialise atomics as C does', () => {
    const body = 'P0 (_Atomic(int)* x, atomic<int>* y) { *y = *x; }';
    const text = `C t\n{ atomic_int x = ATOMIC_INIT(4); }\n${body}\nforall (y=4)`;
    assert.equal(answer(text), 'Ok [y]=4;');
  });

  test('may access what no address can be', () => {
    const far = 'MOV X1,#-8; LDR X0,[X1]; STR W2,[X1,#4]; LDRB W3,[X1]';
    assert.match(aarch64('x=1;', far, 'locations [x; 0:X0;] exists (0:X3=0)'), /^Ok /);
  });
});
