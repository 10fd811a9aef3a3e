/** Rings between threads: every topology, every way of waiting, with real concurrency. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Ring, type Topology } from '../../src/ring/index.ts';
import { Sequence } from './sequence.test.helper.ts';
import type { Role, Seen } from './threads.test.worker.ts';

const COUNT = 5000;
const program = new URL('./threads.test.worker.js', import.meta.url);

function start(role: Role): Worker {
  return new Worker(program, { workerData: role });
}

/** Runs the sides and gives what the consumers saw. */
async function run(options: {
  readonly topology: Topology;
  readonly lossy?: boolean;
  readonly producers: number;
  readonly consumers: number;
  readonly waiting: Role['waiting'];
  readonly publishEvery?: number;
}): Promise<{ seen: Seen[]; lost: number }> {
  const { topology, lossy = false, producers, consumers, waiting, publishEvery = 1 } = options;
  const ring = Ring.create(Sequence, {
    topology,
    lossy,
    slots: 64,
    slabBytes: 1024,
    producers: topology === 'spsc' || topology === 'broadcast' ? 1 : producers + 1,
    consumers: topology === 'spsc' || topology === 'mpsc' ? 1 : consumers,
  });
  const shared = ring.share();
  const role = { shared, count: COUNT, waiting, publishEvery };
  const readers = Array.from({ length: consumers }, () =>
    start({ ...role, role: 'consumer', id: 0 }),
  );
  await Promise.all(readers.map((worker) => once(worker, 'message')));
  const exits = readers.map((worker) => once(worker, 'exit'));
  const results = readers.map(async (worker) => (await once(worker, 'message'))[0] as Seen);
  // A lane that is taken keeps the ring from ending before all producers were there.
  const keeper = producers > 1 ? ring.producer() : undefined;
  const writers = Array.from({ length: producers }, (_, id) =>
    start({ ...role, role: 'producer', id }),
  );
  await Promise.all(writers.map((worker) => once(worker, 'exit')));
  keeper?.close();
  const seen = await Promise.all(results);
  await Promise.all(exits);
  const lost = ring.stats.consumers.reduce((sum, each) => sum + each.lost, 0);
  ring.close();
  return { seen, lost };
}

describe('Ring between threads', () => {
  for (const waiting of ['loop', 'spin', 'sleep'] as const) {
    it(`spsc gives everything once and in order, ${waiting}`, async () => {
      const { seen } = await run({ topology: 'spsc', producers: 1, consumers: 1, waiting });
      assert.deepEqual(seen[0]!.problems, []);
      assert.equal(seen[0]!.received, COUNT);
    });

    it(`mpsc gives everything once and in each producer's order, ${waiting}`, async () => {
      const { seen } = await run({ topology: 'mpsc', producers: 3, consumers: 1, waiting });
      assert.deepEqual(seen[0]!.problems, []);
      assert.deepEqual(seen[0]!.counts, [COUNT, COUNT, COUNT]);
    });

    it(`mpmc gives everything to one consumer each, ${waiting}`, async () => {
      const { seen } = await run({ topology: 'mpmc', producers: 2, consumers: 2, waiting });
      assert.deepEqual(
        seen.flatMap(({ problems }) => problems),
        [],
      );
      const received = seen.reduce((sum, each) => sum + each.received, 0);
      assert.equal(received, 2 * COUNT);
    });

    it(`broadcast gives everything to every consumer, ${waiting}`, async () => {
      const { seen } = await run({ topology: 'broadcast', producers: 1, consumers: 3, waiting });
      for (const { problems, received } of seen) {
        assert.deepEqual(problems, []);
        assert.equal(received, COUNT);
      }
    });

    it(`lossy broadcast counts what it loses, ${waiting}`, async () => {
      const options = { topology: 'broadcast', lossy: true, producers: 1, consumers: 2 } as const;
      const { seen, lost } = await run({ ...options, waiting, publishEvery: 8 });
      assert.deepEqual(
        seen.flatMap(({ problems }) => problems),
        [],
      );
      const received = seen.reduce((sum, each) => sum + each.received, 0);
      assert.equal(received + lost, 2 * COUNT);
    });
  }
});
