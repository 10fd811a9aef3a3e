/**
 * Closed loop over connections × sizes: TCP on each driver against Node's `net`, WebSocket on each
 * driver against `ws` and Bun.
 */
import { type Bench, type Comparison } from '../harness/bench.ts';
import { type Contender, tcp, websocket } from '../harness/contenders.ts';
import type { Timing } from '../harness/load.ts';
import { comparisonTable } from '../harness/report.ts';
import type { Suite } from './suite.ts';

const CONNECTIONS = [64, 1000, 8000] as const;
const SIZES = [32, 1024, 16_384] as const;

async function matrix(
  bench: Bench,
  contenders: readonly Contender[],
  inflight: number,
): Promise<Comparison[]> {
  const { quick, rounds = quick ? 1 : 3 } = bench.options;
  const timing: Timing = quick ? { warmup: 0.2, duration: 0.4 } : { warmup: 0.3, duration: 0.7 };
  const found = await bench.available(contenders);
  const comparisons: Comparison[] = [];
  for (const connections of bench.options.connections ?? CONNECTIONS) {
    for (const size of bench.options.sizes ?? SIZES) {
      const point = { connections, size, inflight };
      comparisons.push(await bench.compare(found, point, timing, rounds));
    }
  }
  return comparisons;
}

/** TCP echo, one message in flight. */
export const tcpSuite: Suite = {
  name: 'tcp',
  question: 'What does a TCP echo cost on each driver, beside Node’s net?',
  async run(bench) {
    const data = await matrix(bench, [tcp.uring, tcp.epoll, tcp.portable, tcp.net, tcp.c], 1);
    return { markdown: comparisonTable(data, tcp.net.name), data };
  },
};

/** WebSocket echo, one message in flight and sixteen. */
export const websocketSuite: Suite = {
  name: 'websocket',
  question: 'What does a WebSocket echo cost on each driver, beside ws and Bun?',
  async run(bench) {
    const { uring, epoll, portable, ws, bun } = websocket;
    const one = await matrix(bench, [uring, epoll, portable, ws, bun], 1);
    const sixteen = await matrix(bench, [uring, ws, bun], 16);
    const markdown = [
      'One message in flight per connection:',
      comparisonTable(one, ws.name),
      'Sixteen messages in flight per connection:',
      comparisonTable(sixteen, ws.name),
    ].join('\n\n');
    return { markdown, data: { one, sixteen } };
  },
};
