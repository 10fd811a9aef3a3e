import type { Bench } from '../harness/bench.ts';

/** What a suite hands back: Markdown for people, and plain data for the file. */
export interface SuiteResult {
  readonly markdown: string;
  readonly data: unknown;
}

/** A section of the benchmark. */
export interface Suite {
  readonly name: string;
  /** The question that it answers, one line. */
  readonly question: string;
  /** What can be run of it alone: the names that may follow its own. @default it is one whole */
  readonly parts?: readonly string[];
  /** `parts` are those to run, all when it is empty. */
  run(bench: Bench, parts: readonly string[]): Promise<SuiteResult>;
}
