/** Conditions over final states: their grammar, and the text that herd prints for them. */
import type { Condition, Observable, Value } from '../contract.ts';
import { refuseBeyond } from './beyond.ts';
import type { Declarations } from './declarations.ts';
import { acceptThread, expectIndex, literal, registerName } from './literals.ts';
import type { Tokens } from './tokens.ts';
import { cut } from './values.ts';

/** Negations and parentheses within each other: more are no condition that somebody wrote. */
const MAX_DEPTH = 200;

/** Characters that the thread and name of a register may have, to see whether one follows. */
const MAX_NAME = 40;

/** A condition, its text, and what it names in the order of the text. */
export interface ReadCondition {
  readonly condition: Condition;
  readonly text: string;
  readonly observables: readonly Observable[];
}

/** The outermost sign of a text. `=>` binds most, as in herd's grammar, and `\/` least. */
type Sign = 'or' | 'and' | 'implies';

interface Part {
  readonly condition: Condition;
  readonly text: string;
  /** Undefined when it is one comparison or negation. */
  readonly sign: Sign | undefined;
}

/** Parts that are printed in parentheses, by the sign that they stand beside. */
const WRAPPED: Readonly<Record<Sign, readonly Sign[]>> = {
  or: ['implies'],
  and: ['or', 'implies'],
  implies: ['or', 'and'],
};

/** Reads one condition; what follows it stays. */
export function readCondition(tokens: Tokens, declarations: Declarations): ReadCondition {
  const reader = new ConditionReader(tokens, declarations);
  const { condition, text } = reader.any(0);
  return { condition, text, observables: reader.observables };
}

/** Reads what stands behind `observed`, of the oldest tests. */
export function readObserved(tokens: Tokens, declarations: Declarations): ReadCondition {
  const reader = new ConditionReader(tokens, declarations);
  const { condition, text } = reader.observed();
  return { condition, text, observables: reader.observables };
}

/** A register or location, or all elements of an array. */
export function readObservables(tokens: Tokens, declarations: Declarations): Observable[] {
  const place = readPlace(tokens, declarations);
  return place.elements ?? [place.observable];
}

interface Place {
  readonly observable: Observable;
  readonly text: string;
  /** The elements, when it is an array as a whole. */
  readonly elements: Observable[] | undefined;
}

function readPlace(tokens: Tokens, declarations: Declarations): Place {
  refuseBeyond(tokens);
  if (tokens.accept('[') || tokens.accept('*')) {
    refuseBeyond(tokens);
    const name = expectName(tokens);
    tokens.accept(']');
    return location(declarations, name);
  }
  const { text, kind } = tokens.peek();
  if (kind !== 'word' && kind !== 'integer') tokens.fail('expected a register or location');
  tokens.take();
  const thread = acceptThread(tokens, text);
  if (thread !== undefined) {
    const name = registerName(tokens, declarations);
    const observable = declarations.register(thread, name);
    return { observable, text: `${thread}:${name}`, elements: undefined };
  }
  if (kind === 'integer') tokens.fail('expected ":" and a register');
  if (!tokens.accept('[')) return location(declarations, text);
  const index = expectIndex(tokens);
  tokens.expect(']');
  const observable = declarations.location(text, index);
  return { observable, text: `${text}[${index}]`, elements: undefined };
}

function location(declarations: Declarations, name: string): Place {
  const observable = declarations.location(name);
  if (declarations.lengthOf(name) === undefined) {
    return { observable, text: `[${name}]`, elements: undefined };
  }
  return { observable, text: name, elements: declarations.elements(name) };
}

function expectName(tokens: Tokens): string {
  if (tokens.peek().kind !== 'word') tokens.fail('expected the name of a location');
  return tokens.take().text;
}

class ConditionReader {
  readonly observables: Observable[] = [];
  readonly #tokens: Tokens;
  readonly #declarations: Declarations;

  constructor(tokens: Tokens, declarations: Declarations) {
    this.#tokens = tokens;
    this.#declarations = declarations;
  }

