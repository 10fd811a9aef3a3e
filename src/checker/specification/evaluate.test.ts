import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluateEcma, type EcmaResult } from './evaluate.ts';
import type { EcmaOptions } from './options.ts';
import { parseEcmaTest } from './ecma-test.ts';

type Threads = readonly (readonly string[])[];

function evaluate(threads: Threads, ask?: string, options?: EcmaOptions): EcmaResult {
  return evaluateEcma(parseEcmaTest({ name: 'a test', threads, ask }), options);
}

function outcomes(threads: Threads, options?: EcmaOptions): string[] {
  return evaluate(threads, undefined, options).outcomes.map(({ text }) => text);
}

/** Two threads that each set a flag and look at the other's. */
const DEKKER: Threads = [
  ['Atomics.store(x, 0, 1)', 'const a = Atomics.load(y, 0)'],
  ['Atomics.store(y, 0, 1)', 'const b = Atomics.load(x, 0)'],
];

/** Issue 1354 of ecma262: a plain read went back in time, in a program without data races. */
const BACK_IN_TIME: Threads = [
  ['Atomics.store(x, 0, 1)', 'Atomics.store(y, 0, 1)'],
  ['Atomics.store(x, 0, 2)', 'if (Atomics.load(y, 0) === 1) { const a = x[0]; const b = x[0]; }'],
];

describe('evaluateEcma, values', () => {
  it('finds values that are made by chains of any length', () => {
    const add = (name: string): string[] => [`const ${name} = Atomics.add(x, 0, 10)`];
    const found = outcomes([add('a'), add('b'), add('c')]);
    assert.equal(found.length, 6);
    assert.ok(found.includes('a=20; b=0; c=10'));
    assert.ok(found.every((text) => text.includes('=20')));
  });

  it('has values out of thin air when somebody names them, as the axioms do', () => {
    const copying: Threads = [
      ['const a = x[0]', 'y[0] = a'],
      ['const b = y[0]', 'x[0] = b'],
    ];
    assert.deepEqual(outcomes(copying), ['a=0; b=0']);
    assert.equal(evaluate(copying, 'a=42; b=42').allowed, true);
    assert.equal(evaluate(copying, 'a=42; b=0').allowed, false);
    assert.equal(evaluate([['const a = x[0]'], ['x[0] = 2']], 'a=1').allowed, false);
  });

  it('computes with them: conditions, widths, signs', () => {
    const threads: Threads = [
      ['i8_x[0] = 200', 'const a = i8_x[0]', 'const b = a < 0 ? -a : 0', 'u8_y[0] += b - 1'],
      ['const c = u8_y[0]', 'if (c) { const d = c ^ 1 } else { const d2 = c | 4 }'],
    ];
    assert.deepEqual(outcomes(threads), [
      'a=-56; b=56; c=0; d=undefined; d2=4',
      'a=-56; b=56; c=55; d=54; d2=undefined',
    ]);
  });

  it('throws where JavaScript would', () => {
    const syntax = { code: 'ERR_LITMUS_SYNTAX' };
    assert.throws(() => outcomes([['b64_x[0] = 1']]), syntax);
    assert.throws(() => outcomes([['x[0] = 1n']]), syntax);
    assert.throws(() => outcomes([['const a = 1n + x[0]']]), syntax);
    assert.throws(() => outcomes([['const a = b + 1']]), syntax);
    assert.throws(() => outcomes([['x[0 - 1] = 1']]), { code: 'ERR_LITMUS_UNSUPPORTED' });
  });
});

