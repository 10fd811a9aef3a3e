/** The syntax of a thread written in C, as the parser gives it to the compiler. */
import type { Value } from '../contract.ts';
import type { ValueType } from '../format/values.ts';

/** Orders of C11, by the last part of their names. */
export type Order = 'relaxed' | 'consume' | 'acquire' | 'release' | 'acq_rel' | 'seq_cst';

/** Operators on two integers. */
export type Operator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>=';

/** Where a value is kept: a local variable, or memory at an address. */
export type Place =
  | { readonly kind: 'local'; readonly name: string }
  | { readonly kind: 'memory'; readonly address: Expression };

/** What has a value; what only does something has the value 0. */
export type Expression =
  | { readonly kind: 'integer'; readonly value: Value }
  | { readonly kind: 'local'; readonly name: string }
  /** The address of an element of the array that begins at an address. */
  | { readonly kind: 'element'; readonly array: Expression; readonly index: Expression }
  /** An order of undefined is a plain access. */
  | { readonly kind: 'load'; readonly address: Expression; readonly order: Order | undefined }
  | {
      readonly kind: 'store';
      readonly address: Expression;
      readonly value: Expression;
      readonly order: Order | undefined;
    }
  /** Gives the old value; the new one is `old operator value`, or just the value for `=`. */
  | {
      readonly kind: 'update';
      readonly operator: Operator | '=';
      readonly address: Expression;
      readonly value: Expression;
      readonly order: Order;
    }
  /** Gives whether it succeeded. */
  | {
      readonly kind: 'compare';
      readonly address: Expression;
      readonly expected: Place;
      readonly desired: Expression;
      readonly success: Order;
      readonly failure: Order;
      readonly weak: boolean;
    }
  | { readonly kind: 'fence'; readonly order: Order }
  | { readonly kind: 'assign'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'unary'; readonly operator: '-' | '~' | '!'; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
  /** The second is evaluated when the first does not decide. */
  | {
      readonly kind: 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    };

/** What is done. */
export type Statement =
  | { readonly kind: 'expression'; readonly of: Expression }
  | { readonly kind: 'block'; readonly of: readonly Statement[] }
  | {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly yes: Statement;
      readonly no: Statement | undefined;
    }
  /** `first` is whether the condition is looked at before the first turn; `step` ends each turn. */
  | {
      readonly kind: 'loop';
      readonly condition: Expression;
      readonly first: boolean;
      readonly body: Statement;
      readonly step: Expression | undefined;
    }
  | { readonly kind: 'break' | 'continue' | 'return' };

/** A parameter or variable that points to shared memory. */
export interface Pointer {
  readonly name: string;
  /** Of what it points to. */
  readonly type: ValueType;
}

/** A thread. */
export interface Thread {
  readonly parameters: readonly Pointer[];
  /** Local variables that are declared as pointers. */
  readonly pointers: readonly Pointer[];
  /** Names that are declared or assigned, without the parameters. */
  readonly locals: readonly string[];
  readonly body: Statement;
}
