/** Memory of an idle WebSocket connection: growth of the resident set, after collecting garbage. */
import type { Bench } from '../harness/bench.ts';
import { type Contender, websocket } from '../harness/contenders.ts';
import { BROWSER_OFFER, roleOf, type Timing } from '../harness/load.ts';
import { residentBytes } from '../harness/process.ts';
import { median } from '../harness/statistics.ts';
import { fixed, table } from '../harness/report.ts';
import type { Suite } from './suite.ts';

const CONNECTIONS = 10_000;

/** By number: every receive buffer must have been used, or the first use of some is counted. */
const WARM: Timing = { warmup: 0.1, duration: 4, messages: 30_000 };

/**
 * Connections that come and go before the first reading, and how often. Handshakes leave garbage,
 * and the space that a collector gives to young objects grows with the first thousands and stays:
 * megabytes that do not depend on how many connections there are.
 */
const STORM = 1000;
const STORMS = 5;

/** Bytes per connection, one entry per round. */
export interface IdleMemory {
  readonly contender: string;
  readonly connections: number;
  readonly bytesPerConnection: readonly number[];
}

/**
 * The server has answered some messages before, so that what is loaded and compiled once is in the
 * first figure. The kernel's own memory for sockets is not part of a resident set.
 */
async function measureOnce(
  bench: Bench,
  contender: Contender,
  connections: number,
  deflate: boolean,
): Promise<number> {
  const point = { connections: 200, size: 32, deflate };
  const server = await bench.start(contender, { flags: ['--expose-gc'], role: roleOf(point) });
  try {
    await bench.generator.run(server, point, WARM);
    const how = deflate ? { deflate: BROWSER_OFFER } : {};
    for (let storm = 0; storm < STORMS; storm++) {
      await bench.generator.hold(server, STORM, async () => {}, how);
    }
    await server.ask('gc');
    const before = residentBytes(server.pid);
    const { value: after } = await bench.generator.hold(
      server,
      connections,
      async () => {
        await server.ask('gc');
        return residentBytes(server.pid);
      },
      how,
    );
    return (after - before) / connections;
  } finally {
    await server.stop();
  }
}

/** Measures the contenders in turn, over several rounds; with `deflate`, it is negotiated. */
export async function measureIdle(
  bench: Bench,
  contenders: readonly Contender[],
  rounds: number,
  { deflate = false }: { deflate?: boolean } = {},
): Promise<IdleMemory[]> {
  const connections = bench.options.connections?.at(-1) ?? CONNECTIONS;
  const figures = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const where = `${connections} idle connections on ${contender.name}`;
      bench.options.say(`round ${round + 1}/${rounds}: ${where}`);
      figures[index]?.push(await measureOnce(bench, contender, connections, deflate));
    }
  }
  return contenders.map(({ name }, index) => ({
    contender: name,
    connections,
    bytesPerConnection: figures[index] ?? [],
  }));
}

/** Memory per idle connection. */
export const idleSuite: Suite = {
  name: 'idle',
  question: 'How much of our memory does an idle WebSocket connection take?',
  async run(bench) {
    const { uring, epoll, portable, ws, bun } = websocket;
    const found = await bench.available([uring, epoll, portable, ws, bun]);
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const data = await measureIdle(bench, found, rounds);
    const rows = data.map((idle) => [
      idle.contender,
      String(idle.connections),
      fixed(median(idle.bytesPerConnection), 0),
    ]);
    return { markdown: table(['server', 'connections', 'bytes/connection'], rows), data };
  },
};
