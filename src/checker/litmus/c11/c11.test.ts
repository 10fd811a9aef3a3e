import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Access, ThreadContext, Value } from '../contract.ts';
import { Tag } from '../contract.ts';
import type { Environment } from '../format/architecture.ts';
import { c11 } from './index.ts';

const ADDRESSES: ReadonlyMap<string, number> = new Map([
  ['x', 0x1000],
  ['y', 0x2000],
  ['z', 0x3000],
  ['q', 0x4000],
]);

class Abandoned extends Error {}

const environment: Environment = {
  thread: 0,
  symbols: {
    addressOf: (name) => ADDRESSES.get(name) ?? 0x9000,
    nameOf: () => undefined,
  },
  initialRegisters: new Map<string, Value>([['given', 7]]),
  parameters: new Map(),
  namesCode: false,
  unroll: 2,
  fail(message, row) {
    throw new SyntaxError(`${row ?? 0}: ${message}`);
  },
  unsupported(message, row) {
    throw new TypeError(`${row ?? 0}: ${message}`);
  },
};

interface Outcome {
  readonly log: readonly string[];
  readonly registers: ReadonlyMap<string, Value>;
}

const NAMES = new Map<number, string>([
  [Tag.NON_ATOMIC, 'na'],
  [Tag.RELAXED, 'rlx'],
  [Tag.ACQUIRE, 'acq'],
  [Tag.RELEASE, 'rel'],
  [Tag.CONSUME, 'con'],
  [Tag.ACQUIRE | Tag.SEQ_CST, 'sc'],
  [Tag.RELEASE | Tag.SEQ_CST, 'sc'],
]);

function described(access: Access): string {
  const location = [...ADDRESSES].find(
    ([, at]) => at <= Number(access.address) && at + 0x1000 > Number(access.address),
  );
  const offset = Number(access.address) - (location?.[1] ?? 0);
  const mode = NAMES.get(access.tag & ~Tag.ATOMIC_RMW) ?? `tag ${access.tag}`;
  const rmw = (access.tag & Tag.ATOMIC_RMW) === 0 ? '' : ' rmw';
  const address = access.addressFrom === 0 ? '' : ` addr:${access.addressFrom}`;
  const beside = access.unsequenced === undefined ? '' : ` beside:${access.unsequenced}`;
  return `${location?.[0] ?? '?'}${offset === 0 ? '' : `+${offset}`} ${mode}${rmw}${address}${beside}`;
}

/** Runs a thread whose reads return the given values in turn, and writes down what it does. */
function run(
  body: string,
  values: readonly Value[] = [],
  { parameters = 'atomic_int* x, atomic_int* y, int* z', choices = [] as number[] } = {},
): Outcome {
  const log: string[] = [];
  const left = [...values];
  const open = [...choices];
  const context: ThreadContext & { accesses: number } = {
    accesses: 0,
    read(access) {
      this.accesses += 1;
      log.push(`R ${described(access)}`);
      return left.shift() ?? 0;
    },
    write(access, value, from, reads) {
      this.accesses += 1;
      const data = from === 0 ? '' : ` data:${from}`;
      const pair = reads === undefined ? '' : ` with:${reads}`;
      log.push(`W ${described(access)} = ${value}${data}${pair}`);
    },
    fence: (name) => void log.push(`F ${name}`),
    branch: (from) => void log.push(`B ${from}`),
    choose: () => open.shift() ?? 0,
    abandon(reason) {
      throw new Abandoned(reason);
    },
  };
  const thread = { parameters, parametersAt: -parameters.length - 4, body };
  const registers = c11.compile(thread, environment).run(context);
  return { log, registers };
}

