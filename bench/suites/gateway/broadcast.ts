/** Broadcast: each of N clients says something and all N hear it; the next round begins then. */
import { type Bar, perSecond, ratioBar, speed } from '../../harness/bar.ts';
import { type Comparison, pointText } from '../../harness/bench.ts';
import type { Timing } from '../../harness/load.ts';
import { comparisonTable } from '../../harness/report.ts';
import { fieldOf, type Part, present } from './peers.ts';

const CONNECTIONS = [40, 1000] as const;
const SIZE = 20;
const TARGET = 1.5;

/** Deliveries a second. */
export const broadcastPart: Part = {
  name: 'broadcast',
  subject: 'deliveries a second, N clients to N',
  async run(bench) {
    const { gateway, bun, ws, uws, socketio } = fieldOf(bench);
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const timing: Timing = { warmup: 0.4, duration: quick ? 0.6 : 1.5 };
    const there = await present(bench, [gateway, bun, uws, ws]);
    const withEvents = await present(bench, [...there, socketio]);
    const bars: Bar[] = [];
    const data: Comparison[] = [];
    for (const deflate of [false, true]) {
      for (const connections of bench.options.connections ?? CONNECTIONS) {
        const size = bench.options.sizes?.[0] ?? SIZE;
        const point = { connections, size, broadcast: true, deflate };
        const field = deflate ? there : withEvents;
        const comparison = await bench.compare(field, point, timing, rounds);
        data.push(comparison);
        const peers = [bun, uws, ws, socketio].filter((peer) => field.includes(peer));
        for (const peer of peers) {
          bars.push(
            ratioBar(comparison, {
              name: `${pointText(point)}, deliveries, / ${peer.name}`,
              servers: [gateway, peer],
              pick: speed,
              show: perSecond,
              direction: 'at least',
              target: TARGET,
            }),
          );
        }
      }
    }
    return { bars, figures: comparisonTable(data, gateway.name), data };
  },
};
