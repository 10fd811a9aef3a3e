/** Final states: the values that conditions compare and that are printed, as herd prints them. */
import type { Condition, LitmusTest, Observable, Value } from '../contract.ts';
import { cut } from './values.ts';

/** The bits of a register or location at the end of a run: unsigned, in C the value itself. */
export type FinalState = (observable: Observable) => Value;

/** The value that a register or location has according to its type. */
function observe(test: LitmusTest, observable: Observable, bits: Value): Value {
  return test.architecture === 'c11' ? bits : cut(bits, observable);
}

/** Whether a condition of the test holds in a final state. */
export function holds(test: LitmusTest, condition: Condition, state: FinalState): boolean {
  switch (condition.kind) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'not':
      return !holds(test, condition.of, state);
    case 'and':
      return holds(test, condition.left, state) && holds(test, condition.right, state);
    case 'or':
      return holds(test, condition.left, state) || holds(test, condition.right, state);
    case 'implies':
      return !holds(test, condition.left, state) || holds(test, condition.right, state);
    case 'equals': {
      const { left, right } = condition;
      const value = observe(test, left, state(left));
      return value === (typeof right === 'object' ? observe(test, right, state(right)) : right);
    }
    default:
      return condition satisfies never;
  }
}

/** A final state on one line: `0:EAX=0; [x]=1;`. */
export function formatState(test: LitmusTest, state: FinalState): string {
  const parts: string[] = [];
  let array: string | undefined;
  let elements: string[] = [];
  const flush = (): void => {
    if (array !== undefined) parts.push(`${array}={${elements.join(',')}};`);
    array = undefined;
    elements = [];
  };
  for (const observable of test.observed) {
    const within = observable.kind === 'location' ? observable.within : undefined;
    if (array !== within) flush();
    const text = formatValue(test, observable, state(observable));
    if (within === undefined) parts.push(`${nameOf(observable)}=${text};`);
    else elements.push(text);
    array = within;
  }
  flush();
  return parts.join(' ');
}

/** `0:EAX`, `[x]`, `t[1]`. */
export function nameOf(observable: Observable): string {
  if (observable.kind === 'register') return `${observable.thread}:${observable.name}`;
  return observable.name.endsWith(']') ? observable.name : `[${observable.name}]`;
}

function formatValue(test: LitmusTest, observable: Observable, bits: Value): string {
  return test.symbols.nameOf(bits) ?? String(observe(test, observable, bits));
}

/**
 * The order in which observables are printed: registers by thread and rank, then locations by name,
 * whole ones before elements of arrays.
 */
export function inOrder(
  observed: readonly Observable[],
  rank: (register: string) => number,
): Observable[] {
  return [...observed].sort((a, b) => {
    if (a.kind === 'register' && b.kind === 'register') {
      return a.thread - b.thread || rank(a.name) - rank(b.name) || compare(a.name, b.name);
    }
    if (a.kind === 'location' && b.kind === 'location') return compareLocations(a, b);
    return a.kind === 'register' ? -1 : 1;
  });
}

type Location = Observable & { readonly kind: 'location' };

function compareLocations(a: Location, b: Location): number {
  const whole = Number(isElement(a)) - Number(isElement(b));
  if (whole !== 0) return whole;
  return compare(arrayOf(a), arrayOf(b)) || Number(a.address) - Number(b.address);
}

function isElement(location: Location): boolean {
  return location.within === undefined && location.name.endsWith(']');
}

function arrayOf(location: Location): string {
  return location.within ?? location.name.replace(/\[\d+\]$/, '');
}

/** By code units, as herd orders names: `Z` before `a`. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
