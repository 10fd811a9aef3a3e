/** Litmus tests for the tests of this folder, made of steps instead of text. */
import { Tag } from '../contract.ts';
import type {
  Condition,
  LitmusTest,
  Observable,
  ThreadContext,
  ThreadProgram,
  Value,
} from '../contract.ts';

/** One instruction of a thread. */
export type Step =
  | { readonly kind: 'read'; readonly at: number; readonly size?: number }
  | {
      readonly kind: 'write';
      readonly at: number;
      readonly value: number;
      /** The value read by an earlier access is added. */
      readonly plus?: number;
      readonly size?: number;
    }
  | { readonly kind: 'fence'; readonly name: string }
  | { readonly kind: 'add'; readonly at: number; readonly value: number };

/** The address of offset 0. */
const BASE = 0x4000_0000;

/** Register `r0`, `r1`, … holds what the thread's read with that number among its accesses gave. */
function thread(steps: readonly Step[]): ThreadProgram {
  return {
    run(context: ThreadContext): Map<string, Value> {
      const registers = new Map<string, Value>();
      const access = (at: number, size: number, tag: number) => ({
        address: BASE + at,
        size,
        tag,
        addressFrom: 0,
      });
      const byAccess: Value[] = [];
      for (const step of steps) {
        const number = context.accesses;
        if (step.kind === 'fence') context.fence(step.name);
        else if (step.kind === 'read') {
          byAccess[number] = context.read(access(step.at, step.size ?? 4, 0));
          registers.set(`r${number}`, byAccess[number]);
        } else if (step.kind === 'write') {
          const read = step.plus === undefined ? undefined : byAccess[step.plus];
          const from = read === undefined ? 0 : 1 << step.plus!;
          context.write(access(step.at, step.size ?? 4, 0), step.value + Number(read ?? 0), from);
        } else {
          byAccess[number] = context.read(access(step.at, 4, Tag.ATOMIC_RMW));
          registers.set(`r${number}`, byAccess[number]);
          const sum = Number(byAccess[number]) + step.value;
          context.write(access(step.at, 4, Tag.ATOMIC_RMW), sum, 1 << number, number);
        }
      }
      return registers;
    },
  };
}

/** A test of some threads; `watched` locations (by offset) and all registers are observed. */
export function litmusOf(
  threads: readonly (readonly Step[])[],
  watched: readonly number[],
  condition: (find: (name: string) => Observable) => Condition = () => ({ kind: 'true' }),
  quantifier: LitmusTest['quantifier'] = 'exists',
): LitmusTest {
  const observed: Observable[] = [];
  for (const [number, steps] of threads.entries()) {
    let accesses = 0;
    for (const step of steps) {
      if (step.kind === 'fence') continue;
      const name = `r${accesses}`;
      if (step.kind !== 'write') {
        observed.push({ kind: 'register', thread: number, name, size: 8, signed: true });
      }
      accesses += step.kind === 'add' ? 2 : 1;
    }
  }
  for (const at of watched) {
    const name = `x${at}`;
    observed.push({ kind: 'location', name, address: BASE + at, size: 4, signed: true });
  }
  const find = (name: string): Observable =>
    observed.find((one) =>
      one.kind === 'location' ? one.name === name : `${one.thread}:${one.name}` === name,
    )!;
  return {
    name: 'made',
    architecture: 'aarch64',
    threads: threads.map((steps) => thread(steps)),
    source: [],
    symbols: {
      addressOf: () => 0,
      nameOf: (value) => {
        const offset = Number(value) - BASE;
        return offset >= 0 && offset < 0x100 ? `x${offset}` : undefined;
      },
    },
    initial: [],
    observed,
    quantifier,
    condition: condition(find),
    conditionText: '',
    filter: undefined,
  };
}
