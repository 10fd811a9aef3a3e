/** What `rondo check` and the thread that checks tell each other. */
import type { CheckOptions, ModelName } from '../checker/index.ts';
import { UsageError } from './flags.ts';

/** What is to be checked, and how. */
export interface CheckOrder {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Instead of the models that tests name themselves. */
  readonly models: readonly ModelName[] | undefined;
  /** Instead of what tests say themselves. */
  readonly options: CheckOptions;
  /** Threads that explore. */
  readonly workers: number;
  /** Of an execution that is carried out again; nothing else is. */
  readonly token: string | undefined;
  /** Part of the names of tests that are checked. */
  readonly only: string | undefined;
  /** Folders that files for each failure go to. */
  readonly folders: Readonly<Partial<Record<'page' | 'litmus' | 'dot' | 'cache', string>>>;
  /** Columns of the terminal. */
  readonly width: number;
  readonly hasColors: boolean;
}

/** How one test went. */
export type Verdict = 'passed' | 'bounded' | 'failed';

/** One test that was checked, under one model. */
export interface CheckedTest {
  readonly file: string;
  readonly name: string;
  readonly model: string;
  readonly verdict: Verdict;
  /** How much was explored; or what kept it from being checked. */
  readonly coverage: string;
  /** The report of a failure. */
  readonly text: string | undefined;
  /** Files that were written. */
  readonly written: readonly string[];
  /** For `--json`. */
  readonly data: unknown;
}

/** What the thread says. */
export type CheckMessage =
  | { readonly kind: 'progress'; readonly name: string; readonly text: string }
  /** A test begins, which may be told of no more, as it may not come to an end. */
  | { readonly kind: 'begin'; readonly name: string }
  | { readonly kind: 'test'; readonly test: CheckedTest }
  /** A file that cannot be loaded, or has no tests. */
  | { readonly kind: 'fault'; readonly message: string; readonly isMistake: boolean }
  /** Nothing more comes; `left` tests were not begun. */
  | { readonly kind: 'end'; readonly left: number };

/** `what` has to do with another model. */
export function preemptionsError(what: string): UsageError {
  return new UsageError(
    `--preemptions has no meaning with ${what}: only under sc one thing is done after another; ` +
      'use --model sc',
  );
}
