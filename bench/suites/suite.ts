import type { Bench } from '../harness/bench.ts';

/** What a suite hands back: Markdown for people, and plain data for the file. */
export interface SuiteResult {
  readonly markdown: string;
  readonly data: unknown;
}

/** A part of the benchmark. */
export interface Suite {
  readonly name: string;
  /** The question that it answers, one line. */
  readonly question: string;
  run(bench: Bench): Promise<SuiteResult>;
}
