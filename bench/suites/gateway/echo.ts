/** Echo: what a message costs with one in flight, and how many a second with sixteen. */
import {
  type Bar,
  cpu,
  microseconds,
  perSecond,
  type RatioBar,
  ratioBar,
  speed,
} from '../../harness/bar.ts';
import { type Bench, type Comparison, figure, pointText } from '../../harness/bench.ts';
import type { Contender } from '../../harness/contenders.ts';
import type { Timing } from '../../harness/load.ts';
import { comparisonTable } from '../../harness/report.ts';
import { absentBar, fieldOf, type Part, present } from './peers.ts';

const CONNECTIONS = [64, 1000, 8000] as const;
const SIZES = [20, 1024, 16_384] as const;
/** From so many connections on the gateway must be better than each peer, below as good. */
const MANY_CONNECTIONS = 1000;
/** How much of the best peer's CPU time it may take below. */
const AS_GOOD = 1.03;
/** Socket.IO is shown where its users are: small messages, no compression. */
const SOCKETIO_SIZE = 1024;

type Against = readonly (readonly [peer: Contender, target: number])[];

/** The bars of one comparison against each peer; peers that are not there get none. */
function against(
  comparison: Comparison,
  gateway: Contender,
  peers: Against,
  bar: Pick<RatioBar, 'pick' | 'show' | 'direction'> & { readonly title: string },
): Bar[] {
  const there = new Set(comparison.measured.map(({ contender }) => contender));
  return peers
    .filter(([peer]) => there.has(peer.name))
    .map(([peer, target]) => {
      const name = `${bar.title}, / ${peer.name}`;
      return ratioBar(comparison, { ...bar, name, target, servers: [gateway, peer] });
    });
}

/** The bar against whichever peer takes the least CPU time. */
function againstBest(
  comparison: Comparison,
  gateway: Contender,
  peers: readonly Contender[],
  title: string,
): Bar[] {
  const cost = ({ name }: Contender): number => {
    const measured = comparison.measured.find(({ contender }) => contender === name);
    return measured ? figure(measured, cpu) : Number.NaN;
  };
  const [best] = peers
    .filter((peer) => !Number.isNaN(cost(peer)))
    .sort((a, b) => cost(a) - cost(b));
  if (!best) return [];
  return [
    ratioBar(comparison, {
      name: `${title}, / best (${best.name})`,
      servers: [gateway, best],
      pick: cpu,
      show: microseconds,
      direction: 'at most',
      target: AS_GOOD,
    }),
  ];
}

/** Who answered without compressing: allowed, where the message would not become shorter. */
function uncompressed(comparison: Comparison): string {
  const names = comparison.measured
    .filter(({ rounds }) => rounds.some((result) => result?.packed === 0))
    .map(({ contender }) => contender);
  return names.length > 0 ? `; answers not compressed: ${names.join(', ')}` : '';
}

function absent(
  bench: Bench,
  there: readonly Contender[],
  peers: Against,
  title: string,
  direction: Bar['direction'],
): Bar[] {
  return peers
    .filter(([peer]) => !there.includes(peer))
    .map(([peer, target]) =>
      absentBar(bench, peer, { name: `${title}, / ${peer.name}`, target, direction }),
    );
}

/** One message in flight, every number of connections, every size, without deflate and with. */
export const echoPart: Part = {
  name: 'echo',
  subject: 'CPU time per message, one in flight',
  async run(bench) {
    const { gateway, bun, ws, uws, socketio } = fieldOf(bench);
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const timing: Timing = quick ? { warmup: 0.2, duration: 0.4 } : { warmup: 0.3, duration: 0.7 };
    const targets: Against = [
      [bun, 0.9],
      [uws, 0.8],
      [ws, 0.55],
    ];
    const there = await present(bench, [gateway, bun, uws, ws]);
    const withEvents = await present(bench, [...there, socketio]);
    const bars: Bar[] = [];
    const data: Comparison[] = [];
    for (const deflate of [false, true]) {
      for (const connections of bench.options.connections ?? CONNECTIONS) {
        for (const size of bench.options.sizes ?? SIZES) {
          const events = connections === MANY_CONNECTIONS && size <= SOCKETIO_SIZE && !deflate;
          const point = { connections, size, deflate };
          const field = events ? withEvents : there;
          const comparison = await bench.compare(field, point, timing, rounds);
          data.push(comparison);
          const title = `echo, ${pointText(point)}, CPU`;
          const how = { title, pick: cpu, show: microseconds, direction: 'at most' } as const;
          const found =
            connections < MANY_CONNECTIONS
              ? againstBest(comparison, gateway, [bun, uws, ws], title)
              : against(comparison, gateway, targets, how);
          const note = deflate ? uncompressed(comparison) : '';
          bars.push(...found.map((bar) => ({ ...bar, detail: bar.detail + note })));
        }
      }
    }
    bars.push(...absent(bench, there, targets, 'echo, one in flight, CPU', 'at most'));
    return { bars, figures: comparisonTable(data, gateway.name), data };
  },
};

/** Sixteen messages in flight on each connection. */
export const ratePart: Part = {
  name: 'rate',
  subject: 'messages a second, sixteen in flight',
  async run(bench) {
    const { gateway, bun, ws, uws } = fieldOf(bench);
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const timing: Timing = { warmup: 0.4, duration: quick ? 0.5 : 1.5 };
    const targets: Against = [
      [bun, 1.2],
      [uws, 2],
      [ws, 15],
    ];
    const there = await present(bench, [gateway, bun, uws, ws]);
    const bars: Bar[] = [];
    const data: Comparison[] = [];
    for (const connections of bench.options.connections ?? CONNECTIONS) {
      const point = { connections, size: bench.options.sizes?.[0] ?? SIZES[0], inflight: 16 };
      const comparison = await bench.compare(there, point, timing, rounds);
      data.push(comparison);
      const title = `echo, ${pointText(point)}, rate`;
      const how = { title, pick: speed, show: perSecond, direction: 'at least' } as const;
      bars.push(...against(comparison, gateway, targets, how));
    }
    bars.push(...absent(bench, there, targets, 'echo, 16 in flight, rate', 'at least'));
    return { bars, figures: comparisonTable(data, gateway.name), data };
  },
};
