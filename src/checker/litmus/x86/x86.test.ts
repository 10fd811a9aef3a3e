import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Access, ThreadContext, Value } from '../contract.ts';
import { parseWith } from '../format/index.ts';
import type { Architecture } from '../format/index.ts';
import { x86, x86_64 } from './index.ts';

const NO_C = { name: 'c11', compile: () => assert.fail() } as const;
const FRONT_ENDS = {
  assembly: new Map<string, Architecture>([
    ['x86', x86],
    ['x86_64', x86_64],
  ]),
  c: NO_C,
};

class Abandoned extends Error {}

/** What one thread does, in words, when its reads return the given values; and its registers. */
function run(
  architecture: 'X86' | 'X86_64',
  rows: readonly string[],
  reads: readonly Value[] = [],
  initial = '',
): { events: string[]; registers: ReadonlyMap<string, Value> } {
  const text = `${architecture} t\n{ ${initial} }\nP0;\n${rows.map((row) => `${row};`).join('\n')}\n`;
  const litmus = parseWith(FRONT_ENDS, text);
  const events: string[] = [];
  const values = reads[Symbol.iterator]();
  const place = ({ address, size, tag, addressFrom }: Access): string =>
    `${litmus.symbols.nameOf(address) ?? '?'}:${size}${tag === 0 ? '' : ' locked'}` +
    (addressFrom === 0 ? '' : ` address<${addressFrom}`);
  const context = {
    accesses: 0,
    read(access: Access): Value {
      context.accesses++;
      events.push(`R ${place(access)}`);
      return values.next().value ?? 0;
    },
    write(access: Access, value: Value, from: number, of = -1): void {
      context.accesses++;
      const half = of < 0 ? '' : ` rmw ${of}`;
      events.push(`W ${place(access)} = ${value}${from === 0 ? '' : ` data<${from}`}${half}`);
    },
    fence: (name: string) => void events.push(name),
    branch: (from: number) => void events.push(`branch<${from}`),
    choose: () => 0,
    abandon(): never {
      throw new Abandoned();
    },
  } satisfies ThreadContext;
  const registers = litmus.threads[0]?.run(context) ?? new Map<string, Value>();
  return { events, registers };
}

