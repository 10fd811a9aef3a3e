/**
 * Tests that ask whether an object is linearizable: as if each of its calls happened in one moment.
 */
import { inspect } from 'node:util';
import { RondoError } from '../../base/index.ts';
import type { Graph } from '../explore/graph.ts';
import { currentSession } from '../program/current.ts';
import type { TestBody, TestContext } from '../program/test.ts';
import { Interleavings, type Moment } from './interleavings.ts';
import { orderOf, type Span } from './order.ts';
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

interface Noted extends Operation, Span {
  readonly thread: number;
}

/** The object, with its calls noted; `turn` counts what begins and ends. */
function watch<T>(object: T, thread: number, notes: Noted[], turn: () => number): T {
  if (typeof object !== 'object' || object === null) return object;
  return new Proxy(object, {
    get(target, key): unknown {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function' || typeof key === 'symbol') return member;
      return (...input: unknown[]): unknown => {
        const session = currentSession('linearizable');
        const [begin, began] = [session.position, turn()];
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
            const call = { thread, name: key, input, result, hasThrown };
            notes.push({ ...call, begin, began, end: session.position, ended: turn() });
          }
        }
      };
    },
  });
}

function show(value: unknown): string {
  return inspect(value, { depth: 2, breakLength: Infinity });
}

function askText({ name, input }: Operation): string {
  return `${name}(${input.map(show).join(', ')})`;
}

function callText(operation: Operation): string {
  const { result, hasThrown } = operation;
  return `${askText(operation)} ${hasThrown ? 'threw' : '='} ${show(result)}`;
}

/** `thread 0: push(1) begins; thread 1: pop(); thread 0: push(1) ends`. */
function rowText(
  operations: readonly Operation[],
  names: readonly string[],
  row: Moment[],
): string {
  const texts: string[] = [];
  for (const [index, { call, kind }] of row.entries()) {
    const operation = operations[call]!;
    const isDone = row[index + 1]?.call === call;
    // It was said as one with its beginning.
    if (kind === 'end' && row[index - 1]?.call === call) continue;
    const how = isDone ? '' : ` ${kind}s`;
    texts.push(`${names[operation.thread]}: ${askText(operation)}${how}`);
  }
  return texts.join('; ');
}

function report(
  operations: readonly Operation[],
  names: readonly string[],
  { longest, instead }: Linearization,
  row: Moment[] | undefined,
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
  if (row !== undefined) {
    lines.push(`  when time passes so: ${rowText(operations, names, row)}`);
  }
  return lines.join('\n');
}

/** Which call is over in a row before which other begins. */
function orderIn(row: readonly Moment[]): (earlier: number, later: number) => boolean {
  const begins: number[] = [];
  const ends: number[] = [];
  for (const [index, { call, kind }] of row.entries()) {
    (kind === 'begin' ? begins : ends)[call] = index;
  }
  return (earlier, later) => ends[earlier]! < begins[later]!;
}

/** Throws when the calls of one execution cannot be explained. */
function explain(
  notes: readonly Noted[],
  names: readonly string[],
  make: () => Sequential,
  graph: Graph | undefined,
): void {
  const rows = graph === undefined ? undefined : Interleavings.of(graph, notes);
  const happened = rows === undefined ? orderOf(graph) : undefined;
  const order = (before: (earlier: number, later: number) => boolean, row?: Moment[]): number[] => {
    const found = linearize(notes, before, make);
    if (found.order === undefined) throw new Error(report(notes, names, found, row));
    return [...found.order];
  };
  const orders = [
    order((earlier, later) => {
      return happened?.(notes[earlier]!, notes[later]!) ?? rows!.isBefore(earlier, later);
    }),
  ];
  // What explains one row often explains many: only those are asked about that none explains yet.
  for (let row = rows?.without(orders); row !== undefined; row = rows!.without(orders)) {
    orders.push(order(orderIn(row), row));
  }
}

/**
 * A test for `check`, `verify` or `model`: in every execution, the calls can be put into one order
 * in which the sequential object gives the same results, and in which a call that was over before
 * another began comes before it.
 *
 * Where threads take turns, as always under `sc`, "before" is time: whatever the moments at which
 * calls begin and end, of which one execution has many, as long as reads see the same. This is
 * linearizability as it is usually meant. In executions of weaker models in which threads do not
 * take turns there is no time that all share, and "before" is happens-before: of calls that nothing
 * orders either may come first, whatever a clock says. To ask about a call that another thread
 * knows to be over, let the threads tell each other, by a word of their own.
 */
export function linearizable<T>(options: LinearizableOptions<T>): TestBody {
  return (context) => {
    const object = options.object(context);
    const notes: Noted[] = [];
    let turns = 0;
    const names = options.threads.map((_, thread) => `thread ${thread}`);
    options.threads.forEach((body, thread) => {
      const watched = watch(object, thread, notes, () => turns++);
      context.thread(names[thread]!, () => body(watched));
    });
    context.after(() => {
      if (notes.length > OPERATIONS_MAX) {
        throw new RondoError(
          'ERR_CHECKER_SIZE',
          `Cannot order ${notes.length} calls: ${OPERATIONS_MAX} at most`,
        );
      }
      explain(notes, names, options.specification, currentSession('linearizable').graph);
    });
  };
}
