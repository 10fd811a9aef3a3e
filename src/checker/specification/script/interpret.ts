/**
 * Runs a thread on a machine: the machine is what memory answers. The thread itself is a
 * deterministic function of those answers and keeps nothing between two runs.
 */
import { RondoError } from '../../../base/index.ts';
import { modified, type Element } from './elements.ts';
import { binary, unary } from './operators.ts';
import type { Expression, Known, Place, Scalar, Script, Statement, View } from './syntax.ts';

/** One access to shared memory. */
export interface Access {
  readonly block: string;
  /** First byte in the block. */
  readonly offset: number;
  readonly element: Element;
  readonly littleEndian: boolean;
  /** Done by Atomics. */
  readonly seqCst: boolean;
  readonly noTear: boolean;
  /** What the address was computed from. */
  readonly addressFrom: number;
  /** The statement that does it. */
  readonly statement: string;
}

/** What a thread does to the world. */
export interface Machine {
  read(access: Access): Known;
  write(access: Access, value: Known): void;
  /** Reads and writes in one step; `compute` gives undefined when nothing is written after all. */
  modify(access: Access, compute: (old: Known) => Known | undefined): Known;
  /** `Atomics.wait`: what it returns. `forever` is one without a time limit. */
  wait(access: Access, expected: Scalar, forever: boolean): Known;
  /** `Atomics.notify`: how many it woke, at most `most`. */
  notify(access: Access, most: number): Known;
  /** One end of an edge of the host. */
  host(end: 'signal' | 'await', edge: number, statement: string): void;
  /** A branch was decided by a value that was computed from these accesses. */
  branch(from: number): void;
  /** A loop turns back for the `turns`-th time; throws when it has turned often enough. */
  turn(turns: number): void;
}

/** Elements of one view reach so far; more is a slip in a test. */
const LARGEST_OFFSET = 0xffff;

/** Runs a thread from its start to its end; `locals` gets its variables as they come. */
export function interpret(script: Script, machine: Machine, locals: Map<string, Known>): void {
  new Run(machine, locals).all(script.statements);
}

/** Evaluates an expression that touches no memory, with these variables. */
export function evaluateExpression(of: Expression, locals: ReadonlyMap<string, Known>): Scalar {
  const none = (): never => {
    throw new RondoError('ERR_LITMUS_SYNTAX', 'Cannot ask for memory: ask for variables');
  };
  const machine: Machine = {
    read: none,
    write: none,
    modify: none,
    wait: none,
    notify: none,
    host: none,
    branch: () => undefined,
    turn: none,
  };
  return new Run(machine, new Map(locals)).evaluate(of).value;
}

class Run {
  readonly #locals: Map<string, Known>;
  readonly #machine: Machine;
  #statement = '';

  constructor(machine: Machine, locals: Map<string, Known>) {
    this.#machine = machine;
    this.#locals = locals;
  }

  all(statements: readonly Statement[]): void {
    for (const statement of statements) this.#one(statement);
  }

  #one(statement: Statement): void {
    this.#statement = statement.text;
    switch (statement.kind) {
      case 'expression':
        this.evaluate(statement.expression);
        return;
      case 'declare': {
        const value = statement.value ? this.evaluate(statement.value) : of(undefined);
        this.#locals.set(statement.name, value);
        return;
      }
      case 'if':
        this.all(this.#truth(statement.test) ? statement.whenTrue : statement.whenFalse);
        return;
      case 'while':
        this.#loop(statement);
        return;
      case 'host':
        this.#machine.host(statement.end, statement.edge, statement.text);
    }
  }

  #loop({ test, body, bodyFirst, text }: Statement & { kind: 'while' }): void {
    if (bodyFirst) this.all(body);
    for (let turns = 1; ; turns++) {
      this.#statement = text;
      if (!this.#truth(test)) return;
      this.#machine.turn(turns);
      this.all(body);
    }
  }

