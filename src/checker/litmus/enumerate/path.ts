/**
 * Says in the words of a model why two events are related: an edge of `hb` is taken apart until
 * what is left are relations of the execution, or such that the model names and that have no parts
 * worth showing.
 */

import type { Judge } from '../../models/index.ts';
import type { EventSet, Relation } from '../../relation/index.ts';

/** One step from an event to another. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  /** As the model (or herd's prelude) calls it. */
  readonly relation: string;
}

/** Takes edges of one execution apart. */
export class Paths {
  readonly #judge: Judge;
  readonly #count: number;

  constructor(judge: Judge, count: number) {
    this.#judge = judge;
    this.#count = count;
  }

  /** The steps of a cycle: each event to the next and the last to the first. */
  cycle(relation: Relation, events: readonly number[]): Edge[] {
    return events.flatMap((from, at) => this.edge(relation, from, events[at + 1] ?? events[0]!));
  }

  /** The steps from one event to another that is related to it. */
  edge(of: Relation, from: number, to: number): Edge[] {
    const [left, right] = of.operands as readonly [Relation, Relation];
    switch (of.operator) {
      case 'named':
        return this.#named(of, left, from, to);
      case 'union':
        return this.edge(this.#judge.related(left, from, to) ? left : right, from, to);
      case 'seq':
        return this.#sequence(left, right, from, to);
      case 'from':
        return this.edge(right, from, to);
      case 'into':
      case 'minus':
        return this.edge(left, from, to);
      case 'inter':
        return this.edge(left.operator === 'cross' ? right : left, from, to);
      case 'plus':
        return this.#path(left, from, to);
      case 'optional':
        return from === to ? [] : this.edge(left, from, to);
      case 'on':
        return [];
      default:
        return [{ from, to, relation: textOf(of) }];
    }
  }

  /** A name stands for a relation that is one step; one that is made of steps is taken apart. */
  #named(of: Relation, inner: Relation, from: number, to: number): Edge[] {
    const compound = ['union', 'plus', 'optional', 'named', 'base'].includes(inner.operator);
    if (!compound) return [{ from, to, relation: of.name }];
    return this.edge(inner, from, to);
  }

  #sequence(left: Relation, right: Relation, from: number, to: number): Edge[] {
    for (let middle = 0; middle < this.#count; middle++) {
      if (!this.#judge.related(left, from, middle)) continue;
      if (!this.#judge.related(right, middle, to)) continue;
      return [...this.edge(left, from, middle), ...this.edge(right, middle, to)];
    }
    return [{ from, to, relation: textOf(left) }];
  }

  /** A shortest path. */
  #path(step: Relation, from: number, to: number): Edge[] {
    const before = new Map<number, number>();
    let edge = [from];
    while (edge.length > 0) {
      const next: number[] = [];
      for (const at of edge) {
        if (this.#judge.related(step, at, to)) {
          const events = [to, at];
          for (let last = at; last !== from;) {
            last = before.get(last)!;
            events.push(last);
          }
          events.reverse();
          return events.slice(1).flatMap((one, index) => this.edge(step, events[index]!, one));
        }
        for (let one = 0; one < this.#count; one++) {
          if (one === from || before.has(one) || !this.#judge.related(step, at, one)) continue;
          before.set(one, at);
          next.push(one);
        }
      }
      edge = next;
    }
    return [{ from, to, relation: textOf(step) }];
  }
}

const SYMBOLS = { union: ' | ', inter: ' & ', minus: ' \\ ', seq: ';', cross: '*' } as const;

/** An expression as cat would write it. */
function textOf(of: Relation | EventSet): string {
  const [left, right] = of.operands;
  switch (of.operator) {
    case 'base':
    case 'named':
      return of.name.replace(/^(tag|fence):/, '');
    case 'union':
    case 'inter':
    case 'minus':
    case 'seq':
    case 'cross':
      return `(${textOf(left!)}${SYMBOLS[of.operator]}${textOf(right!)})`;
    case 'inverse':
      return `${textOf(left!)}^-1`;
    case 'plus':
      return `${textOf(left!)}+`;
    case 'optional':
      return `${textOf(left!)}?`;
    case 'on':
      return `[${textOf(left!)}]`;
    case 'from':
      return `([${textOf(left!)}];${textOf(right!)})`;
    case 'into':
      return `(${textOf(left!)};[${textOf(right!)}])`;
    case 'domain':
    case 'range':
      return `${of.operator}(${textOf(left!)})`;
    default:
      return of.operator satisfies never;
  }
}