describe('c11 accesses', () => {
  it('read and write with the orders named', () => {
    const { log, registers } = run(
      `int r0 = atomic_load_explicit(x, memory_order_acquire);
       atomic_store_explicit(y, r0 + 1, memory_order_release);
       *z = 3; int r1 = *z;
       atomic_store(x, 5); r1 = atomic_load(x);
       r1 = atomic_load_explicit(y, memory_order_consume);
       atomic_store_explicit(x, r1, memory_order_relaxed);`,
      [4, 3, 5, 9],
    );
    assert.deepEqual(log, [
      'R x acq',
      'W y rel = 5 data:1',
      'W z na = 3',
      'R z na',
      'W x sc = 5',
      'R x sc',
      'R y con',
      'W x rlx = 9 data:64',
    ]);
    assert.equal(registers.get('r0'), 4);
    assert.equal(registers.get('r1'), 9);
  });

  it('read-modify-writes are a read and a write that belong together', () => {
    const { log, registers } = run(
      `int a = atomic_fetch_add_explicit(x, 2, memory_order_acq_rel);
       int b = atomic_exchange_explicit(y, a, memory_order_release);
       atomic_fetch_sub(x, 1);
       atomic_fetch_xor_explicit(x, 3, memory_order_relaxed);`,
      [5, 6, 7, 1],
    );
    assert.deepEqual(log, [
      'R x acq rmw',
      'W x rel rmw = 7 data:1 with:0',
      'R y rlx rmw',
      'W y rel rmw = 5 data:1 with:2',
      'R x sc rmw',
      'W x sc rmw = 6 data:16 with:4',
      'R x rlx rmw',
      'W x rlx rmw = 2 data:64 with:6',
    ]);
    assert.deepEqual([registers.get('a'), registers.get('b')], [5, 6]);
  });

  it('a plain access of an atomic location is plain', () => {
    assert.deepEqual(run('*x = *y;', [1]).log, ['R y na', 'W x na = 1 data:1']);
  });

  it('fences have the names of their orders', () => {
    const orders = ['relaxed', 'consume', 'acquire', 'release', 'acq_rel', 'seq_cst'];
    const body = orders.map((order) => `atomic_thread_fence(memory_order_${order});`).join('\n');
    assert.deepEqual(
      run(body).log,
      orders.map((order) => `F ${order}`),
    );
  });

  it('elements of arrays and pointers in memory carry address dependencies', () => {
    const { log } = run('int r = *y; z[r] = 1; int *p = *q; *p = r;', [2, 0x1000], {
      parameters: 'int* y, int* z, int** q',
    });
    assert.deepEqual(log, ['R y na', 'W z+8 na addr:1 = 1', 'R q na', 'W x na addr:4 = 2 data:1']);
  });

  it('operands of one expression are not sequenced', () => {
    const { log } = run('*z = *x + (*y + *z); int r = *x;', [1, 2, 3, 4]);
    assert.deepEqual(log, [
      'R x na',
      'R y na beside:1',
      'R z na beside:3',
      'W z na = 6 data:7',
      'R x na',
    ]);
  });
});

describe('c11 comparisons', () => {
  const body = `int ok = atomic_compare_exchange_strong_explicit(x, z, 9,
    memory_order_acq_rel, memory_order_relaxed);`;

  it('succeed: the read has the order of success', () => {
    const { log, registers } = run(body, [1, 1]);
    assert.deepEqual(log, ['R z na', 'R x acq rmw', 'B 3', 'W x rel rmw = 9 with:1']);
    assert.equal(registers.get('ok'), 1);
  });

  it('fail: the value read goes where the expected one was', () => {
    const { log, registers } = run(body, [1, 2], { choices: [1] });
    assert.deepEqual(log, ['R z na', 'R x rlx', 'B 3', 'W z na = 2 data:2']);
    assert.equal(registers.get('ok'), 0);
  });

  it('that come out otherwise are no runs', () => {
    assert.throws(() => run(body, [1, 2]), Abandoned);
    assert.throws(() => run(body, [1, 1], { choices: [1] }), Abandoned);
    const weak = run(body.replace('strong', 'weak'), [1, 1], { choices: [1] });
    assert.equal(weak.registers.get('ok'), 0);
  });

  it('take a variable as what is expected', () => {
    const { log, registers } = run('int e = 4; atomic_compare_exchange_strong(x, &e, 9);', [3], {
      choices: [1],
    });
    assert.deepEqual(log, ['R x sc', 'B 1']);
    assert.equal(registers.get('e'), 3);
  });
});

