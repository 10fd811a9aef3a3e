/**
 * Tests that ask whether an object is linearizable: as if each of its calls happened in one moment.
 */
import { inspect } from 'node:util';
import { RondoError } from '../../base/index.ts';
import { currentSession } from '../program/current.ts';
import type { TestBody, TestContext } from '../program/test.ts';
import { orderOf } from './order.ts';
import {
  type Linearization,
  linearize,
  type Operation,
  OPERATIONS_MAX,
  type Sequential,
} from './search.ts';

/** What is compared with what. */
export interface LinearizableOptions<T> {
  /** Makes the object under test, while the test is set up. */
  readonly object: (context: TestContext) => T;
  /**
   * Makes the sequential object that says what is right: methods of the same names, which give what
   * each call must give when calls come one after the other. Made anew for each order that is
   * tried.
   */
  readonly specification: () => Sequential;
  /**
   * What each thread does with the object. Every call of a method is noted, with what it returns or
   * that it throws; 16 calls at most in all.
   */
  readonly threads: readonly ((object: T) => void)[];
}

interface Noted extends Operation {
  /** Events of its thread before it began and when it had ended. */
  readonly begin: number;
  readonly end: number;
}

/** The object, with its calls noted. */
function watch<T>(object: T, thread: number, notes: Noted[]): T {
  if (typeof object !== 'object' || object === null) return object;
  return new Proxy(object, {
    get(target, key): unknown {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function' || typeof key === 'symbol') return member;
      return (...input: unknown[]): unknown => {
        const session = currentSession('linearizable');
        const begin = session.position;
        let result: unknown;
        let hasThrown = false;
        try {
          result = (member as (...input: unknown[]) => unknown).apply(target, input);
          return result;
        } catch (error) {
          if (session.isStopping) throw error;
          result = error;
          hasThrown = true;
          throw error;
        } finally {
          if (!session.isStopping) {
            const end = session.position;
            notes.push({ thread, name: key, input, result, hasThrown, begin, end });
          }
        }
      };
    },
  });
}

function show(value: unknown): string {
  return inspect(value, { depth: 2, breakLength: Infinity });
}

function callText({ name, input, result, hasThrown }: Operation): string {
  return `${name}(${input.map(show).join(', ')}) ${hasThrown ? 'threw' : '='} ${show(result)}`;
}

function report(
  operations: readonly Operation[],
  names: readonly string[],
  { longest, instead }: Linearization,
): string {
  const lines = ['no order of these calls gives these results:'];
  names.forEach((name, thread) => {
    const calls = operations.filter((operation) => operation.thread === thread).map(callText);
    lines.push(`  ${name}: ${calls.join('; ')}`);
  });
  const begun = longest.map((index) => callText(operations[index]!)).join('; ');
  if (longest.length > 0) lines.push(`  the longest that is right begins: ${begun}`);
  for (const { operation, result } of instead) {
    lines.push(`  then ${callText(operations[operation]!)} should be ${show(result)}`);
  }
  return lines.join('\n');
}

/**
 * A test for `check`, `verify` or `model`: in every execution, the calls can be put into one order
 * in which the sequential object gives the same results, and which keeps what happened before what.
 */
export function linearizable<T>(options: LinearizableOptions<T>): TestBody {
  return (context) => {
    const object = options.object(context);
    const notes: Noted[] = [];
    const names = options.threads.map((_, thread) => `thread ${thread}`);
    options.threads.forEach((body, thread) => {
      const watched = watch(object, thread, notes);
      context.thread(names[thread]!, () => body(watched));
    });
    context.after(() => {
      if (notes.length > OPERATIONS_MAX) {
        throw new RondoError(
          'ERR_CHECKER_SIZE',
          `Cannot order ${notes.length} calls: ${OPERATIONS_MAX} at most`,
        );
      }
      const order = orderOf(currentSession('linearizable').graph);
      const comesBefore = (earlier: number, later: number): boolean =>
        order(notes[earlier]!, notes[later]!);
      const found = linearize(notes, comesBefore, options.specification);
      if (found.order === undefined) throw new Error(report(notes, names, found));
    });
  };
}
