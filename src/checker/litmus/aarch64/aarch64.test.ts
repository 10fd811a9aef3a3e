import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Tag } from '../contract.ts';
import type { Access, Symbols, ThreadContext, ThreadProgram, Value } from '../contract.ts';
import type { Environment } from '../format/architecture.ts';
import { aarch64 } from './index.ts';

class Refused extends Error {}
class Abandoned extends Error {}

function symbolTable(): Symbols {
  const names: string[] = [];
  return {
    addressOf(name) {
      if (!names.includes(name)) names.push(name);
      return (names.indexOf(name) + 1) * 0x10000;
    },
    nameOf: (address) => names[Number(address) / 0x10000 - 1],
  };
}

/** How a run is told: reads return `reads` in turn, choices are `choices` in turn. */
interface Script {
  readonly registers?: Readonly<Record<string, Value>>;
  readonly parameters?: Readonly<Record<string, Value>>;
  readonly reads?: readonly Value[];
  readonly choices?: readonly number[];
  readonly symbols?: Symbols;
  readonly thread?: number;
}

function compile(lines: string, script: Script): ThreadProgram {
  const refuse = (message: string): never => {
    throw new Refused(message);
  };
  const environment: Environment = {
    thread: script.thread ?? 0,
    symbols: script.symbols ?? symbolTable(),
    initialRegisters: new Map(Object.entries(script.registers ?? {})),
    parameters: new Map(Object.entries(script.parameters ?? {})),
    namesCode: false,
    unroll: 2,
    fail: refuse,
    unsupported: refuse,
  };
  const rows = lines.split(';').map((line) => line.trim());
  return aarch64.compile(rows, environment);
}

function spread(access: Access): string {
  const tags = Object.entries(Tag).filter(([, bit]) => (access.tag & bit) !== 0);
  const parts = [`${access.size}@${access.address}`, ...tags.map(([name]) => name)];
  if (access.addressFrom !== 0) parts.push(`addr ${access.addressFrom}`);
  if (access.addressPick) parts.push(`addr? ${access.addressPick}`);
  if (access.unsequenced) parts.push(`apart ${access.unsequenced}`);
  return parts.join(' ');
}

/** Runs one column and tells what it did, in words, and its registers at the end. */
function run(lines: string, script: Script = {}): { did: string[]; at: (name: string) => Value } {
  const did: string[] = [];
  const reads = [...(script.reads ?? [])];
  const choices = [...(script.choices ?? [])];
  let accesses = 0;
  const context: ThreadContext = {
    get accesses() {
      return accesses;
    },
    read(access) {
      accesses += 1;
      did.push(`R${spread(access)}`);
      return reads.shift() ?? 0;
    },
    write(access, value, from, of = -1, pick = 0) {
      accesses += 1;
      const parts = [`W${spread(access)} = ${value}`];
      if (from !== 0) parts.push(`data ${from}`);
      if (pick !== 0) parts.push(`data? ${pick}`);
      if (of >= 0) parts.push(`rmw ${of}`);
      did.push(parts.join(' '));
    },
    fence: (name) => void did.push(name),
    branch: (from, pick = 0) => void did.push(`branch ${from}${pick === 0 ? '' : ` ? ${pick}`}`),
    choose: () => choices.shift() ?? 0,
    abandon(reason) {
      throw new Abandoned(reason);
    },
  };
  const final = compile(lines, script).run(context);
  return { did, at: (name) => final.get(name) ?? -1 };
}