describe('c11 statements', () => {
  it('branch on what the condition was computed from', () => {
    const body = 'int r = *x; if (r == 1) *y = 1; else if (!r) { *y = 2; } *z = 3;';
    assert.deepEqual(run(body, [1]).log, ['R x na', 'B 1', 'W y na = 1', 'W z na = 3']);
    assert.deepEqual(run(body, [0]).log, ['R x na', 'B 1', 'B 1', 'W y na = 2', 'W z na = 3']);
  });

  it('loops turn as often as the bound lets them', () => {
    const body = 'while (atomic_load_explicit(x, memory_order_relaxed) == 0) { } *z = 1;';
    assert.equal(run(body, [1]).log.length, 3);
    assert.equal(run(body, [0, 0, 1]).log.length, 7);
    assert.throws(() => run(body, [0, 0, 0, 1]), Abandoned);
    const once = 'do { r = *x; } while (!r); *z = r;';
    assert.equal(run(once, [0, 0, 1]).registers.get('r'), 1);
    assert.throws(() => run(once, [0, 0, 0, 1]), Abandoned);
    assert.throws(() => run('for (;;) { if (*x) break; }', [0, 0, 0]), Abandoned);
  });

  it('loops that depend on nothing read run to their end', () => {
    const { log, registers } = run('int s = 0; for (int i = 0; i < 5; i++) { s += i; } *z = s;');
    assert.deepEqual(log, ['W z na = 10']);
    assert.equal(registers.get('i'), 5);
    assert.equal(run('int n = 0; do { n++; if (n > 3) continue; } while (n < 6);').log.length, 0);
  });

  it('the second operand of && and || is looked at when the first does not decide', () => {
    assert.deepEqual(run('int r = *x && *y;', [0]).log, ['R x na', 'B 1']);
    const { log, registers } = run('int r = (*x || *y) ? 5 : 6;', [0, 3]);
    assert.deepEqual(log, ['R x na', 'B 1', 'R y na', 'B 3']);
    assert.equal(registers.get('r'), 5);
  });

  it('registers of the initial state are variables, parameters are addresses', () => {
    const { registers } = run('given = given + 1;');
    assert.equal(registers.get('given'), 8);
    assert.equal(registers.get('x'), 0x1000);
  });

  it('integers have 64 bits', () => {
    const { registers } = run(
      `long a = 0x7fffffffffffffff + 1; int b = -7 / 2; int c = -7 % 2; int d = ~5 ^ 1;
       int e = 1 << 40; int f = (3 & 5) | 8; int g = 2 * (1 - 4); int h = 5 >= 5;`,
    );
    assert.deepEqual(
      [...'abcdefgh'].map((name) => registers.get(name)),
      [-(2n ** 63n), -3, -1, -5, 2 ** 40, 9, -6, 1],
    );
  });
});

describe('c11 errors', () => {
  it('name the place', () => {
    assert.throws(() => run('int a = 1;\nint b = ;'), /^SyntaxError: 19: expected an expression/);
    assert.throws(() => run('*x = 1\n*y = 2;'), /^SyntaxError: 13: only variables/);
    assert.throws(() => run('a ` b;'), /^SyntaxError: 2: unexpected character/);
    assert.throws(() => run('int a = b;'), /^SyntaxError: 0: nothing is called b/);
  });

  it('tell what is missing from what is wrong', () => {
    assert.throws(() => run('\nrcu_read_lock();'), /^TypeError: 1: the function rcu_read_lock/);
    assert.throws(() => run('int* p = &z;'), /^TypeError: 9: the address of a variable/);
    assert.throws(() => run('', [], { parameters: 'int x' }), /^SyntaxError: -4: .*pointer/);
  });

  it('parameters may be called what types are called elsewhere', () => {
    const { log } = run('*flag = *data;', [1], { parameters: 'int* data, atomic_bool *flag' });
    assert.deepEqual(log, ['R ?+36864 na', 'W ?+36864 na = 1 data:1']);
  });

  it('comments and casts are passed over', () => {
    const { log } = run('/* a */ (void) *(volatile int*)x; // b\n (void) (*y);', [1, 2], {
      parameters: 'volatile int* x, _Atomic __int128 *y, const atomic<int>* z',
    });
    assert.deepEqual(log, ['R x na', 'R y na']);
  });

  it('no comment begins with (*, which is a pointer', () => {
    const { log } = run('int r = (*x); int* p = (int *) y; *p = r;', [3], {
      parameters: 'int* x, _Atomic(int)* y, atomic<int>* z',
    });
    assert.deepEqual(log, ['R x na', 'W y na = 3 data:1']);
  });
});
