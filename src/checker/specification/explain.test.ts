import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainEcma, type EcmaExplanation } from './explain.ts';
import type { EcmaOptions } from './options.ts';
import { parseEcmaTest } from './ecma-test.ts';

function explain(
  threads: readonly (readonly string[])[],
  ask: string,
  options?: EcmaOptions,
): EcmaExplanation {
  return explainEcma(parseEcmaTest({ name: 'a test', threads, ask }), options);
}

describe('explainEcma', () => {
  it('gives a witness of what is allowed, with its race', () => {
    const { allowed, lines } = explain(
      [['x[0] = 1'], ['const a = x[0]', 'const b = x[0]']],
      'a=1; b=0',
    );
    assert.equal(allowed, true);
    assert.deepEqual(lines, [
      'Allowed: a=1; b=0',
      'Who reads from whom:',
      '  thread 1 `const a = x[0]` reads thread 0 `x[0] = 1`',
      '  thread 1 `const b = x[0]` reads the initial value',
      'A memory order that agrees:',
      '  1. thread 0 `x[0] = 1`',
      '  2. thread 1 `const a = x[0]`',
      '  3. thread 1 `const b = x[0]`',
      'Data race: thread 0 `x[0] = 1` and thread 1 `const a = x[0]`',
    ]);
  });

  it('tells how a read would see what was overwritten', () => {
    const threads = [
      ['x[0] = 1', 'Atomics.store(f, 0, 1)'],
      ['const a = Atomics.load(f, 0)', 'const b = x[0]'],
    ];
    const { clause, lines } = explain(threads, 'a=1; b=0');
    assert.equal(clause, 'coherent reads');
    assert.match(
      lines[1]!,
      /thread 1 `const b = x\[0\]` would read the initial value, but thread 0/,
    );
    assert.match(lines[3]!, /`Atomics.store\(f, 0, 1\)` synchronizes with thread 1 `const a/);
  });

  it('names each clause that can forbid something', () => {
    const cases: [string, string[][], string, EcmaOptions?][] = [
      ['valid chosen reads', [['x[0] = 2'], ['const a = x[0]']], 'a=1'],
      ['coherent reads', [['x[0] = 1', 'x[0] = 2', 'const a = x[0]']], 'a=1'],
      [
        'happens-before',
        [
          ['const a = Atomics.load(x, 0)', 'Atomics.store(y, 0, 1)'],
          ['const b = Atomics.load(y, 0)', 'Atomics.store(x, 0, 1)'],
        ],
        'a=1; b=1',
      ],
      [
        'memory order',
        [
          ['Atomics.store(x, 0, 1)', 'const a = Atomics.load(y, 0)'],
          ['Atomics.store(y, 0, 1)', 'const b = Atomics.load(x, 0)'],
        ],
        'a=0; b=0',
      ],
      [
        'tear-free reads',
        [['u16_x[0] = 0x0101'], ['u16_x[0] = 0x0202'], ['const a = u16_x[0]']],
        'a=0x0102',
      ],
      [
        'tear-free reads',
        [['u16_x[0] = 0x0101'], ['const a = u16_x[0]']],
        'a=0x0100',
        { initTearing: false },
      ],
      [
        'wait and notify',
        [['const n = Atomics.notify(x, 0, 0)'], ['const w = Atomics.wait(x, 0, 0)']],
        'w=ok',
      ],
    ];
    for (const [clause, threads, ask, options] of cases) {
      const explanation = explain(threads, ask, options);
      assert.equal(explanation.clause, clause, explanation.lines.join('\n'));
      assert.match(explanation.lines.at(-1)!, new RegExp(`^The clause: ${clause} \\(`));
    }
  });
});