describe('aarch64 registers', () => {
  it('W registers are the lower half and clear the upper', () => {
    const { at } = run('MOV X0,#-1; MOV W1,W0; ADD W0,W0,#2', {});
    assert.equal(at('X1'), 0xffffffff);
    assert.equal(at('X0'), 1);
  });

  it('MOVZ, MOVK and MOVN build wide values', () => {
    const { at } = run('MOVZ X0,#1,LSL #48; MOVK X0,#2,LSL #16; MOVN W1,#0; MOVK W1,#5');
    assert.equal(at('X0'), 2 ** 48 + 0x20000);
    assert.equal(at('X1'), 0xffff0005);
  });

  it('shifts by a register have two names', () => {
    const { at } = run('LSLV W1,W0,W2; LSRV W3,W0,W2; ASRV X4,X5,X2; RORV W6,W0,W2', {
      registers: { X0: 5, X2: 1, X5: -8n },
    });
    assert.deepEqual(['X1', 'X3', 'X4', 'X6'].map(at), [10, 2, 2n ** 64n - 4n, 0x80000002]);
  });

  it('the zero register reads as 0 and keeps nothing; SP is a register of its own', () => {
    const { at } = run('MOV XZR,X1; ADD X0,XZR,#3; MOV X2,SP', { registers: { X1: 7, SP: 9 } });
    assert.deepEqual([at('X0'), at('X2'), at('XZR')], [3, 9, 0]);
  });

  it('operands are shifted and extended', () => {
    const { at } = run('ADD X0,X1,X2,LSL #3; ADD X3,X1,W4,SXTW; ADD X5,X1,W4,UXTB #1', {
      registers: { X1: 1, X2: 2, X4: 0xfffffffe },
    });
    assert.deepEqual([at('X0'), at('X3'), at('X5')], [17, 0xffffffffffffffffn, 0x1fd]);
  });

  it('bit fields, reversals and multiplications', () => {
    const { at } = run(
      'UBFX X0,X9,#4,#8; SBFX X1,X9,#4,#8; UBFIZ W2,W9,#8,#4; REV W3,W9;' +
        'SMULL X4,W5,W5; MSUB X6,X7,X7,X8',
      { registers: { X9: 0xabc, X5: 0xffffffff, X7: 3, X8: 10 } },
    );
    assert.deepEqual([at('X0'), at('X1'), at('X2')], [0xab, 0xffffffffffffffabn, 0xc00]);
    assert.deepEqual([at('X3'), at('X4'), at('X6')], [0xbc0a0000, 1, 1]);
  });

  it('NZCV and other system registers can be moved', () => {
    const { at } = run(
      'CMP W0,#1; MRS X1,NZCV; MSR NZCV,X2; CSET W3,VS; MSR TPIDR_EL0,X4; MRS X5,TPIDR_EL0',
      {
        registers: { X2: 0x10000000, X4: 8 },
      },
    );
    assert.deepEqual([at('X1'), at('X3'), at('X5')], [0x80000000, 1, 8]);
  });

  it('parameters of a test are registers without a number', () => {
    const { did, at } = run('LDR W0,[X%y]; MOV X1,%y', { parameters: { y: 64 }, reads: [5] });
    assert.deepEqual(did, ['R4@64']);
    assert.deepEqual([at('X0'), at('X1')], [5, 64]);
  });
});

