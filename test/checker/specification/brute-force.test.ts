import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { evaluateEcma, parseEcmaTest } from '../../../src/checker/specification/index.ts';
import { judge, type Operation } from './brute-force.ts';

const operation: fc.Arbitrary<Operation> = fc
  .record({
    kind: fc.constantFrom('load', 'store', 'load', 'store', 'exchange', 'add'),
    atomic: fc.boolean(),
    tears: fc.boolean(),
    offset: fc.constantFrom(0, 1),
    size: fc.constantFrom(1, 2),
    value: fc.constantFrom(1, 2, 0x0101, 0x0202),
  } as const)
  .map((one): Operation => {
    const modifies = one.kind === 'exchange' || one.kind === 'add';
    const atomic = one.atomic || modifies;
    const small = modifies ? 1 : one.size;
    return {
      ...one,
      atomic,
      tears: one.tears && !atomic && small === 2,
      offset: small === 2 ? 0 : one.offset,
      size: small,
      value: small === 1 ? one.value & 3 || 1 : one.value,
    };
  });

/** One or two operations a thread, at most four in all. */
const program: fc.Arbitrary<readonly (readonly Operation[])[]> = fc
  .array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 })
  .filter((threads) => threads.flat().length <= 4);

function statementOf(operation: Operation, next: () => string): string {
  const { kind, atomic, tears, offset, size, value } = operation;
  const view = size === 1 ? 'u8_x' : 'u16_x';
  switch (kind) {
    case 'load': {
      const variable = next();
      if (tears) return `const ${variable} = dv_x.getUint16(0, true);`;
      if (atomic) return `const ${variable} = Atomics.load(${view}, ${offset});`;
      return `const ${variable} = ${view}[${offset}];`;
    }
    case 'store':
      if (tears) return `dv_x.setUint16(0, ${value}, true);`;
      if (atomic) return `Atomics.store(${view}, ${offset}, ${value});`;
      return `${view}[${offset}] = ${value};`;
    case 'exchange':
    case 'add':
      return `const ${next()} = Atomics.${kind}(${view}, ${offset}, ${value});`;
    default:
      return kind satisfies never;
  }
}

function check(
  threads: readonly (readonly Operation[])[],
  model: 'es' | 'es2019',
  initTearing: boolean,
): void {
  let variables = 0;
  const next = (): string => `r${variables++}`;
  const texts = threads.map((list) => list.map((one) => statementOf(one, next)));
  const test = parseEcmaTest({ name: 'random', threads: texts });
  const result = evaluateEcma(test, { model, initTearing, tearing: 'bytes' });
  const { outcomes, racy } = judge(threads, model, initTearing);
  const message = texts.map((lines) => lines.join(' ')).join(' ∥ ');
  const found = result.outcomes.map(({ text }) => text);
  assert.deepEqual(found, outcomes, message);
  assert.equal(result.racy, racy, message);
}

describe('evaluateEcma, against brute force', () => {
  it('has the same outcomes and races', () => {
    fc.assert(
      fc.property(program, (threads) => check(threads, 'es', true)),
      { numRuns: 150 },
    );
  });

  it('has the same outcomes and races when initial values do not tear', () => {
    fc.assert(
      fc.property(program, (threads) => check(threads, 'es', false)),
      { numRuns: 60 },
    );
  });

  it('has the same outcomes and races under the rule of 2019', () => {
    fc.assert(
      fc.property(program, (threads) => check(threads, 'es2019', true)),
      { numRuns: 60 },
    );
  });
});
