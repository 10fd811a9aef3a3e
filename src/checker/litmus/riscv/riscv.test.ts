import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tag } from '../contract.ts';
import type { ThreadContext, Value } from '../contract.ts';
import type { Environment } from '../format/architecture.ts';
import { riscv } from './index.ts';

/** What a run did, in words; reads return the given values in turn. */
interface Run {
  readonly events: readonly string[];
  readonly registers: ReadonlyMap<string, Value>;
}

class Refused extends Error {}

function environmentOf(registers: Readonly<Record<string, Value>>): Environment {
  const canonical = Object.entries(registers).map(
    ([name, value]) => [riscv.registers.canonical(name) ?? name, value] as const,
  );
  const refuse = (message: string): never => {
    throw new Refused(message);
  };
  return {
    thread: 0,
    symbols: { addressOf: (name) => name.length * 4096, nameOf: () => undefined },
    initialRegisters: new Map(canonical),
    parameters: new Map([['p', 7]]),
    namesCode: false,
    unroll: 2,
    fail: refuse,
    unsupported: refuse,
  };
}

function run(
  lines: readonly string[],
  registers: Readonly<Record<string, Value>> = {},
  reads: readonly Value[] = [],
  choices: readonly number[] = [],
): Run {
  const events: string[] = [];
  const values = reads[Symbol.iterator]();
  const chosen = choices[Symbol.iterator]();
  const context = {
    accesses: 0,
    read({ address, size, tag, addressFrom }: Parameters<ThreadContext['read']>[0]): Value {
      context.accesses++;
      events.push(`R${size} ${address} t${tag} a${addressFrom}`);
      return Number(values.next().value ?? 0);
    },
    write(
      { address, size, tag, addressFrom }: Parameters<ThreadContext['write']>[0],
      value: Value,
      from: number,
      of = -1,
    ): void {
      context.accesses++;
      events.push(`W${size} ${address}=${value} t${tag} a${addressFrom} d${from} r${of}`);
    },
    fence: (name: string) => void events.push(name),
    branch: (from: number) => void events.push(`branch ${from}`),
    choose: () => chosen.next().value ?? 0,
    abandon(reason: string): never {
      throw new Refused(reason);
    },
  };
  const program = riscv.compile(lines, environmentOf(registers));
  return { registers: program.run(context), events };
}

function result(line: string, registers: Readonly<Record<string, Value>> = {}): Value | undefined {
  return run([line], registers).registers.get('x10');
}

test('registers: names of the calling convention are those of the numbers', () => {
  assert.equal(riscv.registers.canonical('zero'), 'x0');
  assert.equal(riscv.registers.canonical('fp'), 'x8');
  assert.equal(riscv.registers.canonical('a7'), 'x17');
  assert.equal(riscv.registers.canonical('s2'), 'x18');
  assert.equal(riscv.registers.canonical('s11'), 'x27');
  assert.equal(riscv.registers.canonical('t3'), 'x28');
  assert.equal(riscv.registers.canonical('t6'), 'x31');
  assert.equal(riscv.registers.canonical('x32'), undefined);
  assert.ok(riscv.registers.rank('x9') < riscv.registers.rank('x10'));
});

test('arithmetic: 64 bits, unsigned, words extended by their sign', () => {
  const top = 2n ** 64n - 1n;
  assert.equal(result('addi a0,x0,-1'), top);
  assert.equal(result('addi a0,a1,1', { a1: top }), 0);
  assert.equal(result('addw a0,a1,a1', { a1: 0x40000000 }), 0xffffffff80000000n);
  assert.equal(result('sub a0,x0,a1', { a1: 1 }), top);
  assert.equal(result('slli a0,a1,40', { a1: 5 }), 5 * 2 ** 40);
  assert.equal(result('srai a0,a1,1', { a1: -2 }), top);
  assert.equal(result('srli a0,a1,63', { a1: -2 }), 1);
  assert.equal(result('sraiw a0,a1,4', { a1: 0x80000000 }), 0xfffffffff8000000n);
  assert.equal(result('slt a0,a1,x0', { a1: -1 }), 1);
  assert.equal(result('sltu a0,a1,x0', { a1: -1 }), 0);
  assert.equal(result('xori a0,a1,-1', { a1: 0 }), top);
  assert.equal(result('lui a0,0x80000'), 0xffffffff80000000n);
  assert.equal(result('sext.b a0,a1', { a1: 0x80 }), 0xffffffffffffff80n);
  assert.equal(result('zext.h a0,a1', { a1: -1 }), 0xffff);
  assert.equal(result('la a0,abc'), 3 * 4096);
  assert.equal(result('mv a0,%p'), 7);
});

test('x0: stays 0 and carries no dependency', () => {
  const { events, registers } = run(['lw x0,0(a1)', 'add a2,a1,x0', 'sw x0,(a2)'], { a1: 64 }, [3]);
  assert.equal(registers.get('x0'), 0);
  assert.deepEqual(events, ['R4 64 t0 a0', 'W4 64=0 t0 a0 d0 r-1']);
});

test('dependencies: through registers into addresses, values and branches', () => {
  const { events } = run(
    [
      'lw a0,0(s0)',
      'xor a1,a0,a0',
      'add a2,s1,a1',
      'ld a3,8(a2)',
      'sd a3,(s1)',
      'bne a3,x0,L',
      'L: sw a0,0(a2)',
    ],
    { s0: 64, s1: 128 },
    [1, 2],
  );
  assert.deepEqual(events, [
    'R4 64 t0 a0',
    'R8 136 t0 a1',
    'W8 128=2 t0 a0 d2 r-1',
    'branch 2',
    'W4 128=1 t0 a1 d1 r-1',
  ]);
});

