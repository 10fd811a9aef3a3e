/**
 * Values that a thread may write although no run from the initial values gets there: what stands in
 * code behind a condition, which the text of 2011 lets two threads reach by assuming it of each
 * other.
 */
import type { Symbols, Value } from '../contract.ts';
import type { Expression, Statement, Thread } from './syntax.ts';

/**
 * The name of a value of which nothing is known: what a cycle of copies has when only the cycle
 * itself decides it. Its address is the value, so that it is printed by this name.
 */
const OUT_OF_THIN_AIR = 'S0';

class Collector {
  readonly values: Set<Value> = new Set();
  copies = false;

  statement(of: Statement, conditional: boolean): void {
    switch (of.kind) {
      case 'expression':
        this.#expression(of.of, conditional);
        break;
      case 'block':
        for (const one of of.of) this.statement(one, conditional);
        break;
      case 'if':
        this.#expression(of.condition, conditional);
        this.statement(of.yes, true);
        if (of.no !== undefined) this.statement(of.no, true);
        break;
      case 'loop':
        this.#expression(of.condition, conditional);
        this.statement(of.body, true);
        if (of.step !== undefined) this.#expression(of.step, true);
        break;
      default:
        break;
    }
  }

  #expression(of: Expression, conditional: boolean): void {
    switch (of.kind) {
      case 'assign':
        if (conditional) this.#literals(of.value);
        this.#expression(of.value, conditional);
        break;
      case 'store':
      case 'update':
        this.#written(of.value, conditional);
        break;
      case 'compare':
        this.#written(of.desired, true);
        break;
      case 'and':
      case 'or':
        this.#expression(of.left, conditional);
        this.#expression(of.right, true);
        break;
      case 'choice':
        this.#literals(of);
        for (const one of [of.condition, of.yes, of.no]) this.#expression(one, true);
        break;
      default:
        for (const one of operandsOf(of)) this.#expression(one, conditional);
    }
  }

  #written(value: Expression, conditional: boolean): void {
    if (conditional) this.#literals(value);
    if (value.kind !== 'integer') this.copies = true;
    this.#expression(value, conditional);
  }

  #literals(of: Expression): void {
    if (of.kind === 'integer') this.values.add(of.value);
    for (const one of operandsOf(of)) this.#literals(one);
  }
}

function operandsOf(of: Expression): readonly Expression[] {
  switch (of.kind) {
    case 'load':
      return [of.address];
    case 'element':
      return [of.array, of.index];
    case 'store':
    case 'update':
      return [of.address, of.value];
    case 'compare':
      return [of.address, of.desired];
    case 'assign':
      return [of.value];
    case 'unary':
      return [of.of];
    case 'binary':
    case 'and':
    case 'or':
      return [of.left, of.right];
    case 'choice':
      return [of.condition, of.yes, of.no];
    default:
      return [];
  }
}

/** The values to assume of a thread; none when it has neither conditions nor copies. */
export function conjecturesOf(thread: Thread, symbols: Symbols): readonly Value[] {
  const collector = new Collector();
  collector.statement(thread.body, false);
  if (!collector.copies) return [...collector.values];
  return [...collector.values, symbols.addressOf(OUT_OF_THIN_AIR)];
}