describe('aarch64 loads and stores', () => {
  const registers = { X1: 0x1000, X2: 4, X3: 0x1ff };

  it('addresses: offset, index, pre- and post-index', () => {
    const { did, at } = run(
      'LDR W0,[X1,#8]; STR X3,[X1,W2,SXTW #1]; STR W3,[X1,#-4]!; LDR W0,[X1],#16',
      { registers },
    );
    assert.deepEqual(did, ['R4@4104', 'W8@4104 = 511', 'W4@4092 = 511', 'R4@4092']);
    assert.equal(at('X1'), 4092 + 16);
  });

  it('narrow accesses truncate and extend', () => {
    const { did, at } = run(
      'STRB W3,[X1]; STRH W3,[X1]; LDRSB W4,[X1]; LDRSH X5,[X1]; LDRB W6,[X1]',
      {
        registers,
        reads: [0x80, 0x8000, 0x80],
      },
    );
    assert.deepEqual(did, ['W1@4096 = 255', 'W2@4096 = 511', 'R1@4096', 'R2@4096', 'R1@4096']);
    assert.deepEqual([at('X4'), at('X5'), at('X6')], [0xffffff80, 0xffffffffffff8000n, 0x80]);
  });

  it('acquire, release and barriers', () => {
    const { did } = run(
      'LDAR W0,[X1]; LDAPR W0,[X1]; STLR W0,[X1]; DMB ISHLD; DMB SY; DSB ST; ISB',
      {
        registers,
      },
    );
    assert.deepEqual(did, [
      'R4@4096 ACQUIRE',
      'R4@4096 ACQUIRE_PC',
      'W4@4096 RELEASE = 0 data 2',
      'dmb.ld',
      'dmb.sy',
      'dsb.st',
      'isb',
    ]);
  });

  it('pairs are two accesses in no order, unless the instruction orders them', () => {
    const { did, at } = run(
      'LDP W4,W5,[X1]; STP X4,X5,[X1,#16]; STILP W4,W5,[X1]; LDPSW X6,X7,[X1]',
      {
        registers,
        reads: [1, 2, 3, 0xffffffff],
      },
    );
    assert.deepEqual(did.slice(0, 4), [
      'R4@4096',
      'R4@4100 apart 1',
      'W8@4112 = 1 data 1',
      'W8@4120 apart 4 = 2 data 2',
    ]);
    assert.deepEqual(did.slice(4, 6), ['W4@4096 RELEASE = 1 data 1', 'W4@4100 RELEASE = 2 data 2']);
    assert.deepEqual([at('X6'), at('X7')], [3, 0xffffffffffffffffn]);
  });
});

describe('aarch64 dependencies', () => {
  const registers = { X1: 0x1000, X2: 0x2000 };

  it('addresses and data carry the reads that they were computed from', () => {
    const { did } = run(
      'LDR W0,[X1]; EOR W3,W0,W0; LDR W4,[X2,W3,SXTW]; ADD W5,W4,W0; STR W5,[X2];' +
        'SUB X6,X6,X6; STR X6,[X2]',
      { registers },
    );
    assert.deepEqual(did, ['R4@4096', 'R4@8192 addr 1', 'W4@8192 = 0 data 3', 'W8@8192 = 0']);
  });

  it('branches carry what they were computed from, flags too', () => {
    const { did } = run('LDR W0,[X1]; CBZ W0,L; L: CMP W0,#1; B.NE M; M: TBNZ W0,#0,N; N:', {
      registers,
    });
    assert.deepEqual(did, ['R4@4096', 'branch 1', 'branch 1', 'branch 1']);
  });

  it('a CSEL depends on what it chose; its condition only picked that', () => {
    const { did } = run(
      'LDR W0,[X1]; LDR W3,[X2]; CMP W0,#0; CSEL W4,W3,W5,EQ; STR W4,[X1];' +
        'CSEL W4,W3,W5,NE; CBZ W4,L; L: STR W5,[X1,W4,UXTW]',
      { registers },
    );
    assert.deepEqual(did.slice(2), [
      'W4@4096 = 0 data 2 data? 1',
      'branch 0 ? 1',
      'W4@4096 addr? 1 = 0',
    ]);
  });
});

describe('aarch64 exclusives', () => {
  const registers = { X1: 0x1000, X2: 0x2000 };

  it('a pair succeeds or fails; the status depends on nothing', () => {
    const lines = 'LDXR W0,[X1]; ADD W3,W0,#1; STXR W4,W3,[X1]; CBNZ W4,L; L:';
    assert.deepEqual(run(lines, { registers, choices: [0] }).did, [
      'R4@4096 EXCLUSIVE',
      'W4@4096 EXCLUSIVE = 1 data 1 rmw 0',
      'branch 0',
    ]);
    const failed = run(lines, { registers, choices: [1] });
    assert.deepEqual(failed.did, ['R4@4096 EXCLUSIVE', 'branch 0']);
    assert.equal(failed.at('X4'), 1);
  });

  it('no pair: another address, another size, or a store-exclusive between', () => {
    for (const lines of [
      'LDXR W0,[X1]; STXR W4,W3,[X2]',
      'LDXR W0,[X1]; STXRB W4,W3,[X1]',
      'LDXR W0,[X1]; STXR W5,W3,[X2]; STXR W4,W3,[X1]',
      'STXR W4,W3,[X1]',
    ]) {
      const { did, at } = run(lines, { registers, choices: [0, 0] });
      assert.equal(did.filter((event) => event.startsWith('W')).length, 0, lines);
      assert.equal(at('X4'), 1);
    }
  });

  it('an exclusive pair of registers is one access', () => {
    const { did, at } = run('LDAXP X3,X4,[X1]; STLXP W5,X4,X3,[X1]', {
      registers,
      reads: [(5n << 64n) | 7n],
    });
    const written = (7n << 64n) | 5n;
    assert.deepEqual(did, [
      'R16@4096 ACQUIRE EXCLUSIVE',
      `W16@4096 RELEASE EXCLUSIVE = ${written} data 1 rmw 0`,
    ]);
    assert.deepEqual([at('X3'), at('X4'), at('X5')], [7, 5, 0]);
  });
});

