/** The bars: what Rondo promises, as ratios taken in one run, at 1,000 connections and 32 bytes. */
import { type Bench, type Comparison, compareRounds, figure } from '../harness/bench.ts';
import { type Contender, tcp, websocket } from '../harness/contenders.ts';
import type { LoadResult, Timing } from '../harness/load.ts';
import { fixed, rate, table } from '../harness/report.ts';
import { median } from '../harness/statistics.ts';
import { measureGarbage } from './garbage.ts';
import { measureIdle } from './idle.ts';
import type { Suite } from './suite.ts';

/** One promise and what was measured. */
export interface Bar {
  readonly name: string;
  readonly target: number;
  /** Whether the measured value must not be above the target, or not below it. */
  readonly direction: 'at most' | 'at least';
  readonly unit: string;
  /** Undefined when it could not be measured. */
  readonly measured: number | undefined;
  /** Least and most over the rounds, and the figures behind a ratio. */
  readonly detail: string;
}

const cpu = (result: LoadResult): number => result.cpu_ns.total;
const user = (result: LoadResult): number => result.cpu_ns.user;
const speed = (result: LoadResult): number => result.rate;

function microseconds(nanoseconds: number): string {
  return `${fixed(nanoseconds / 1000, 2)} µs`;
}

/** A bar that is a ratio of two servers' figures in one of the three runs. */
interface RatioBar {
  readonly run: 'echo' | 'single' | 'many';
  readonly pick: (result: LoadResult) => number;
  readonly name: string;
  readonly servers: readonly [Contender, Contender];
  readonly direction: Bar['direction'];
  readonly target: number;
}

const gateway = websocket.uring;

const TCP_RATIOS: readonly RatioBar[] = [
  {
    name: 'TCP, CPU per message, uring / net',
    run: 'echo',
    pick: cpu,
    servers: [tcp.uring, tcp.net],
    direction: 'at most',
    target: 0.62,
  },
  {
    name: 'TCP, CPU per message, epoll / net',
    run: 'echo',
    pick: cpu,
    servers: [tcp.epoll, tcp.net],
    direction: 'at most',
    target: 0.75,
  },
];

const WEBSOCKET_RATIOS: readonly RatioBar[] = [
  {
    name: 'WebSocket, CPU per message, gateway / ws',
    run: 'single',
    pick: cpu,
    servers: [gateway, websocket.ws],
    direction: 'at most',
    target: 0.6,
  },
  {
    name: 'WebSocket, CPU per message, gateway / Bun',
    run: 'single',
    pick: cpu,
    servers: [gateway, websocket.bun],
    direction: 'at most',
    target: 0.95,
  },
  {
    name: 'WebSocket, 16 in flight, rate, gateway / ws',
    run: 'many',
    pick: speed,
    servers: [gateway, websocket.ws],
    direction: 'at least',
    target: 10,
  },
  {
    name: 'WebSocket, 16 in flight, rate, gateway / Bun',
    run: 'many',
    pick: speed,
    servers: [gateway, websocket.bun],
    direction: 'at least',
    target: 1,
  },
];

function ratioBar(comparison: Comparison, bar: RatioBar): Bar {
  const [server, reference] = bar.servers;
  const ratio = compareRounds(comparison, server.name, reference.name, bar.pick);
  const show = bar.pick === speed ? (value: number): string => `${rate(value)}/s` : microseconds;
  const value = ({ name }: Contender): string => {
    const measured = comparison.measured.find(({ contender }) => contender === name);
    return measured ? show(figure(measured, bar.pick)) : 'not measured';
  };
  const spread = ratio ? `${fixed(ratio.least, 2)}–${fixed(ratio.most, 2)}; ` : '';
  return {
    name: bar.name,
    target: bar.target,
    direction: bar.direction,
    unit: '×',
    measured: ratio?.median,
    detail: `${spread}${value(server)} against ${value(reference)}`,
  };
}

