/** What the specification promises: without data races a program does what its interleavings do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { evaluateEcma, parseEcmaTest } from '../../../src/checker/specification/index.ts';

/** Atomics on one of three cells: a load, or a write of a value that nothing else writes. */
interface Step {
  readonly kind: 'load' | 'store' | 'exchange' | 'compareExchange';
  readonly cell: number;
  readonly value: number;
}

const CELLS = ['x', 'y', 'z'];

const step = fc.record({
  kind: fc.constantFrom('load', 'store', 'load', 'store', 'exchange', 'compareExchange'),
  cell: fc.constantFrom(0, 0, 1, 1, 2),
} as const);

const program: fc.Arbitrary<readonly (readonly Step[])[]> = fc
  .array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 4 })
  .filter((threads) => threads.flat().length <= 8)
  .map((threads) => {
    let value = 0;
    return threads.map((steps) => steps.map((one) => ({ ...one, value: ++value })));
  });

function interleavings(threads: readonly (readonly Step[])[]): string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const run = (at: readonly number[], cells: readonly number[], read: readonly string[]): void => {
    const key = `${at.join()};${cells.join()};${read.join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    let done = true;
    threads.forEach((steps, thread) => {
      const next = steps[at[thread]!];
      if (!next) return;
      done = false;
      const { kind, cell, value } = next;
      const old = cells[cell]!;
      const writes = kind !== 'load' && (kind !== 'compareExchange' || old === 0);
      run(
        at.with(thread, at[thread]! + 1),
        writes ? cells.with(cell, value) : cells,
        kind === 'store' ? read : [...read, `r${value}=${old}`].sort(),
      );
    });
    if (done) found.add(read.join('; '));
  };
  run(
    threads.map(() => 0),
    CELLS.map(() => 0),
    [],
  );
  return [...found].sort();
}

function textOf({ kind, cell, value }: Step): string {
  const name = CELLS[cell]!;
  const operands = { load: '', store: `, ${value}`, exchange: `, ${value}` };
  const more = kind === 'compareExchange' ? `, 0, ${value}` : operands[kind];
  const call = `Atomics.${kind}(${name}, 0${more})`;
  return kind === 'store' ? call : `const r${value} = ${call}`;
}

describe('evaluateEcma, with Atomics alone', () => {
  it('has the outcomes of interleavings, and no data race', () => {
    fc.assert(
      fc.property(program, (threads) => {
        const texts = threads.map((steps) => steps.map(textOf));
        const result = evaluateEcma(parseEcmaTest({ name: 'random', threads: texts }));
        assert.deepEqual(
          result.outcomes.map(({ text }) => text),
          interleavings(threads),
        );
        assert.equal(result.racy, false);
      }),
      { numRuns: 150 },
    );
  });
});