describe('aarch64 atomics', () => {
  const registers = { X1: 0x1000, X2: 3, X5: 9 };

  it('SWP writes what its register holds, LD<op> what it computes from its read', () => {
    const { did, at } = run('SWPA W2,W0,[X1]; LDADDL W2,W3,[X1]; LDSMAXB W5,W4,[X1]', {
      registers,
      reads: [1, 10, 0xff],
    });
    assert.deepEqual(did, [
      'R4@4096 ACQUIRE ATOMIC_RMW',
      'W4@4096 ATOMIC_RMW = 3 rmw 0',
      'R4@4096 ATOMIC_RMW',
      'W4@4096 RELEASE ATOMIC_RMW = 13 data 4 rmw 2',
      'R1@4096 ATOMIC_RMW',
      'W1@4096 ATOMIC_RMW = 9 data 16 rmw 4',
    ]);
    assert.deepEqual([at('X0'), at('X3'), at('X4')], [1, 10, 0xff]);
  });

  it('without a register for the old value the read is no acquire', () => {
    const { did } = run('STADD W2,[X1]; SWPAL W2,WZR,[X1]', { registers });
    assert.deepEqual(did, [
      'R4@4096 ATOMIC_RMW NO_RETURN',
      'W4@4096 ATOMIC_RMW = 3 data 1 rmw 0',
      'R4@4096 ATOMIC_RMW NO_RETURN',
      'W4@4096 RELEASE ATOMIC_RMW = 3 rmw 2',
    ]);
  });

  it('a CAS that succeeds: the comparison picks the write, and may pick the result', () => {
    const lines = 'CAS W2,W5,[X1]; STR W2,[X1]';
    const cas = ['R4@4096 ATOMIC_RMW', 'W4@4096 ATOMIC_RMW = 9 data? 1 rmw 0'];
    const read = run(lines, { registers, reads: [3], choices: [0] });
    assert.deepEqual(read.did, [...cas, 'W4@4096 = 3 data 1']);
    const kept = run(lines, { registers, reads: [3], choices: [1] });
    assert.deepEqual(kept.did, [...cas, 'W4@4096 = 3 data? 1']);
  });

  it('a CAS that fails writes back what was there, or nothing', () => {
    const writes = run('CASAL W2,W5,[X1]', { registers, reads: [4], choices: [0] });
    assert.deepEqual(writes.did, [
      'R4@4096 ACQUIRE ATOMIC_RMW',
      'W4@4096 RELEASE ATOMIC_RMW = 4 data 1 data? 1 rmw 0',
    ]);
    const silent = run('CASAL W2,W5,[X1]', { registers, reads: [4], choices: [1] });
    assert.equal(silent.did.length, 1);
    assert.deepEqual([writes.at('X2'), silent.at('X2')], [4, 4]);
  });

  it('CASP compares and writes both', () => {
    const { did, at } = run('CASP W2,W3,W4,W5,[X1]', { registers, reads: [3, 0] });
    assert.deepEqual(did, [
      'R4@4096 ATOMIC_RMW',
      'R4@4100 ATOMIC_RMW apart 1',
      'W4@4096 ATOMIC_RMW apart 2 = 0 data? 3 rmw 0',
      'W4@4100 ATOMIC_RMW apart 5 = 9 data? 3 rmw 1',
    ]);
    assert.equal(
      run('CASP W2,W3,W4,W5,[X1]', { registers, reads: [3, 1], choices: [1] }).did.length,
      2,
    );
    assert.deepEqual([at('X2'), at('X3')], [3, 0]);
  });
});

