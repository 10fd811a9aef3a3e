/**
 * Open loop: messages have intended times, and latency counts from them, so that a server that
 * stalls cannot hide it by being asked less. All contenders get the same rate, one that the slowest
 * of them holds.
 */
import { type Bench, type Comparison, figure } from '../harness/bench.ts';
import { type Contender, tcp, websocket } from '../harness/contenders.ts';
import type { Point } from '../harness/load.ts';
import { cell, rate, table } from '../harness/report.ts';
import type { Suite } from './suite.ts';

/** Share of the slowest contender's closed-loop rate. */
const SHARE = 0.5;

async function atSameRate(bench: Bench, contenders: readonly Contender[]): Promise<Comparison> {
  const { quick, rounds = quick ? 1 : 3 } = bench.options;
  const connections = bench.options.connections?.[0] ?? 1000;
  const size = bench.options.sizes?.[0] ?? 32;
  const found = await bench.available(contenders);
  const point: Point = { connections, size };
  const closed = await bench.compare(found, point, { warmup: 0.3, duration: 0.7 }, 1);
  const rates = closed.measured.map((measured) => figure(measured, (result) => result.rate));
  const slowest = Math.min(...rates.filter((value) => Number.isFinite(value)));
  const open = { ...point, rate: Math.max(1000, Math.floor((slowest * SHARE) / 1000) * 1000) };
  return bench.compare(found, open, { warmup: 0.5, duration: quick ? 1 : 3 }, rounds);
}

function rows(comparison: Comparison): string[][] {
  const { rate: intended = 0 } = comparison.point;
  return comparison.measured.map((measured) => {
    const sent = figure(measured, (result) => result.rate);
    const late = figure(measured, (result) => result.skipped);
    return [
      comparison.protocol,
      measured.contender,
      rate(intended),
      rate(sent),
      cell(measured, 0, (result) => result.latency_us.p50),
      cell(measured, 0, (result) => result.latency_us.p99),
      cell(measured, 0, (result) => result.latency_us.p999),
      cell(measured, 0, (result) => result.latency_us.max),
      cell(measured, 2, (result) => result.cpu_ns.total / 1000),
      late > 0 || sent < intended * 0.98 ? 'overloaded' : '',
    ];
  });
}

/** Latency at one rate that all hold. */
export const latencySuite: Suite = {
  name: 'latency',
  question: 'How long does an answer take at a rate that every server holds?',
  async run(bench) {
    const plain = await atSameRate(bench, [tcp.uring, tcp.epoll, tcp.net]);
    const framed = await atSameRate(bench, [websocket.uring, websocket.ws, websocket.bun]);
    const head = ['protocol', 'server', 'intended/s', 'answered/s', 'p50 µs', 'p99 µs'];
    const columns = [...head, 'p99.9 µs', 'max µs', 'CPU µs/message', ''];
    return {
      markdown: table(columns, [...rows(plain), ...rows(framed)]),
      data: { tcp: plain, websocket: framed },
    };
  },
};
