/**
 * More connections than the process may have descriptors. Direct descriptors belong to a ring, and
 * their table is limited per ring: two rings in one process hold what no process otherwise can.
 */
import { figure } from '../harness/bench.ts';
import { tcp } from '../harness/contenders.ts';
import { flags } from '../harness/load.ts';
import { cell, rate, table } from '../harness/report.ts';
import type { Suite } from './suite.ts';

const CONNECTIONS = 24_000;
const PER_RING = 16_384;

/** Wants more connections than RLIMIT_NOFILE lets a process have. */
export const mostSuite: Suite = {
  name: 'most',
  question: 'How many connections does one process hold, and how many descriptors do they cost?',
  async run(bench) {
    const connections = bench.options.connections?.at(-1) ?? CONNECTIONS;
    const size = bench.options.sizes?.[0] ?? 32;
    const rings = Math.ceil(connections / PER_RING) + (connections % PER_RING === 0 ? 1 : 0);
    const found = await bench.available([tcp.uring, tcp.epoll, tcp.net]);
    const comparison = await bench.compare(
      found,
      { connections, size },
      { warmup: 1, duration: bench.options.quick ? 0.5 : 1.5, connectTimeout: 8 },
      bench.options.rounds ?? 1,
      {
        partial: true,
        settings: ({ name }) => ({
          extra: flags({
            connections: name === 'uring' ? PER_RING : connections,
            rings: name === 'uring' ? rings : 1,
          }),
        }),
      },
    );
    const rows = comparison.measured.map((measured) => [
      measured.contender + (measured.contender === 'uring' ? ` (${rings} rings)` : ''),
      String(connections),
      cell(measured, 0, (result) => result.connections.established),
      cell(measured, 0, (result) => result.connections.answered),
      cell(measured, 0, (result) => result.server.descriptors),
      rate(figure(measured, (result) => result.rate)),
      cell(measured, 2, (result) => result.cpu_ns.total / 1000),
    ]);
    const head = ['server', 'wanted', 'served', 'answering', 'descriptors', 'messages/s'];
    return { markdown: table([...head, 'CPU µs/message'], rows), data: comparison };
  },
};
