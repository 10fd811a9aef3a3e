/** The bars: what Rondo promises, as ratios taken in one run, at 1,000 connections and 32 bytes. */
import {
  type Bar,
  barTable,
  cpu,
  microseconds,
  perSecond,
  type RatioBar,
  ratioBar,
  speed,
} from '../harness/bar.ts';
import type { Bench, Comparison } from '../harness/bench.ts';
import { tcp, websocket } from '../harness/contenders.ts';
import type { LoadResult, Timing } from '../harness/load.ts';
import { fixed } from '../harness/report.ts';
import { median } from '../harness/statistics.ts';
import { measureGarbage } from './garbage.ts';
import { measureIdle } from './idle.ts';
import type { Suite } from './suite.ts';

const user = (result: LoadResult): number => result.cpu_ns.user;

/** In which of the three runs a ratio is taken. */
interface RunBar extends Omit<RatioBar, 'show'> {
  readonly run: 'echo' | 'single' | 'many';
}

const gateway = websocket.uring;

const TCP_RATIOS: readonly RunBar[] = [
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

const WEBSOCKET_RATIOS: readonly RunBar[] = [
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

function runBar(comparison: Comparison, bar: RunBar): Bar {
  return ratioBar(comparison, { ...bar, show: bar.pick === speed ? perSecond : microseconds });
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
      ...TCP_RATIOS.map((ratio) => runBar(runs[ratio.run], ratio)),
      userBar(echo),
      ...WEBSOCKET_RATIOS.map((ratio) => runBar(runs[ratio.run], ratio)),
      ...(await memoryBars(bench)),
    ];
    return { markdown: barTable(bars), data: { bars, echo, single, many } };
  },
};