describe('evaluateEcma, rules', () => {
  it('forbids under 2019 what it forbids now, but for what the repair was about', () => {
    for (const model of ['es', 'es2019'] as const) {
      assert.equal(evaluate(DEKKER, 'a=0; b=0', { model }).allowed, false);
    }
    assert.equal(evaluate(BACK_IN_TIME, 'a=2; b=1').allowed, false);
    assert.equal(evaluate(BACK_IN_TIME, 'a=2; b=1', { model: 'es2019' }).allowed, true);
  });

  it('keeps Atomics in one order also above a plain write that happened before them', () => {
    // Each thread writes one cell and reads the other, of which one began with a plain write.
    const threads: Threads = [
      ['x[0] = 1', 'post(0)', 'post(1)'],
      ['receive(0)', 'Atomics.store(x, 0, 2)', 'const a = Atomics.load(y, 0)'],
      ['receive(1)', 'Atomics.store(y, 0, 1)', 'const b = Atomics.load(x, 0)'],
    ];
    assert.equal(evaluate(threads, 'a=0; b=1').allowed, false);
  });

  it('tries both ways where nothing decides which of two writes is first', () => {
    // Two writes of x, each read by somebody. Whoever reads `last` has seen both writes of y; the
    // write that comes `first` is before both who read y. So the first is not after the last.
    const threads = (first: number, last: number): Threads => [
      ['receive(0)', 'receive(1)', `const a = Atomics.load(x, 0)`],
      ['const d = Atomics.load(x, 0)'],
      ['Atomics.store(y, 0, 1)', 'post(0)'],
      ['Atomics.store(y, 0, 2)', 'post(1)'],
      [`Atomics.store(x, 0, ${last})`],
      [`Atomics.store(x, 0, ${first})`, 'post(2)'],
      ['receive(2)', 'const b = Atomics.load(y, 0)'],
      ['receive(2)', 'const c = Atomics.load(y, 0)'],
    ];
    assert.equal(evaluate(threads(2, 1), 'a=1; d=2; b=1; c=2').allowed, true);
    const [seenBoth, seesOther, ...rest] = threads(2, 1);
    assert.equal(evaluate([seesOther!, seenBoth!, ...rest], 'a=1; d=2; b=1; c=2').allowed, true);
    // Nor can it be read before it is overwritten, when the last one must come first too.
    const circle = [...rest.slice(0, 2), ['Atomics.store(x, 0, 1)', 'post(3)'], ...rest.slice(3)];
    const after = ['receive(3)', 'receive(0)', 'receive(1)', 'const e = Atomics.load(x, 0)'];
    assert.equal(evaluate([seenBoth!, after, ...circle], 'a=1; e=2; b=1; c=2').allowed, false);
  });

  it('says whether there is a data race, in any execution', () => {
    assert.equal(evaluate(DEKKER).racy, false);
    assert.equal(evaluate(BACK_IN_TIME).racy, false);
    const guarded = 'if (Atomics.load(f, 0)) { const a = x[0] }';
    const publish = ['x[0] = 1', 'Atomics.store(f, 0, 1)'];
    assert.equal(evaluate([publish, [guarded]]).racy, false);
    const { races } = evaluate([publish, ['const a = x[0]']]);
    assert.deepEqual(races, [
      {
        one: { thread: 0, statement: 'x[0] = 1' },
        other: { thread: 1, statement: 'const a = x[0]' },
      },
    ]);
    // The ranges differ: Atomics alone do not help.
    assert.equal(evaluate([['Atomics.store(x, 0, 1)'], ['Atomics.store(i8_x, 0, 1)']]).racy, true);
  });

  it('has races of which no value tells: a zero that is written over a zero', () => {
    assert.equal(evaluate([['x[0] = 0'], ['const a = x[0]']]).racy, true);
    // The loop would go on with 256, but a 0 may have the lowest byte of what is written.
    const spinning = [['x[0] = 256'], ['while (x[0] !== 0);']];
    assert.equal(evaluate(spinning, undefined, { unroll: 0 }).racy, true);
    // Both values that are read end in the same outcome; one of them races.
    assert.equal(evaluate([['u8_x[0] = 1'], ['let a = u8_x[0]', 'a = 0']]).racy, true);
  });

  it('orders by messages, and lets wait for those that never come', () => {
    const threads: Threads = [
      ['x[0] = 1', 'const s = Atomics.load(f, 0)', 'if (s) { post(0) }'],
      ['receive(0)', 'const a = x[0]'],
      ['Atomics.store(f, 0, 1)'],
    ];
    assert.deepEqual(outcomes(threads), ['a=1; s=1', 'a=blocked; s=0']);
  });
});

