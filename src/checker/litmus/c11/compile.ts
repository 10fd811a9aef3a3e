/**
 * Turns the syntax of a thread into functions that run it. A thread is run thousands of times, so
 * nothing is looked up by name: variables are slots, and each node of the syntax is one closure.
 */
import type { Access, Dependencies, ThreadContext, ThreadProgram, Value } from '../contract.ts';
import { Tag } from '../contract.ts';
import type { Environment } from '../format/architecture.ts';
import type { ValueType } from '../format/values.ts';
import { cut, DEFAULT_TYPE } from '../format/values.ts';
import { conjecturesOf } from './conjectures.ts';
import { compute } from './integers.ts';
import type { Expression, Operator, Order, Place, Pointer, Statement, Thread } from './syntax.ts';

/** A run. */
interface Run {
  readonly context: ThreadContext;
  readonly values: Value[];
  /** By slot: what the value was computed from. */
  readonly sources: Dependencies[];
  /** What the value that was given last was computed from. */
  from: Dependencies;
  /** The first of two operands, when both have been evaluated, and what it was computed from. */
  left: Value;
  leftFrom: Dependencies;
  /**
   * Accesses of operands that have been evaluated, but that nothing orders before the next ones.
   */
  unsequenced: Dependencies;
}

/** Gives a value; what it was computed from is then in `run.from`. */
type Evaluate = (run: Run) => Value;

/** How a statement ended. */
type End = 'next' | 'break' | 'continue' | 'return';
type Execute = (run: Run) => End;

/** A loop that does not depend on what is read may turn this often: it must end by itself. */
const TURNS = 1000;

const READ_TAG: Readonly<Record<Order, number>> = {
  relaxed: Tag.RELAXED,
  consume: Tag.CONSUME,
  acquire: Tag.ACQUIRE,
  release: Tag.RELAXED,
  acq_rel: Tag.ACQUIRE,
  seq_cst: Tag.ACQUIRE | Tag.SEQ_CST,
};

const WRITE_TAG: Readonly<Record<Order, number>> = {
  relaxed: Tag.RELAXED,
  consume: Tag.RELAXED,
  acquire: Tag.RELAXED,
  release: Tag.RELEASE,
  acq_rel: Tag.RELEASE,
  seq_cst: Tag.RELEASE | Tag.SEQ_CST,
};

function readTag(order: Order | undefined): number {
  return order === undefined ? Tag.NON_ATOMIC : READ_TAG[order];
}

function writeTag(order: Order | undefined): number {
  return order === undefined ? Tag.NON_ATOMIC : WRITE_TAG[order];
}

/** The bits of accesses from number `first` up to before number `end`. */
function between(first: number, end: number): Dependencies {
  return (1 << end) - (1 << first);
}

/** Where a comparison has its `expected`; `run.from` goes with each value. */
interface Expected {
  readonly where: Evaluate;
  readonly get: (run: Run, where: Value) => Value;
  readonly set: (run: Run, where: Value, value: Value, from: Dependencies) => void;
}

/** Evaluates two operands in the order written, though nothing sequences them; gives the second. */
function both(run: Run, left: Evaluate, right: Evaluate): Value {
  const first = run.context.accesses;
  const value = left(run);
  const { from, unsequenced } = run;
  run.unsequenced = unsequenced | between(first, run.context.accesses);
  const second = right(run);
  run.unsequenced = unsequenced;
  run.left = value;
  run.leftFrom = from;
  return second;
}

function access(run: Run, address: Value, from: Dependencies, tag: number, size: number): Access {
  const { unsequenced } = run;
  if (unsequenced === 0) return { address, size, tag, addressFrom: from };
  return { address, size, tag, addressFrom: from, unsequenced };
}

function read(run: Run, at: Access, type: ValueType): Value {
  const number = run.context.accesses;
  const value = cut(run.context.read(at), type);
  run.from = 1 << number;
  return value;
}

