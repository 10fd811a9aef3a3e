/** Everything that the gateway promises against its peers, in one run. */
import { type Bar, barTable, countBars, isMet } from '../../harness/bar.ts';
import type { Suite } from '../suite.ts';
import { attacksPart } from './attacks.ts';
import { broadcastPart } from './broadcast.ts';
import { echoPart, ratePart } from './echo.ts';
import { latencyPart } from './latency.ts';
import { connectionsPart, heapPart, memoryPart } from './memory.ts';
import type { Part } from './peers.ts';

const PARTS: readonly Part[] = [
  echoPart,
  ratePart,
  broadcastPart,
  latencyPart,
  memoryPart,
  connectionsPart,
  heapPart,
  attacksPart,
];

/** The table of the gateway's bars; each part can be run alone. */
export const gatewaySuite: Suite = {
  name: 'gateway',
  question: 'Does the gateway keep its promises against ws, Bun and the others?',
  parts: PARTS.map(({ name }) => name),
  async run(bench, names) {
    const chosen = PARTS.filter(({ name }) => names.length === 0 || names.includes(name));
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
