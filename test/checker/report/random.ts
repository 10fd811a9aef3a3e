/** Random programs of a few accesses, and one execution of each. */
import fc from 'fast-check';
import { check, type CheckResult, type ModelName } from '../../../src/checker/index.ts';

/** One access of a random program. */
export interface Access {
  readonly word: number;
  readonly kind: 'read' | 'write' | 'load' | 'store' | 'add' | 'exchange';
}

/** Threads of random programs. */
export const PROGRAM: fc.Arbitrary<Access[][]> = fc.array(
  fc.array(
    fc.record<Access>({
      word: fc.nat(1),
      kind: fc.constantFrom('read', 'write', 'load', 'store', 'add', 'exchange'),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  { minLength: 2, maxLength: 3 },
);
/** Models that they are checked under. */
export const MODELS: readonly ModelName[] = ['sc', 'x86-tso', 'armv8', 'riscv', 'rc11', 'es'];

/** Fails in the execution that comes `nth`, if there are as many. */
export function resultOf(
  program: readonly (readonly Access[])[],
  model: ModelName,
  nth: number,
): CheckResult {
  let left = nth;
  return check({ model, races: 'allow', executions: 200 }, ({ words, thread, after }) => {
    const box = words(2, 'box');
    for (const [number, accesses] of program.entries()) {
      thread(`thread ${number}`, () => {
        for (const [index, access] of accesses.entries())
          carryOut(box, access, 10 * number + index);
      });
    }
    after(() => {
      if (left-- === 0) throw new Error('this one');
    });
  });
}

function carryOut(box: Int32Array, { word, kind }: Access, value: number): void {
  switch (kind) {
    case 'read':
      void box[word];
      break;
    case 'write':
      box[word] = value;
      break;
    case 'load':
      Atomics.load(box, word);
      break;
    case 'store':
      Atomics.store(box, word, value);
      break;
    case 'add':
      Atomics.add(box, word, 100);
      break;
    default:
      Atomics.exchange(box, word, value);
  }
}