describe('evaluateEcma, tearing', () => {
  const TWO: Threads = [['x[0] = 0x11111111'], ['x[0] = 0x22222222'], ['const a = x[0]']];
  const VIEW: Threads = [
    ['dv_x.setUint32(0, 0x11111111)'],
    ['dv_x.setUint32(0, 0x22222222)'],
    ['const a = dv_x.getUint32(0)'],
  ];

  it('finds torn values where the question is torn, or byte by byte', () => {
    const hex = ({ outcomes }: EcmaResult): string[] =>
      outcomes.map(({ values }) => Number(values.get('a')).toString(16));
    const asked = evaluate(VIEW, 'a=0x11222222');
    assert.deepEqual(hex(asked).sort(), ['0', '11111111', '11222222', '22111111', '22222222']);
    assert.equal(asked.tornOmitted, true);
    const bytes = evaluate(VIEW, 'a=0x11222222', { tearing: 'bytes' });
    assert.equal(bytes.outcomes.length, 3 ** 4);
    assert.equal(bytes.tornOmitted, false);
  });

  it('looks byte by byte by itself when the question is not about what is read', () => {
    const sum = 'const b = (a >>> 24) + (a & 0xff)';
    const threads = [...VIEW.slice(0, 2), ['const a = dv_x.getUint32(0)', sum]];
    assert.equal(evaluate(threads, 'b=0x33').allowed, true);
    assert.equal(evaluate(threads).outcomes.length, 3);
    assert.equal(evaluate(VIEW, 'a > 0x22222222').allowed, false);
    assert.equal(evaluate(VIEW, 'a > 0x11111111 && a < 0x11111122').allowed, false);
    assert.equal(evaluate(VIEW, 'a > 0x11111111 && a <= 0x11111122').allowed, true);
  });

  it('does not tear integers, but for initial bytes, where an option says', () => {
    assert.equal(evaluate(TWO, 'a=0x11112222').allowed, false);
    assert.equal(evaluate(TWO, 'a=0x00001111').allowed, true);
    assert.equal(evaluate(TWO, 'a=0x00001111', { initTearing: false }).allowed, false);
    const whole = evaluate(TWO, undefined, { initTearing: false, tearing: 'bytes' });
    assert.equal(whole.outcomes.length, 3);
  });

  it('tears floats and plain bigints, and Atomics never', () => {
    const mixed = 0x1111_1111_2222_2222n;
    const big = (write: (value: string) => string, read: string): boolean | undefined =>
      evaluate(
        [[write('0x1111111111111111n')], [write('0x2222222222222222n')], [`const a = ${read}`]],
        `a=${mixed}n`,
      ).allowed;
    assert.equal(
      big((value) => `b64_x[0] = ${value}`, 'b64_x[0]'),
      true,
    );
    assert.equal(
      big((value) => `Atomics.store(b64_x, 0, ${value})`, 'Atomics.load(b64_x, 0)'),
      false,
    );
    const floats = [['f64_x[0] = 1.1'], ['f64_x[0] = 2.3'], ['const a = f64_x[0]']];
    assert.ok(evaluate(floats, undefined, { tearing: 'bytes' }).outcomes.length > 3);
  });
});