describe('aarch64 branches', () => {
  it('conditions follow the flags', () => {
    const { at } = run(
      'CMP W0,#5; CSET W1,LT; CSET W2,CC; CSETM W3,EQ; CSINC W4,W0,W0,GE; CNEG W5,W0,NE',
      {
        registers: { X0: 3 },
      },
    );
    assert.deepEqual(['X1', 'X2', 'X3', 'X4', 'X5'].map(at), [1, 1, 0, 4, 0xfffffffd]);
  });

  it('calls and returns go through labels as values', () => {
    const { at } = run('BL F; MOV W0,#1; RET X5; F: MOV W1,#2; ADR X2,E; RET; E: MOV W3,#3');
    assert.deepEqual(['X0', 'X1', 'X3'].map(at), [1, 2, 0]);
  });

  it('a thread may branch into the code of another', () => {
    const symbols = symbolTable();
    compile('MOV W0,#9; L: MOV W1,#7; RET', { symbols, thread: 1 });
    const address = symbols.addressOf('label:"P1:L"');
    const { at } = run('BLR X3; MOV W0,#1', { symbols, registers: { X3: address } });
    assert.deepEqual([at('X0'), at('X1')], [1, 7]);
  });

  it('a load may read an instruction', () => {
    const symbols = symbolTable();
    const { did, at } = run('ADR X1,L; LDR W2,[X1]; L: B M; M:', { symbols });
    assert.deepEqual(did, []);
    assert.equal(symbols.nameOf(at('X2')), 'instr:"B .+4"');
    const plain = run('ADR X1,L; LDR W2,[X1]; L: NOP', { symbols });
    assert.equal(symbols.nameOf(plain.at('X2')), 'NOP');
  });

  it('no instruction may change code', () => {
    for (const line of [
      'STR W0,[X1]',
      'STP W0,W2,[X1]',
      'LDXR W0,[X1]',
      'SWP W0,W2,[X1]',
      'LDADD W0,W2,[X1]',
      'CAS W0,W2,[X1]',
    ]) {
      assert.throws(() => run(`ADR X1,L; ${line}; L: NOP`), /of code: instructions cannot/, line);
      assert.equal(run(line, { registers: { X1: 64 } }).did.length > 0, true, line);
    }
  });

  it('loops are bounded where they turn on what was read, and counted out where not', () => {
    const counter = 'MOV W0,#10; L: ADD W1,W1,#1; SUBS W0,W0,#1; B.NE L';
    assert.equal(run(counter).at('X1'), 10);
    const spin = 'L: LDR W0,[X1]; CBZ W0,L';
    assert.equal(run(spin, { reads: [0, 0, 1] }).did.length, 6);
    assert.throws(() => run(spin, { reads: [0, 0, 0] }), Abandoned);
    const retry = 'L: LDXR W0,[X1]; STXR W2,W0,[X1]; CBNZ W2,L';
    assert.throws(() => run(retry, { choices: [1, 1, 1] }), Abandoned);
  });
});

describe('aarch64 text', () => {
  it('is refused where it cannot be understood', () => {
    for (const line of [
      'FROB W0,W1',
      'B NOWHERE',
      'LDR W0,X1',
      'LDR W0,[Q1]',
      'LDR Q0,[X1]',
      'ADD V0.4S,V1.4S,V2.4S',
      'STR WZR,[C1]',
      'CSEL W0,W1,W2,XX',
      'DMB FOO',
      'MOV W0',
      'ADD W0,W1',
      'ADD W0,W1,W2,W3',
      'L: NOP; L: NOP',
    ]) {
      assert.throws(() => run(line), Refused, line);
    }
  });
});
