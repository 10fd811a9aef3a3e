/** A TCP proxy in front of an echo server: bytes that a second of its CPU time carries. */
import type { Bar } from '../../harness/bar.ts';
import { type Bench, type Comparison, compareRounds, figure } from '../../harness/bench.ts';
import { type Contender, tcp } from '../../harness/contenders.ts';
import { flags, type LoadResult, type Point, Server } from '../../harness/load.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Part } from '../parts.ts';
import { roundsOf, script } from './runs.ts';

const AHEAD = 1.8;

/** Full buffers, and single small messages. The bar is on the first. */
const POINTS: readonly Point[] = [
  { connections: 16, size: 16_384, inflight: 16 },
  { connections: 64, size: 1024 },
];

function contenders(bench: Bench): Contender[] {
  const proxy = (name: string, kind: string, driver?: string): Contender => ({
    name,
    protocol: 'tcp',
    command: (_root, { extra = [] }) => {
      const { file, arguments: argv } = script(bench, 'proxy', [kind], { driver });
      return { file, arguments: [...argv, ...extra] };
    },
  });
  return [
    proxy('Rondo, io_uring', 'rondo', 'uring'),
    proxy('Rondo, epoll', 'rondo', 'epoll'),
    proxy('Node, pipeline', 'node'),
  ];
}

/** Megabytes carried in a second of CPU time; each message goes there and back. */
function megabytes(point: Point): (result: LoadResult) => number {
  return ({ cpu_ns: { total } }) => (2 * point.size * 1e3) / total;
}

const show = (value: number): string => `${fixed(value, 0)} MB/s`;

/** All proxies at one point, before the same echo server, which runs on the generator's core. */
async function measure(
  bench: Bench,
  proxies: readonly Contender[],
  point: Point,
): Promise<Comparison> {
  const { pinning, options } = bench;
  const other = 'reason' in pinning ? pinning : { ...pinning, server: pinning.generator };
  const echo = await Server.start(options.root, other, tcp.c);
  try {
    const timing = { warmup: options.quick ? 0.5 : 1, duration: options.quick ? 0.7 : 2 };
    return await bench.compare(proxies, point, timing, roundsOf(bench), {
      settings: () => ({ extra: flags({ upstream: echo.port }) }),
    });
  } finally {
    await echo.stop();
  }
}

function barOf(comparison: Comparison): Bar {
  const { point, measured } = comparison;
  const pick = megabytes(point);
  const [ours, theirs] = ['Rondo, io_uring', 'Node, pipeline'];
  const ratio = compareRounds(comparison, ours, theirs, pick);
  const value = (name: string): string => {
    const found = measured.find(({ contender }) => contender === name);
    return found === undefined ? 'not measured' : show(figure(found, pick));
  };
  const spread = ratio ? `${fixed(ratio.least, 2)}–${fixed(ratio.most, 2)}; ` : '';
  return {
    name: 'TCP proxy, bytes a CPU second, times Node’s pipeline',
    target: AHEAD,
    direction: 'at least',
    unit: '×',
    measured: ratio?.median,
    detail: `${spread}${value(ours)} against ${value(theirs)}`,
  };
}

function rowsOf({ point, measured }: Comparison): string[][] {
  return measured.map((found) => [
    `${point.connections} × ${point.size} B, ${point.inflight ?? 1} in flight`,
    found.contender,
    show(figure(found, megabytes(point))),
    show(figure(found, ({ rate }) => (2 * point.size * rate) / 1e6)),
    fixed(
      figure(found, ({ server }) => server.busy),
      2,
    ),
  ]);
}

/** See the head of this file. */
export const proxyPart: Part = {
  name: 'proxy',
  subject: 'a TCP proxy: bytes that a second of its CPU time carries',
  async run(bench) {
    const comparisons: Comparison[] = [];
    const proxies = await bench.available(contenders(bench));
    for (const point of POINTS) comparisons.push(await measure(bench, proxies, point));
    const head = ['load', 'proxy', 'a CPU second', 'a second', 'busy'];
    return {
      bars: [barOf(comparisons[0]!)],
      figures: table(head, comparisons.flatMap(rowsOf)),
      data: comparisons,
    };
  },
};
