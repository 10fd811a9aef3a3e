/**
 * What a structure's checker test consists of. The same list is run three times: by `npm test`
 * under the models of JavaScript, through the door of `#atomics` with the orders that sources name,
 * and against mutants of the sources that it covers.
 */
import type { ModelName, TestBody } from '../../../src/checker/check/index.ts';

/** One checked test of a structure. */
export interface Structure {
  readonly name: string;
  /** Compiled sources that it is about, from `src/` on: their mutants must not survive it. */
  readonly covers: readonly string[];
  /** Models of `npm test`; what is too slow under the axioms of one is left to the others. */
  readonly models: readonly ModelName[];
  /** What it must come to. @default 'holds' */
  readonly verdict?: Verdict;
  /**
   * What it comes to under RC11 when each function of `#atomics` has the order that its name says:
   * `holds`, or why it needs more. Not run that way when left out.
   */
  readonly named?: Verdict;
  /** Whether a data race is a failure; copies that are validated afterwards race. @default 'fail' */
  readonly races?: 'fail' | 'allow';
  /** Executions at most; when there are more, the test says BOUNDED. @default all */
  readonly executions?: number;
  readonly body: TestBody;
}

/** What a check comes to: that it holds, or the kind of failure and why that is so. */
export type Verdict =
  | 'holds'
  | { readonly fails: 'error' | 'race' | 'deadlock' | 'livelock'; readonly because: string };

/** Models under which everything is quick: executions are judged as they grow. */
export const QUICK: readonly ModelName[] = ['sc', 'x86-tso'];
/** The specification, and what V8 makes of it on arm64, too. */
export const JAVASCRIPT: readonly ModelName[] = ['sc', 'es', 'v8-arm64'];