/** Seconds of CPU time below which the sampled split says nothing (100 to 1,000 samples each). */
const LEAST_SAMPLED = 1;

/** Over all rounds together: the split into user and system is sampled, and needs many samples. */
function userBar(comparison: Comparison): Bar {
  const uring = comparison.measured.find(({ contender }) => contender === tcp.uring.name);
  const rounds = uring?.rounds.flatMap((result) => (result ? [result] : [])) ?? [];
  const messages = rounds.reduce((sum, result) => sum + result.messages, 0);
  const seconds = rounds.reduce((sum, result) => sum + cpu(result) * result.messages, 0) / 1e9;
  const time = rounds.reduce((sum, result) => sum + user(result) * result.messages, 0);
  return {
    name: 'TCP, user time of uring',
    target: 300,
    direction: 'at most',
    unit: 'ns',
    measured: seconds >= LEAST_SAMPLED ? time / messages : undefined,
    detail: `per message, over ${messages} messages`,
  };
}

async function memoryBars(bench: Bench): Promise<Bar[]> {
  const [gateway] = await bench.available([websocket.uring]);
  const [idle] = gateway ? await measureIdle(bench, [gateway], 3) : [];
  const garbage = gateway ? await measureGarbage(bench, gateway) : undefined;
  const kibibytes = garbage ? `${fixed(garbage.allocated / 1024, 0)} KiB` : '';
  return [
    {
      name: 'WebSocket, memory of an idle connection',
      target: 1024,
      direction: 'at most',
      unit: 'B',
      measured: idle && median(idle.bytesPerConnection),
      detail: idle ? `${idle.connections} connections` : '',
    },
    {
      name: 'WebSocket, heap allocated per message',
      target: 1,
      direction: 'at most',
      unit: 'B',
      measured: garbage && garbage.allocated / garbage.messages,
      detail: garbage
        ? `${kibibytes} over ${garbage.messages} messages, ${garbage.collections} collections`
        : '',
    },
  ];
}

function verdict(bar: Bar): string {
  if (bar.measured === undefined || Number.isNaN(bar.measured)) return 'not measured';
  const met = bar.direction === 'at most' ? bar.measured <= bar.target : bar.measured >= bar.target;
  return met ? 'met' : 'MISSED';
}

function barTable(bars: readonly Bar[]): string {
  const digits = (unit: string): number => (unit === '×' ? 2 : unit === 'B' ? 2 : 0);
  const rows = bars.map((bar) => [
    bar.name,
    `${bar.direction === 'at most' ? '≤' : '≥'} ${bar.target} ${bar.unit}`,
    `${fixed(bar.measured, digits(bar.unit))} ${bar.unit}`,
    verdict(bar),
    bar.detail,
  ]);
  return table(['bar', 'target', 'measured', '', 'detail'], rows);
}

/** The table that the README shows. */
export const barsSuite: Suite = {
  name: 'bars',
  question: 'Are the promises kept?',
  async run(bench) {
    const { quick, rounds = quick ? 3 : 5 } = bench.options;
    const timing: Timing = { warmup: 0.5, duration: quick ? 0.8 : 2 };
    const one = { connections: 1000, size: 32 };
    const plain = await bench.available([tcp.uring, tcp.epoll, tcp.net]);
    const framed = await bench.available([websocket.uring, websocket.ws, websocket.bun]);
    const echo = await bench.compare(plain, one, timing, rounds);
    const single = await bench.compare(framed, one, timing, rounds);
    const many = await bench.compare(framed, { ...one, inflight: 16 }, timing, rounds);
    const runs = { echo, single, many };
    const bars = [
      ...TCP_RATIOS.map((ratio) => ratioBar(runs[ratio.run], ratio)),
      userBar(echo),
      ...WEBSOCKET_RATIOS.map((ratio) => ratioBar(runs[ratio.run], ratio)),
      ...(await memoryBars(bench)),
    ];
    return { markdown: barTable(bars), data: { bars, echo, single, many } };
  },
};