function decide(run: Run): void {
  if (run.from !== 0) run.context.branch(run.from);
}

/** Whether a `break` or `return` in it may end the loop around it. */
function escapes(statement: Statement): boolean {
  switch (statement.kind) {
    case 'block':
      return statement.of.some(escapes);
    case 'if':
      return escapes(statement.yes) || (statement.no !== undefined && escapes(statement.no));
    case 'loop':
      return escapes(statement.body);
    default:
      return statement.kind === 'break' || statement.kind === 'return';
  }
}

class Compiler {
  readonly #slots: ReadonlyMap<string, number>;
  readonly #types: ReadonlyMap<string, ValueType>;
  readonly #environment: Environment;

  constructor(
    slots: ReadonlyMap<string, number>,
    pointers: readonly Pointer[],
    environment: Environment,
  ) {
    this.#slots = slots;
    this.#types = new Map(pointers.map(({ name, type }) => [name, type]));
    this.#environment = environment;
  }

  #slot(name: string): number {
    return this.#slots.get(name) ?? this.#environment.fail(`nothing is called ${name}`);
  }

  /** The type of what stands at an address, as far as the text says. */
  #typeAt(address: Expression): ValueType {
    if (address.kind === 'element') return this.#typeAt(address.array);
    const known = address.kind === 'local' ? this.#types.get(address.name) : undefined;
    return known ?? DEFAULT_TYPE;
  }

  expression(of: Expression): Evaluate {
    switch (of.kind) {
      case 'integer':
        return (run) => {
          run.from = 0;
          return of.value;
        };
      case 'local':
        return this.#local(this.#slot(of.name));
      case 'assign':
        return this.#assign(this.#slot(of.name), this.expression(of.value));
      case 'element':
        return this.#element(of.array, of.index);
      case 'load':
        return this.#load(of.address, readTag(of.order));
      case 'store':
        return this.#store(of.address, of.value, writeTag(of.order));
      case 'update':
        return this.#update(of);
      case 'compare':
        return this.#compare(of);
      case 'fence':
        return (run) => {
          run.context.fence(of.order);
          run.from = 0;
          return 0;
        };
      case 'unary':
        return this.#unary(of.operator, of.of);
      case 'binary':
        return this.#binary(of.operator, this.expression(of.left), this.expression(of.right));
      case 'and':
      case 'or':
        return this.#logical(of.kind === 'and', of.left, of.right);
      case 'choice':
        return this.#choice(of.condition, of.yes, of.no);
      default:
        return of satisfies never;
    }
  }

  #local(slot: number): Evaluate {
    return (run) => {
      run.from = run.sources[slot] as Dependencies;
      return run.values[slot] as Value;
    };
  }

  #assign(slot: number, value: Evaluate): Evaluate {
    return (run) => {
      const result = value(run);
      run.values[slot] = result;
      run.sources[slot] = run.from;
      return result;
    };
  }

  #element(array: Expression, index: Expression): Evaluate {
    const { size } = this.#typeAt(array);
    const scaled: Expression = {
      kind: 'binary',
      operator: '*',
      left: index,
      right: { kind: 'integer', value: size },
    };
    return this.#binary('+', this.expression(array), this.expression(scaled));
  }

  #load(of: Expression, tag: number): Evaluate {
    const address = this.expression(of);
    const type = this.#typeAt(of);
    return (run) => {
      const at = address(run);
      return read(run, access(run, at, run.from, tag, type.size), type);
    };
  }

  #store(of: Expression, written: Expression, tag: number): Evaluate {
    const address = this.expression(of);
    const value = this.expression(written);
    const { size } = this.#typeAt(of);
    return (run) => {
      const result = both(run, address, value);
      run.context.write(access(run, run.left, run.leftFrom, tag, size), result, run.from);
      return result;
    };
  }

  #update(of: Expression & { kind: 'update' }): Evaluate {
    const { operator, order } = of;
    const address = this.expression(of.address);
    const value = this.expression(of.value);
    const type = this.#typeAt(of.address);
    const reading = READ_TAG[order] | Tag.ATOMIC_RMW;
    const writing = WRITE_TAG[order] | Tag.ATOMIC_RMW;
    return (run) => {
      const given = both(run, address, value);
      const { left, leftFrom, from, context } = run;
      const number = context.accesses;
      const old = read(run, access(run, left, leftFrom, reading, type.size), type);
      const own = run.from;
      const result = operator === '=' ? given : (compute(operator, old, given) ?? old);
      const sources = operator === '=' ? from : from | own;
      context.write(access(run, left, leftFrom, writing, type.size), result, sources, number);
      run.from = own;
      return old;
    };
  }

  /** The `expected` of a comparison: a variable, or memory that is read and written plainly. */
  #expected(place: Place): Expected {
    if (place.kind === 'local') {
      const slot = this.#slot(place.name);
      return {
        where: () => 0,
        get: this.#local(slot),
        set: (run, _where, value) => {
          run.values[slot] = value;
          run.sources[slot] = run.from;
        },
      };
    }
    const type = this.#typeAt(place.address);
    const at = (run: Run, where: Value, from: Dependencies): Access =>
      access(run, where, from, Tag.NON_ATOMIC, type.size);
    return {
      where: this.expression(place.address),
      get: (run, where) => read(run, at(run, where, run.from), type),
      set: (run, where, value, from) => {
        run.context.write(at(run, where, from), value, run.from);
      },
    };
  }

  /**
   * The read of the object has the order of success or that of failure: which one is chosen first,
   * and the run is given up when the value read does not fit.
   */
  #compare(of: Expression & { kind: 'compare' }): Evaluate {
    const expected = this.#expected(of.expected);
    const address = this.expression(of.address);
    const desired = this.expression(of.desired);
    const type = this.#typeAt(of.address);
    const reading = READ_TAG[of.success] | Tag.ATOMIC_RMW;
    const writing = WRITE_TAG[of.success] | Tag.ATOMIC_RMW;
    const failing = READ_TAG[of.failure];
    return (run) => {
      const { context, unsequenced } = run;
      const first = context.accesses;
      const where = expected.where(run);
      const whereFrom = run.from;
      run.unsequenced = unsequenced | between(first, context.accesses);
      const wanted = both(run, address, desired);
      run.unsequenced = unsequenced;
      const { left, leftFrom, from } = run;
      run.from = whereFrom;
      const value = expected.get(run, where);
      const valueFrom = run.from;
      const succeeds = context.choose(2) === 0;
      const number = context.accesses;
      const tag = succeeds ? reading : failing;
      const seen = read(run, access(run, left, leftFrom, tag, type.size), type);
      const own = run.from;
      if (succeeds ? seen !== value : !of.weak && seen === value) {
        context.abandon('the comparison comes out otherwise', true);
      }
      context.branch(own | valueFrom);
      if (succeeds) {
        context.write(access(run, left, leftFrom, writing, type.size), wanted, from, number);
      } else expected.set(run, where, seen, whereFrom);
      run.from = own | valueFrom;
      return succeeds ? 1 : 0;
    };
  }

  #unary(operator: '-' | '~' | '!', of: Expression): Evaluate {
    const value = this.expression(of);
    if (operator === '!') return (run) => (value(run) === 0 ? 1 : 0);
    if (operator === '-') return (run) => compute('-', 0, value(run)) ?? 0;
    return (run) => compute('^', value(run), -1) ?? 0;
  }

  #binary(operator: Operator, left: Evaluate, right: Evaluate): Evaluate {
    return (run) => {
      const second = both(run, left, right);
      run.from |= run.leftFrom;
      return compute(operator, run.left, second) ?? run.context.abandon('division by zero');
    };
  }

  #logical(and: boolean, left: Expression, right: Expression): Evaluate {
    const first = this.expression(left);
    const second = this.expression(right);
    return (run) => {
      const decided = (first(run) === 0) === and;
      const { from } = run;
      decide(run);
      if (decided) return and ? 0 : 1;
      const value = second(run);
      run.from |= from;
      return value === 0 ? 0 : 1;
    };
  }

  #choice(condition: Expression, yes: Expression, no: Expression): Evaluate {
    const test = this.expression(condition);
    const whenTrue = this.expression(yes);
    const whenFalse = this.expression(no);
    return (run) => {
      const chosen = test(run) === 0 ? whenFalse : whenTrue;
      const { from } = run;
      decide(run);
      const value = chosen(run);
      run.from |= from;
      return value;
    };
  }

  statement(of: Statement): Execute {
    switch (of.kind) {
      case 'expression': {
        const evaluate = this.expression(of.of);
        return (run) => {
          evaluate(run);
          return 'next';
        };
      }
      case 'block':
        return this.#block(of.of.map((one) => this.statement(one)));
      case 'if':
        return this.#if(of.condition, of.yes, of.no);
      case 'loop':
        return this.#loop(of);
      default:
        return () => of.kind;
    }
  }

  #block(all: readonly Execute[]): Execute {
    const [only] = all;
    if (only !== undefined && all.length === 1) return only;
    return (run) => {
      for (const one of all) {
        const end = one(run);
        if (end !== 'next') return end;
      }
      return 'next';
    };
  }

  #if(condition: Expression, yes: Statement, no: Statement | undefined): Execute {
    const test = this.expression(condition);
    const whenTrue = this.statement(yes);
    const whenFalse = no === undefined ? undefined : this.statement(no);
    return (run) => {
      const value = test(run);
      decide(run);
      if (value !== 0) return whenTrue(run);
      return whenFalse === undefined ? 'next' : whenFalse(run);
    };
  }

  /** What does not depend on values read ends by itself; what does is cut off at the bound. */
  #loop(of: Statement & { kind: 'loop' }): Execute {
    const condition = this.expression(of.condition);
    const body = this.statement(of.body);
    const step = of.step && this.expression(of.step);
    const open = escapes(of.body);
    const { unroll } = this.#environment;
    return (run) => {
      let turns = 0;
      for (let test = of.first; ; test = true) {
        if (test) {
          const value = condition(run);
          decide(run);
          if (value === 0) return 'next';
          const bound = open || run.from !== 0 ? unroll : TURNS;
          if (turns >= bound) run.context.abandon('a loop goes on');
          turns += 1;
        }
        const end = body(run);
        if (end === 'return') return end;
        if (end === 'break') return 'next';
        step?.(run);
      }
    };
  }
}

/** Compiles a thread. */
export function compileThread(thread: Thread, environment: Environment): ThreadProgram {
  const { symbols, initialRegisters } = environment;
  const parameters = thread.parameters.map(({ name }) => name);
  const names = [...new Set([...parameters, ...thread.locals, ...initialRegisters.keys()])];
  const slots = new Map(names.map((name, slot) => [name, slot]));
  const pointers = [...thread.parameters, ...thread.pointers];
  const execute = new Compiler(slots, pointers, environment).statement(thread.body);
  const initial = names.map((name): Value => {
    const given = initialRegisters.get(name);
    if (given !== undefined) return given;
    return parameters.includes(name) ? symbols.addressOf(name) : 0;
  });
  const none = names.map((): Dependencies => 0);
  return {
    conjectures: conjecturesOf(thread, symbols),
    run(context) {
      const values = [...initial];
      const sources = [...none];
      execute({ context, values, sources, from: 0, left: 0, leftFrom: 0, unsequenced: 0 });
      return new Map(names.map((name, slot) => [name, values[slot] as Value]));
    },
  };
}
