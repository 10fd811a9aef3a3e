/** Suites of parts, each of which can be run alone and has bars of its own. */
import { type Bar, barTable, countBars, isMet } from '../harness/bar.ts';
import type { Bench } from '../harness/bench.ts';
import type { Suite } from './suite.ts';

/** A part's bars, and every figure behind them. */
export interface PartResult {
  readonly bars: readonly Bar[];
  /** Tables of all contenders, those without a bar too. */
  readonly figures?: string;
  readonly data: unknown;
}

/** One part of a suite. */
export interface Part {
  readonly name: string;
  /** What it measures, a few words. */
  readonly subject: string;
  run(bench: Bench): Promise<PartResult>;
}

/** A suite whose result is the table of its parts' bars, and theirs. */
export function suiteOf(name: string, question: string, all: readonly Part[]): Suite {
  return {
    name,
    question,
    parts: all.map((part) => part.name),
    async run(bench, names) {
      const chosen = all.filter((part) => names.length === 0 || names.includes(part.name));
      const bars: Bar[] = [];
      const figures: string[] = [];
      const data: Record<string, unknown> = {};
      for (const part of chosen) {
        bench.options.say(`${part.name}: ${part.subject}`);
        const result = await part.run(bench).catch((error: unknown) => {
          bench.failed(part.name, error);
          return undefined;
        });
        if (result === undefined) continue;
        bars.push(...result.bars);
        if (result.figures !== undefined) figures.push(`### ${part.subject}\n\n${result.figures}`);
        data[part.name] = result.data;
        // What was measured is not lost when something goes wrong later.
        bench.options.say(`\n${barTable(result.bars)}\n`);
      }
      const missed = bars.filter((bar) => isMet(bar) === false).map(({ name }) => `- ${name}`);
      const sections = [
        barTable(bars),
        countBars(bars),
        ...(missed.length > 0 ? [`Missed:\n${missed.join('\n')}`] : []),
        ...figures,
      ];
      return { markdown: sections.join('\n\n'), data: { bars, ...data } };
    },
  };
}