  /** Parts joined by `\/`, each of them parts joined by `/\`. */
  any(depth: number): Part {
    return this.#chain('or', '\\/', () =>
      this.#chain('and', '/\\', () => this.#implication(depth)),
    );
  }

  /** `x=1; y=2; and z=3;`: comparisons that hold together, or other ones. */
  observed(): Part {
    return this.#chain('or', 'and', () => {
      const all: Part[] = [];
      while (this.#tokens.peek().kind !== 'end' && this.#tokens.peek().text !== 'and') {
        all.push(this.#comparison());
        this.#tokens.expect(';');
      }
      return joined('and', all);
    });
  }

  #chain(sign: 'or' | 'and', written: string, next: () => Part): Part {
    const parts = [next()];
    while (this.#tokens.accept(written)) parts.push(next());
    return joined(sign, parts);
  }

  #implication(depth: number): Part {
    const left = this.#unary(depth);
    if (!this.#tokens.accept('=>')) return left;
    const right = this.#implication(this.#deeper(depth));
    return {
      condition: { kind: 'implies', left: left.condition, right: right.condition },
      text: `${within(left, 'implies')} => ${within(right, 'implies')}`,
      sign: 'implies',
    };
  }

  #unary(depth: number): Part {
    const tokens = this.#tokens;
    if (tokens.accept('~') || tokens.accept('not')) {
      const { condition, text } = this.#unary(this.#deeper(depth));
      return atom({ kind: 'not', of: condition }, `not (${text})`);
    }
    if (tokens.accept('(')) {
      const part = this.any(this.#deeper(depth));
      tokens.expect(')');
      return part;
    }
    if (tokens.accept('true')) return atom({ kind: 'true' }, 'true');
    if (tokens.accept('false')) return atom({ kind: 'false' }, 'false');
    return this.#comparison();
  }

  #comparison(): Part {
    const tokens = this.#tokens;
    const place = readPlace(tokens, this.#declarations);
    const differs = tokens.accept('!=') || tokens.accept('<>');
    if (!differs && !tokens.accept('==')) tokens.expect('=');
    const equal = this.#right(place);
    if (!differs) return equal;
    return atom({ kind: 'not', of: equal.condition }, `not (${equal.text})`);
  }

  #right(place: Place): Part {
    const tokens = this.#tokens;
    if (place.elements !== undefined) return this.#array(place, place.elements);
    this.observables.push(place.observable);
    const left = place.observable;
    const other = this.#otherPlace();
    if (other !== undefined) {
      this.observables.push(other.observable);
      return atom({ kind: 'equals', left, right: other.observable }, `${place.text}=${other.text}`);
    }
    const right = literal(tokens, this.#declarations);
    return atom(
      { kind: 'equals', left, right: this.#comparable(left, right.value) },
      `${place.text}=${right.text}`,
    );
  }

  /** `0:r1=1:r2`, `x=[y]`, `x=*y`; a bare name on the right is an address. */
  #otherPlace(): Place | undefined {
    const { offset, text } = this.#tokens.peek();
    const ahead = this.#tokens.source.text.slice(offset, offset + MAX_NAME);
    const register = /^P?\d+\s*:\s*(%?\w+)/.exec(ahead)?.[1];
    const isRegister =
      register !== undefined &&
      (register.startsWith('%') || this.#declarations.naming.canonical(register) !== undefined);
    const follows = isRegister || /^\d+\s*:/.test(ahead) || text === '*' || text === '[';
    return follows ? readPlace(this.#tokens, this.#declarations) : undefined;
  }

  #array(place: Place, elements: readonly Observable[]): Part {
    const tokens = this.#tokens;
    tokens.expect('{');
    const equals: Condition[] = [];
    const texts: string[] = [];
    for (const left of elements) {
      if (equals.length > 0) tokens.expect(',');
      const right = literal(tokens, this.#declarations);
      equals.push({ kind: 'equals', left, right: this.#comparable(left, right.value) });
      texts.push(right.text);
      this.observables.push(left);
    }
    tokens.expect('}');
    return atom(balanced('and', equals), `${place.text}={${texts.join(',')}}`);
  }

  /** A constant as the type of the other side holds it: `0xffffffff` in an int is -1. */
  #comparable(left: Observable, value: Value): Value {
    return this.#declarations.naming.architecture === 'c11' ? value : cut(value, left);
  }

  #deeper(depth: number): number {
    if (depth < MAX_DEPTH) return depth + 1;
    const { offset } = this.#tokens.peek();
    return this.#tokens.source.tooLarge(`more than ${MAX_DEPTH} levels of nesting`, offset);
  }
}

function atom(condition: Condition, text: string): Part {
  return { condition, text, sign: undefined };
}

function within({ sign, text }: Part, beside: Sign): string {
  return sign !== undefined && WRAPPED[beside].includes(sign) ? `(${text})` : text;
}

function joined(sign: 'or' | 'and', parts: readonly Part[]): Part {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const text = parts.map((part) => within(part, sign)).join(sign === 'or' ? ' \\/ ' : ' /\\ ');
  const conditions = parts.map((part) => part.condition);
  return { condition: balanced(sign, conditions), text: text === '' ? 'true' : text, sign };
}

/** A tree that is no deeper than it must be: conditions may have thousands of parts. */
function balanced(kind: 'and' | 'or', parts: readonly Condition[]): Condition {
  const [first] = parts;
  if (first === undefined) return { kind: 'true' };
  if (parts.length === 1) return first;
  const middle = parts.length >> 1;
  return {
    kind,
    left: balanced(kind, parts.slice(0, middle)),
    right: balanced(kind, parts.slice(middle)),
  };
}