  /** Decides a branch. */
  #truth(test: Expression): boolean {
    const { value, from } = this.evaluate(test);
    this.#machine.branch(from);
    return Boolean(value);
  }

  evaluate(expression: Expression): Known {
    switch (expression.kind) {
      case 'literal':
        return of(expression.value);
      case 'name':
        return this.#local(expression.name);
      case 'unary': {
        const { value, from } = this.evaluate(expression.of);
        return { value: unary(expression.operator, value), from };
      }
      case 'binary': {
        const left = this.evaluate(expression.left);
        return combine(expression.operator, left, this.evaluate(expression.right));
      }
      case 'logical':
        return this.#logical(expression);
      case 'conditional':
        return this.evaluate(
          this.#truth(expression.test) ? expression.whenTrue : expression.whenFalse,
        );
      case 'assign':
        return this.#assign(expression);
      case 'element':
        return this.#machine.read(this.#element(expression.place, false));
      case 'data':
        return this.#data(expression);
      case 'load':
      case 'store':
      case 'modify':
      case 'function':
      case 'compareExchange':
      case 'wait':
      case 'notify':
        return this.#atomic(expression);
      default:
        return expression satisfies never;
    }
  }

  #local(name: string): Known {
    const known = this.#locals.get(name);
    if (known) return known;
    throw new RondoError('ERR_LITMUS_SYNTAX', `Cannot run a test: ${name} is not defined`);
  }

  #logical({ operator, left, right }: Expression & { kind: 'logical' }): Known {
    const first = this.evaluate(left);
    this.#machine.branch(first.from);
    const { value } = first;
    const enough = { '&&': !value, '||': Boolean(value), '??': value !== undefined }[operator];
    return enough ? first : this.evaluate(right);
  }

  #assign({ target, operator, value, givesOld }: Expression & { kind: 'assign' }): Known {
    const access = typeof target === 'string' ? undefined : this.#element(target, false);
    let old: Known = of(undefined);
    if (operator) old = access ? this.#machine.read(access) : this.#local(target as string);
    const right = this.evaluate(value);
    const result = operator ? combine(operator, old, matching(old, right)) : right;
    if (access) this.#machine.write(access, this.#storable(access.element, result));
    else this.#locals.set(target as string, result);
    return givesOld ? old : result;
  }

  #data(expression: Expression & { kind: 'data' }): Known {
    const { view, element } = expression;
    const offset = this.evaluate(expression.offset);
    const order = expression.littleEndian && this.evaluate(expression.littleEndian);
    const access: Access = {
      block: view.block,
      offset: this.#byteOffset(view, offset.value, 1),
      element,
      littleEndian: Boolean(order?.value),
      seqCst: false,
      noTear: false,
      addressFrom: offset.from,
      statement: this.#statement,
    };
    if (!expression.value) return this.#machine.read(access);
    this.#machine.write(access, this.#storable(element, this.evaluate(expression.value)));
    return of(undefined);
  }

  #atomic(expression: Extract<Expression, { readonly place: Place }>): Known {
    const access = this.#element(expression.place, true);
    const { element } = access;
    const operand = (which: Expression): Known => this.#storable(element, this.evaluate(which));
    switch (expression.kind) {
      case 'store': {
        const value = operand(expression.value);
        this.#machine.write(access, value);
        return value;
      }
      case 'modify': {
        const value = operand(expression.value);
        return this.#machine.modify(access, (old) => modified(expression.how, old, value));
      }
      case 'function': {
        const { parameter, body } = expression.arrow;
        return this.#machine.modify(access, (old) => {
          const locals = new Map(this.#locals).set(parameter, old);
          return this.#storable(element, new Run(this.#machine, locals).evaluate(body));
        });
      }
      case 'compareExchange': {
        const expected = operand(expression.expected);
        const value = operand(expression.value);
        return this.#machine.modify(access, (old) =>
          sameElement(element, old.value, expected.value)
            ? { value: value.value, from: value.from }
            : undefined,
        );
      }
      case 'wait': {
        const expected = operand(expression.expected).value;
        const timeout = expression.timeout && this.evaluate(expression.timeout).value;
        const limit = timeout === undefined ? Infinity : Number(timeout);
        return this.#machine.wait(access, expected, !(limit < Infinity));
      }
      case 'notify': {
        const count = expression.count && this.evaluate(expression.count).value;
        return this.#machine.notify(access, count === undefined ? Infinity : Number(count));
      }
      case 'load':
      case 'element':
        return this.#machine.read(access);
      default:
        return expression satisfies never;
    }
  }

  /** @throws {RondoError} ERR_LITMUS_SYNTAX as JavaScript throws a TypeError */
  #storable(element: Element, { value, from }: Known): Known {
    if (element.big === (typeof value === 'bigint')) return { value, from };
    if (!element.big && typeof value === 'boolean') return { value: Number(value), from };
    const what = element.big ? 'a bigint' : 'a number';
    throw new RondoError(
      'ERR_LITMUS_SYNTAX',
      `Cannot run "${this.#statement}": ${element.name} holds ${what}, got ${String(value)}`,
    );
  }

  #element({ view, index }: Place, seqCst: boolean): Access {
    const { element } = view;
    if (!element) {
      throw new RondoError(
        'ERR_LITMUS_SYNTAX',
        `Cannot run "${this.#statement}": ${view.name} is a DataView, which has no elements`,
      );
    }
    const at = this.evaluate(index);
    return {
      block: view.block,
      offset: this.#byteOffset(view, at.value, element.size),
      element,
      littleEndian: true,
      seqCst,
      noTear: seqCst ? element.noTear.atomic : element.noTear.plain,
      addressFrom: at.from,
      statement: this.#statement,
    };
  }

  #byteOffset(view: View, index: Scalar, size: number): number {
    const offset = view.offset + Number(index) * size;
    if (Number.isInteger(offset) && offset >= view.offset && offset <= LARGEST_OFFSET)
      return offset;
    throw new RondoError(
      'ERR_LITMUS_UNSUPPORTED',
      `Cannot run "${this.#statement}": ${view.name} has no element ${String(index)}`,
    );
  }
}

function of(value: Scalar): Known {
  return { value, from: 0 };
}

/** `++` and `--` add the one of the value's own type. */
function matching(old: Known, right: Known): Known {
  const big = typeof old.value === 'bigint' && right.value === 1;
  return big ? { value: 1n, from: right.from } : right;
}

function combine(operator: Parameters<typeof binary>[0], left: Known, right: Known): Known {
  return { value: binary(operator, left.value, right.value), from: left.from | right.from };
}

/** Whether two values are the same bits of an element: `compareExchange` compares bytes. */
function sameElement({ name, size, big }: Element, left: Scalar, right: Scalar): boolean {
  if (big) return BigInt.asUintN(64, left as bigint) === BigInt.asUintN(64, right as bigint);
  const bits = 2 ** (8 * size);
  const reduce = (value: Scalar): number => ((Math.trunc(Number(value)) % bits) + bits) % bits;
  return name !== 'Float32' && name !== 'Float64' && reduce(left) === reduce(right);
}