test('annotations: of loads, stores, lr, sc and AMOs', () => {
  const { ACQUIRE, RELEASE, EXCLUSIVE, ATOMIC_RMW } = Tag;
  const tags = (line: string): number[] =>
    run([line], { s0: 64 }).events.map((event) => Number(/ t(\d+)/.exec(event)?.[1]));
  assert.deepEqual(tags('lw.aq a0,0(s0)'), [ACQUIRE]);
  assert.deepEqual(tags('ld.aqrl a0,0(s0)'), [ACQUIRE | RELEASE]);
  assert.deepEqual(tags('sw.rl a0,0(s0)'), [RELEASE]);
  assert.deepEqual(tags('lr.w.rl a0,(s0)'), [EXCLUSIVE]);
  assert.deepEqual(tags('lr.d.aq.rl a0,(s0)'), [EXCLUSIVE | ACQUIRE | RELEASE]);
  assert.deepEqual(tags('amoor.d.aq a0,x0,(s0)'), [ATOMIC_RMW | ACQUIRE, ATOMIC_RMW]);
  assert.deepEqual(tags('amoswap.w.rl x0,a0,(s0)'), [ATOMIC_RMW, ATOMIC_RMW | RELEASE]);
});

test('sc: succeeds with the last lr of its address, or fails for no reason', () => {
  const lines = ['lr.w a0,(s0)', 'sc.w.rl a1,s1,(s0)', 'sw a1,(s1)', 'sc.w a2,s1,(s0)'];
  const success = run(lines, { s0: 64, s1: 128 }, [5], [0]);
  assert.deepEqual(success.events, [
    'R4 64 t64 a0',
    `W4 64=128 t${Tag.EXCLUSIVE | Tag.RELEASE} a0 d0 r0`,
    'W4 128=0 t0 a0 d2 r-1',
  ]);
  assert.equal(success.registers.get('x12'), 1);
  const failure = run(lines, { s0: 64, s1: 128 }, [5], [1]);
  assert.deepEqual(failure.events, ['R4 64 t64 a0', 'W4 128=1 t0 a0 d0 r-1']);
  const elsewhere = run(['lr.w a0,(s0)', 'sc.w a1,s1,(s1)'], { s0: 64, s1: 128 });
  assert.equal(elsewhere.registers.get('x11'), 1);
});

test('AMOs: return what they read, write what they compute', () => {
  const amo = (name: string, old: Value, operand: Value): string =>
    String(
      run([`${name} a0,a1,(s0)`], { s0: 64, a1: operand }, [old]).events[1]?.match(/=(\S+)/)?.[1],
    );
  assert.equal(amo('amoswap.w', 1, -1), '4294967295');
  assert.equal(amo('amoadd.w', 0xffffffff, 2), '1');
  assert.equal(amo('amoadd.d', 0xffffffff, 2), '4294967297');
  assert.equal(amo('amoxor.w', 6, 3), '5');
  assert.equal(amo('amomax.w', 0xffffffff, 2), '2');
  assert.equal(amo('amomaxu.w', 0xffffffff, 2), '4294967295');
  assert.equal(amo('amomin.w', 0xffffffff, 2), '4294967295');
  assert.equal(amo('amominu.w', 0xffffffff, 2), '2');
  const swap = run(['amoswap.w a0,a0,(s0)', 'sw a0,(s1)'], { s0: 64, s1: 128, a0: 1 }, [9]);
  assert.equal(swap.events[2], 'W4 128=9 t0 a0 d1 r-1');
});

test('fences: sets of accesses, those of devices left out', () => {
  const lines = ['fence', 'fence rw,w', 'fence ior , iorw', 'fence i,o', 'fence.tso', 'fence.i'];
  assert.deepEqual(run(lines).events, [
    'fence.rw.rw',
    'fence.rw.w',
    'fence.r.rw',
    'fence.tso',
    'fence.i',
  ]);
});

test('loops: turn back as often as the bound allows', () => {
  const lines = ['L:', 'addi a0,a0,1', 'blt a0,a1,L', 'j OUT', 'li a0,99', 'OUT:'];
  assert.equal(run(lines, { a1: 3 }).registers.get('x10'), 3);
  assert.throws(() => run(lines, { a1: 4 }), /turned back more than 2 times/);
});

test('branches: pseudo-instructions compare with zero and exchange operands', () => {
  const taken = (branch: string, registers: Readonly<Record<string, Value>>): boolean =>
    run([branch, 'li a0,1', 'L:'], registers).registers.get('x10') === 0;
  assert.ok(taken('beqz a1,L', {}));
  assert.ok(taken('bltz a1,L', { a1: -1 }));
  assert.ok(taken('bgtz a1,L', { a1: 1 }));
  assert.ok(taken('blez a1,L', { a1: -1 }));
  assert.ok(taken('bgt a1,a2,L', { a1: 1 }));
  assert.ok(taken('bgtu a1,a2,L', { a1: -1, a2: 1 }));
  assert.ok(!taken('bgeu a1,a2,L', { a1: 1, a2: -1 }));
});

test('text: what is not understood is refused with its reason', () => {
  const refused = (line: string, reason: RegExp): void => {
    assert.throws(() => run([line]), reason);
  };
  refused('lx a0,0(s0)', /no instruction/);
  refused('mul a0,a1,a2', /not there/);
  refused('lw a0,0(q0)', /"q0" is no register/);
  refused('lw a0,s0', /no address/);
  refused('lr.w a0,4(s0)', /no offset/);
  refused('addi a0,a1,a2', /no integer/);
  refused('add a0,a1,a2,a3', /one operand too many/);
  refused('add a0,a1', /missing/);
  refused('fence w,q', /no set of accesses/);
  refused('j NOWHERE', /no label/);
});