function refusal(architecture: 'X86' | 'X86_64', row: string): string {
  try {
    run(architecture, [row]);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
  return assert.fail(`"${row}" was taken`);
}

describe('x86, both syntaxes', () => {
  test('Intel puts the destination first, AT&T last', () => {
    const intel = run('X86', ['MOV [x],$1', 'mov EAX, [y]', 'MOV [z],EAX', 'MOV EBX,2'], [7]);
    assert.deepEqual(intel.events, ['W x:4 = 1', 'R y:4', 'W z:4 = 7 data<2']);
    assert.equal(intel.registers.get('EBX'), 2);
    const att = run('X86_64', ['movq $1,(x)', 'movq (y),%rax', 'MOVQ %RAX,z'], [7]);
    assert.deepEqual(att.events, ['W x:8 = 1', 'R y:8', 'W z:8 = 7 data<2']);
  });

  test('addresses are sums of names, numbers and registers', () => {
    const att = ['movl 4(%rax,%rbx,8),%ecx', 'movb $1,x+3', 'movq -8(%rax),%rdx', 'movw $1,8(x)'];
    assert.deepEqual(run('X86_64', att, [], 'int64_t t[9]; 0:rax=t; 0:rbx=2;').events, [
      'R t+20:4',
      'W x+3:1 = 1',
      'R ?:8',
      'W x+8:2 = 1',
    ]);
    const intel = ['MOV EAX,[EBX+4]', 'MOV ECX,[x+EDX*4]', 'MOV BYTE PTR [x-0],3', 'LEA ESI,[x+4]'];
    const { events, registers } = run('X86', intel, [], '0:EBX=t; 0:EDX=1;');
    assert.deepEqual(events, ['R t+4:4', 'R x+4:4', 'W x:1 = 3']);
    assert.equal(Number(registers.get('ESI')) & 0xffff, 4);
  });

  test('an address that was read is a dependency', () => {
    const { events } = run('X86_64', ['movq (p),%rax', 'movq (%rax),%rbx', 'movq %rbx,(%rax)']);
    assert.deepEqual(events.slice(1), ['R ?:8 address<1', 'W ?:8 address<1 = 0 data<2']);
  });

  test('parameters of the test are registers of 64 bits', () => {
    const { events } = run('X86_64', ['movl $1,(%P0_x)'], [], 'uint64_t %P0_x=x;');
    assert.deepEqual(events, ['W x:4 = 1']);
  });
});

describe('x86, parts of registers', () => {
  test('32 bits clear the upper half, 8 and 16 leave the rest', () => {
    const rows = ['movb $1,%al', 'movb $2,%bh', 'movw $3,%cx', 'movl $4,%edx'];
    const all = 'rax rbx rcx rdx'.split(' ');
    const initial = all.map((name) => `0:${name}=0x1111111111111111;`).join(' ');
    const { registers } = run('X86_64', rows, [], initial);
    assert.deepEqual(
      all.map((name) => BigInt(registers.get(name) ?? 0).toString(16)),
      ['1111111111111101', '1111111111110211', '1111111111110003', '4'],
    );
  });

  test('extensions take signs or not', () => {
    const rows = ['movb $-1,%al', 'movzbl %al,%ebx', 'movsbq %al,%rcx', 'movsx %al,%edx'];
    const { registers } = run('X86_64', rows);
    assert.equal(registers.get('rbx'), 255);
    assert.equal(registers.get('rcx'), 2n ** 64n - 1n);
    assert.equal(registers.get('rdx'), 0xffff_ffff);
  });

  test('tests of 32 bits give the registers of 32 bits', () => {
    const { registers } = run('X86', ['MOV EAX,-1', 'INC EAX', 'DEC EBX']);
    assert.equal(registers.get('EAX'), 0);
    assert.equal(registers.get('EBX'), 0xffff_ffff);
    assert.equal(registers.has('rax'), false);
  });
});

describe('x86, read-modify-writes', () => {
  test('are two accesses without lock, one under the lock with it', () => {
    assert.deepEqual(run('X86', ['INC [x]'], [4]).events, ['R x:4', 'W x:4 = 5 data<1']);
    assert.deepEqual(run('X86_64', ['lock addq $2,(x)'], [4]).events, [
      'R x:8 locked',
      'W x:8 locked = 6 data<1 rmw 0',
    ]);
    const { events, registers } = run('X86', ['MOV EAX,3', 'LOCK XADD [x],EAX'], [4]);
    assert.deepEqual(events, ['R x:4 locked', 'W x:4 locked = 7 data<1 rmw 0']);
    assert.equal(registers.get('EAX'), 4);
  });

  test('an exchange with memory is locked anyway, in either order', () => {
    for (const row of ['xchg %rax,(x)', 'xchgq (x),%rax']) {
      const { events, registers } = run('X86_64', ['movq $3,%rax', row], [4]);
      assert.deepEqual(events, ['R x:8 locked', 'W x:8 locked = 3 rmw 0']);
      assert.equal(registers.get('rax'), 4);
    }
    assert.deepEqual(run('X86', ['XCHG EAX,EBX'], [], '0:EAX=1; 0:EBX=2;').registers.get('EBX'), 1);
  });

  test('a comparison writes when it is equal, and gives what was there when not', () => {
    const rows = ['movl $5,%ebx', 'lock cmpxchgl %ebx,(x)', 'sete %cl'];
    const equal = run('X86_64', rows, [0]);
    assert.deepEqual(equal.events, ['R x:4 locked', 'W x:4 locked = 5 rmw 0']);
    assert.equal(equal.registers.get('rcx'), 1);
    const differs = run('X86_64', rows, [9]);
    assert.deepEqual(differs.events, ['R x:4 locked']);
    assert.equal(differs.registers.get('rax'), 9);
    assert.equal(differs.registers.get('rcx'), 0);
  });
});

describe('x86, syntaxes', () => {
  test('of 32 bits has the destination first, with either kind of brackets', () => {
    const initial = '0:EBX=x; %p=y;';
    assert.deepEqual(run('X86', ['MOV (EBX),$1'], [], initial).events, ['W x:4 = 1']);
    assert.deepEqual(run('X86', ['MOV [%p],$2'], [], initial).events, ['W y:4 = 2']);
    assert.deepEqual(run('X86', ['movl $3,(%ebx)'], [], initial).events, ['W x:4 = 3']);
  });

  test('of 64 bits names registers with % or without', () => {
    const initial = '0:rbx=x;';
    for (const row of ['movl $1,(%rbx)', 'movl $1,(rbx)', 'movl $1,[%rbx]', 'movl $1,[rbx]']) {
      assert.deepEqual(run('X86_64', [row], [], initial).events, ['W x:4 = 1'], row);
    }
    const { events, registers } = run('X86_64', ['movl (x),eax', 'movl eax,(y)'], [7]);
    assert.deepEqual(events, ['R x:4', 'W y:4 = 7 data<1']);
    assert.equal(registers.get('rax'), 7);
  });

  test('takes the operand in memory for what it can only be', () => {
    for (const row of ['lock cmpxchgl %ebx,(x)', 'lock cmpxchgl (x),%ebx']) {
      const { events } = run('X86_64', ['movl $5,%ebx', row], [0]);
      assert.deepEqual(events, ['R x:4 locked', 'W x:4 locked = 5 rmw 0'], row);
    }
    for (const row of ['cmovc (x),%eax', 'cmovc %eax,(x)']) {
      assert.deepEqual(run('X86_64', ['cmpl $1,%ebx', row], [9]).registers.get('rax'), 9, row);
    }
    const { events } = run('X86_64', ['uxchl (x),%eax', 'NOPL %cs:0(%rax,%eax,0)'], [4]);
    assert.deepEqual(events, ['R x:4', 'W x:4 = 0']);
  });
});

describe('x86, control', () => {
  const spin = ['L0: CMP [x],$0', 'JE L0', 'MFENCE', 'MOV EAX,$1'];

  test('jumps depend on what was compared, and loops end by their bound', () => {
    const { events, registers } = run('X86', spin, [0, 0, 1]);
    const once = ['R x:4', 'branch<1', 'R x:4', 'branch<2', 'R x:4', 'branch<4', 'mfence'];
    assert.deepEqual(events, once);
    assert.equal(registers.get('EAX'), 1);
    assert.throws(() => run('X86', spin, [0, 0, 0, 1]), Abandoned);
  });

  test('labels stand alone or before an instruction; ret ends, nop does nothing', () => {
    const rows = [
      'jmp over',
      'movq $1,%rax',
      'over:',
      'nop',
      'nopl 0(%rax,%eax,0)',
      'ret',
      'inc %rax',
    ];
    assert.equal(run('X86_64', rows).registers.get('rax'), 0);
  });
});

describe('x86, what is refused', () => {
  test('with the reason', () => {
    const refused: [string, RegExp][] = [
      ['bsf %rax,%rbx', /UNSUPPORTED.*"bsf" is not known, in line 4, column 1: /],
      ['lock mov %rax,(x)', /SYNTAX.*only a read-modify-write/],
      ['lock incq %rax', /SYNTAX.*only a read-modify-write/],
      ['movq (x),(y)', /SYNTAX.*only one operand can be in memory/],
      ['movq %rax', /SYNTAX.*expected 2 operands/],
      ['movq %rax,$1', /SYNTAX.*cannot be written to/],
      ['movq $1,(%rfx)', /SYNTAX.*"rfx" is no register/],
      ['movq $1,4(x', /SYNTAX.*is no operand/],
      ['jmp nowhere', /SYNTAX.*no label "nowhere"/],
      ['movq $1,(%rax,%rbx,3)', /SYNTAX.*"3" is no scale/],
      ['%%', /SYNTAX.*expected an instruction/],
      ['movnti %rax,(x)', /UNSUPPORTED/],
    ];
    for (const [row, reason] of refused) assert.match(refusal('X86_64', row), reason);
    assert.match(refusal('X86', 'MOV EAX,x'), /SYNTAX.*"x" is no operand/);
  });
});
