/** The JavaScript that tests are written in, as a tree. */
import type { Element, Modification } from './elements.ts';

/** A value of the language, as far as tests have them. */
export type Scalar = number | bigint | boolean | string | undefined;

/** A value, and which accesses of its thread it was computed from: see `Dependencies`. */
export interface Known {
  readonly value: Scalar;
  readonly from: number;
}

/** What a name of a view stands for. */
export interface View {
  readonly name: string;
  /** Name of the shared block of memory. */
  readonly block: string;
  /** First byte in the block. */
  readonly offset: number;
  /** Undefined is a DataView. */
  readonly element: Element | undefined;
}

/** A place in a typed array: `x[0]`. */
export interface Place {
  readonly view: View;
  readonly index: Expression;
}

/** Binary operators that always look at both sides. */
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '**'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '>>>'
  | '=='
  | '!='
  | '==='
  | '!=='
  | '<'
  | '<='
  | '>'
  | '>=';

/** `o => o + 1`. */
export interface Arrow {
  readonly parameter: string;
  readonly body: Expression;
}

/** An expression. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: Scalar }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'unary'; readonly operator: '-' | '+' | '~' | '!'; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'logical';
      readonly operator: '&&' | '||' | '??';
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly whenTrue: Expression;
      readonly whenFalse: Expression;
    }
  | { readonly kind: 'element'; readonly place: Place }
  | {
      readonly kind: 'assign';
      readonly target: string | Place;
      /** Undefined is `=`. */
      readonly operator: BinaryOperator | undefined;
      readonly value: Expression;
      /** `x[0]++` has the old value. */
      readonly givesOld: boolean;
    }
  | { readonly kind: 'load'; readonly place: Place }
  | { readonly kind: 'store'; readonly place: Place; readonly value: Expression }
  | {
      readonly kind: 'modify';
      readonly place: Place;
      readonly how: Modification;
      readonly value: Expression;
    }
  /** Any function of the old value, in one atomic step. */
  | { readonly kind: 'function'; readonly place: Place; readonly arrow: Arrow }
  | {
      readonly kind: 'compareExchange';
      readonly place: Place;
      readonly expected: Expression;
      readonly value: Expression;
    }
  | {
      readonly kind: 'wait';
      readonly place: Place;
      readonly expected: Expression;
      readonly timeout: Expression | undefined;
    }
  | { readonly kind: 'notify'; readonly place: Place; readonly count: Expression | undefined }
  | {
      readonly kind: 'data';
      readonly view: View;
      readonly element: Element;
      readonly offset: Expression;
      readonly littleEndian: Expression | undefined;
      /** Undefined reads. */
      readonly value: Expression | undefined;
    };

/** A statement. `text` is what is shown of it. */
export type Statement = { readonly text: string } & (
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'declare'; readonly name: string; readonly value: Expression | undefined }
  | {
      readonly kind: 'if';
      readonly test: Expression;
      readonly whenTrue: readonly Statement[];
      readonly whenFalse: readonly Statement[];
    }
  | {
      readonly kind: 'while';
      readonly test: Expression;
      readonly body: readonly Statement[];
      /** `do … while`. */
      readonly bodyFirst: boolean;
    }
  /** One end of an edge of the host: posting a message and getting it, starting, ending. */
  | { readonly kind: 'host'; readonly end: 'signal' | 'await'; readonly edge: number }
);

/** One thread (an agent, in the words of the specification). */
export interface Script {
  readonly statements: readonly Statement[];
  /** Variables in the order of their declaration. */
  readonly names: readonly string[];
}
