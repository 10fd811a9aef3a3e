/** Memory of an idle WebSocket connection: growth of the resident set, after collecting garbage. */
import type { Bench } from '../harness/bench.ts';
import { type Contender, websocket } from '../harness/contenders.ts';
import { residentBytes } from '../harness/process.ts';
import { median } from '../harness/statistics.ts';
import { fixed, table } from '../harness/report.ts';
import type { Suite } from './suite.ts';

const CONNECTIONS = 10_000;

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
): Promise<number> {
  const server = await bench.start(contender, { flags: ['--expose-gc'] });
  try {
    const point = { connections: 200, size: 32 };
    await bench.generator.run(server, point, { warmup: 0.1, duration: 0.4 });
    await server.ask('gc');
    const before = residentBytes(server.pid);
    const after = await bench.generator.hold(server, connections, async () => {
      await server.ask('gc');
      return residentBytes(server.pid);
    });
    return (after - before) / connections;
  } finally {
    await server.stop();
  }
}

/** Measures the contenders in turn, over several rounds. */
export async function measureIdle(
  bench: Bench,
  contenders: readonly Contender[],
  rounds: number,
): Promise<IdleMemory[]> {
  const connections = bench.options.connections?.at(-1) ?? CONNECTIONS;
  const figures = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      const where = `${connections} idle connections on ${contender.name}`;
      bench.options.say(`round ${round + 1}/${rounds}: ${where}`);
      figures[index]?.push(await measureOnce(bench, contender, connections));
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
