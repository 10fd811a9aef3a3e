/** The functions of `<stdatomic.h>`, and what a call of one of them is. */
import type { Cursor } from './lexer.ts';
import type { Expression, Operator, Order, Place } from './syntax.ts';

/** What the arguments of a call are read with. */
export interface Arguments {
  readonly cursor: Cursor;
  expression(): Expression;
  /** The `expected` of a comparison: an address, or `&` and a local variable. */
  place(): Place;
}

type Shape = 'load' | 'store' | 'init' | 'set' | 'clear' | 'fence' | 'compare' | Operator | '=';

/** Functions by name without `_explicit`; with it they have orders as their last arguments. */
const FUNCTIONS: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['atomic_load', 'load'],
  ['atomic_store', 'store'],
  ['atomic_exchange', '='],
  ['atomic_fetch_add', '+'],
  ['atomic_fetch_sub', '-'],
  ['atomic_fetch_or', '|'],
  ['atomic_fetch_and', '&'],
  ['atomic_fetch_xor', '^'],
  ['atomic_compare_exchange_strong', 'compare'],
  ['atomic_compare_exchange_weak', 'compare'],
  ['atomic_flag_test_and_set', 'set'],
  ['atomic_flag_clear', 'clear'],
]);

/** Functions whose name says all, as herd has them. */
const OTHERS: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['atomic_init', 'init'],
  ['atomic_thread_fence', 'fence'],
  ['SCAS', 'compare'],
  ['WCAS', 'compare'],
]);

const ORDERS: ReadonlySet<string> = new Set([
  'relaxed',
  'consume',
  'acquire',
  'release',
  'acq_rel',
  'seq_cst',
] satisfies Order[]);

function order(cursor: Cursor): Order {
  const { text } = cursor.peek();
  const name = text.replace(/^memory_order(?:_|::)?/, '');
  if (!text.startsWith('memory_order') || !ORDERS.has(name)) cursor.fail('expected a memory order');
  cursor.take();
  return name as Order;
}

/** The order of the failing half of a comparison that names but one order. */
function ofFailure(success: Order): Order {
  if (success === 'acq_rel') return 'acquire';
  return success === 'release' ? 'relaxed' : success;
}

function compare(from: Arguments, weak: boolean, explicit: boolean): Expression {
  const { cursor } = from;
  const address = from.expression();
  cursor.expect(',');
  const expected = from.place();
  cursor.expect(',');
  const desired = from.expression();
  let success: Order = 'seq_cst';
  if (explicit) {
    cursor.expect(',');
    success = order(cursor);
  }
  const failure = explicit && cursor.accept(',') ? order(cursor) : ofFailure(success);
  return { kind: 'compare', address, expected, desired, success, failure, weak };
}

/** Whether a name is that of a function of this file. */
export function isAtomic(name: string): boolean {
  return FUNCTIONS.has(name.replace(/_explicit$/, '')) || OTHERS.has(name);
}

/** Reads the arguments of a call, from behind the `(` to before the `)`. */
export function atomicCall(name: string, from: Arguments): Expression {
  const explicit = name.endsWith('_explicit');
  const shape = OTHERS.get(name) ?? FUNCTIONS.get(name.replace(/_explicit$/, ''));
  const { cursor } = from;
  if (shape === 'fence') return { kind: 'fence', order: order(cursor) };
  if (shape === 'compare') return compare(from, /weak|WCAS/.test(name), explicit);
  const lastOrder = (): Order => {
    if (!explicit) return 'seq_cst';
    cursor.expect(',');
    return order(cursor);
  };
  const address = from.expression();
  if (shape === 'load') return { kind: 'load', address, order: lastOrder() };
  const given = shape !== 'set' && shape !== 'clear';
  if (given) cursor.expect(',');
  const constant: Expression = { kind: 'integer', value: shape === 'set' ? 1 : 0 };
  const value = given ? from.expression() : constant;
  if (shape === 'init') return { kind: 'store', address, value, order: undefined };
  if (shape === 'store' || shape === 'clear') {
    return { kind: 'store', address, value, order: lastOrder() };
  }
  const operator = shape === 'set' || shape === undefined ? '=' : shape;
  return { kind: 'update', operator, address, value, order: lastOrder() };
}
