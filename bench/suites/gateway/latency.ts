/** Open loop at one rate for all: 70 % of what the slowest peer can do. */
import { type Bar, ratioBar } from '../../harness/bar.ts';
import { figure } from '../../harness/bench.ts';
import type { Point } from '../../harness/load.ts';
import { comparisonTable, fixed, wholeThousands } from '../../harness/report.ts';
import { fieldOf, type Part, present } from './peers.ts';

const SHARE = 0.7;
const CONNECTIONS = 1000;
const SIZE = 20;

/** The 99th percentile, from the intended time of each message. */
export const latencyPart: Part = {
  name: 'latency',
  subject: 'p99 at 70 % of the slowest peer’s peak',
  async run(bench) {
    const { gateway, bun, ws, uws } = fieldOf(bench);
    const { quick, rounds = quick ? 1 : 5 } = bench.options;
    const there = await present(bench, [gateway, bun, uws, ws]);
    const point: Point = {
      connections: bench.options.connections?.[0] ?? CONNECTIONS,
      size: bench.options.sizes?.[0] ?? SIZE,
    };
    const closed = await bench.compare(there, point, { warmup: 0.3, duration: 0.7 }, quick ? 1 : 3);
    const peaks = closed.measured
      .filter(({ contender }) => contender !== gateway.name)
      .map((measured) => figure(measured, (result) => result.rate));
    const slowest = Math.min(...peaks.filter((value) => Number.isFinite(value)));
    const intended = Math.max(1000, wholeThousands(slowest * SHARE));
    const open = await bench.compare(
      there,
      { ...point, rate: intended },
      { warmup: 0.5, duration: quick ? 1 : 2 },
      rounds,
    );
    const bars = [bun, uws, ws]
      .filter((peer) => there.includes(peer))
      .map((peer): Bar => {
        const bar = ratioBar(open, {
          name: `p99 at ${intended / 1000} k/s, ${point.connections} connections, / ${peer.name}`,
          servers: [gateway, peer],
          pick: (result) => result.latency_us.p99,
          show: (value) => `${fixed(value, 0)} µs`,
          direction: 'at most',
          target: 1,
        });
        const late = open.measured.some(({ contender, rounds: results }) =>
          results.some((result) => {
            const counts = contender === peer.name || contender === gateway.name;
            return counts && result !== undefined && result.rate < intended * 0.98;
          }),
        );
        return late ? { ...bar, detail: `${bar.detail}; the rate was not held` } : bar;
      });
    return { bars, figures: comparisonTable([open], gateway.name), data: { closed, open } };
  },
};
