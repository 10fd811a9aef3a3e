/** A million timers: setting, stopping and firing them. */
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Part } from '../parts.ts';
import { cellOf, figureBar, named, type Runner, takeTurns } from '../ring/part.ts';
import { pick, roundsOf, run } from './runs.ts';

const MILLION = 1_000_000;
const MOST = 200;
const WHEEL = 'Rondo’s wheel';
const STEPS = ['insert', 'cancel', 'fire'] as const;

function runnersOf(bench: Bench): Runner[] {
  const runner = (title: string, name: string): Runner => ({
    name: title,
    run: async () => run(bench, 'timers', [name], { count: MILLION }),
  });
  return [runner(WHEEL, 'wheel'), runner('Node’s setTimeout', 'node')];
}

/** See the head of this file. */
export const timersPart: Part = {
  name: 'timers',
  subject: 'a million timers over a minute: ns of CPU time for one',
  async run(bench) {
    const found = await takeTurns(bench, 'timers', runnersOf(bench), roundsOf(bench));
    const wheel = named(found, WHEEL);
    const bars = STEPS.map((step) =>
      figureBar(
        { name: `a million timers, ${step}`, target: MOST, direction: 'at most', unit: 'ns' },
        wheel,
        pick(step),
      ),
    );
    const rows = found.map((rounds) => [
      rounds.name,
      ...STEPS.map((step) =>
        cellOf(rounds, pick(step), (value) => fixed(value, 0)).replace('failed', '–'),
      ),
    ]);
    return { bars, figures: table(['timers', ...STEPS], rows), data: found };
  },
};