describe('evaluateEcma, wait and notify', () => {
  it('publishes what was written before, and never wakes by itself', () => {
    const threads: Threads = [
      ['x[0] = 1', 'Atomics.store(f, 0, 1)', 'const n = Atomics.notify(f, 0)'],
      ['const w = Atomics.wait(f, 0, 0)', 'const a = x[0]'],
    ];
    assert.deepEqual(outcomes(threads), ['a=1; n=0; w=not-equal', 'a=1; n=1; w=ok']);
  });

  it('loses a wake that comes before the sleep', () => {
    const threads: Threads = [
      ['const n = Atomics.notify(f, 0)'],
      ['const w = Atomics.wait(f, 0, 0)'],
    ];
    assert.deepEqual(outcomes(threads), ['n=0; w=asleep', 'n=1; w=ok']);
  });

  it('wakes in the order of arrival, as many as asked, and by time limits', () => {
    const two: Threads = [
      ['Atomics.store(f, 0, 1)', 'const n = Atomics.notify(f, 0, 1)'],
      ['const w = Atomics.wait(f, 0, 0, 10)'],
      ['const v = Atomics.wait(f, 0, 0)'],
    ];
    assert.deepEqual(outcomes(two), [
      'n=0; v=not-equal; w=not-equal',
      'n=0; v=not-equal; w=timed-out',
      'n=1; v=asleep; w=ok',
      'n=1; v=not-equal; w=ok',
      'n=1; v=ok; w=not-equal',
      'n=1; v=ok; w=timed-out',
    ]);
  });

  it('orders even those who find nobody, as critical sections do', () => {
    // Nobody sleeps and no value is read that the other wrote: the lock of the list orders them.
    const threads: Threads = [
      ['x[0] = 1', 'const n = Atomics.notify(f, 0)', 'const a = y[0]'],
      ['y[0] = 1', 'const m = Atomics.notify(f, 0)', 'const b = x[0]'],
    ];
    assert.equal(evaluate(threads, 'a=0; b=0').allowed, false);
  });
});

describe('evaluateEcma, bounds', () => {
  it('bounds loops, and says so', () => {
    const threads: Threads = [
      ['x[0] = 42', 'Atomics.store(f, 0, 1)'],
      ['while (Atomics.load(f, 0) === 0);', 'const a = x[0]'],
    ];
    const result = evaluate(threads, 'a=0');
    assert.deepEqual([result.allowed, result.bounded, result.racy], [false, true, false]);
    const counting: Threads = [['let i = 0', 'do { i++ } while (i < 3)']];
    assert.equal(evaluate(counting, 'i=3').bounded, false);
    assert.deepEqual(outcomes(counting, { unroll: 1 }), []);
  });

  it('gives up on what is too large, with a code', () => {
    const many = Array.from({ length: 6 }, (_, at) => `const a${at} = x[0]`);
    const writes = Array.from({ length: 6 }, (_, at) => `x[0] = ${at}`);
    const size = { code: 'ERR_LITMUS_SIZE' };
    assert.throws(() => evaluate([writes, many], undefined, { limit: 100 }), size);
    const floats = ['f64_x[0] = 1.1', 'f64_x[0] = 2.3', 'f64_x[0] = -7.7e-9'];
    const threads = [floats, ['const a = f64_x[0]']];
    assert.throws(() => evaluate(threads, undefined, { tearing: 'bytes' }), size);
    assert.equal(evaluate(threads).tornOmitted, true);
    // More runs of a thread than a call has arguments.
    const swaps = [
      ['y[0] = 2', 'const a = Atomics.compareExchange(y, 0, 0, 2)', 'Atomics.store(x, 0, a + 1)'],
      [
        'const b = Atomics.load(y, 0)',
        'const c = Atomics.compareExchange(x, 0, 0, 2)',
        'const d = Atomics.add(y, 0, b + 1)',
        'const e = Atomics.load(y, 0)',
      ],
    ];
    swaps[0]!.push('Atomics.store(x, 0, 1)');
    assert.throws(() => evaluate(swaps), size);
  });

  it('checks its options', () => {
    const wrong =
      (options: object): (() => unknown) =>
      () =>
        evaluate(DEKKER, undefined, options);
    assert.throws(wrong({ model: 'es2018' }), { code: 'ERR_OPTION_TYPE' });
    assert.throws(wrong({ tear: 'bytes' }), { code: 'ERR_OPTION_UNKNOWN' });
    assert.throws(wrong({ limit: 0 }), { code: 'ERR_OPTION_RANGE' });
  });
});
