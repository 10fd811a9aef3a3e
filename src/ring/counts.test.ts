/** How many atomic operations a message costs: the model of a ring's throughput in JavaScript. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Topology } from './layout.ts';
import { Tick } from './ring.test.helper.ts';
import { type CreateOptions, Ring } from './ring.ts';

const NAMES = ['load', 'store', 'exchange', 'compareExchange', 'add', 'notify'] as const;

/** Runs `work` and counts the calls of Atomics that it makes. */
function countCalls(work: () => void): number {
  const door = Atomics as unknown as Record<string, (...args: unknown[]) => unknown>;
  const saved = NAMES.map((name) => [name, door[name]!] as const);
  let calls = 0;
  for (const [name, original] of saved) {
    door[name] = (...args) => {
      calls += 1;
      return original(...args);
    };
  }
  try {
    work();
  } finally {
    for (const [name, original] of saved) door[name] = original;
  }
  return calls;
}

/** Calls for pushing and for popping 64 messages, publishing every `publishEvery`. */
function costs(options: CreateOptions, publishEvery: number): { push: number; pop: number } {
  const ring = Ring.create(Tick, { slots: 1024, ...options });
  const consumer = ring.consumer();
  const producer = ring.producer({ publishEvery });
  // What is done once: a gated consumer is let in.
  producer.tryPush({ id: 0, price: 1 });
  producer.flush();
  consumer.tryPop();
  const push = countCalls(() => {
    for (let id = 0; id < 64; id++) producer.tryPush({ id, price: 1 });
  });
  const pop = countCalls(() => {
    consumer.forEach(64, () => undefined);
  });
  ring.close();
  return { push, pop };
}

describe('Ring, atomic operations for 64 messages', () => {
  const expected: readonly [Topology, boolean, number, number, number][] = [
    // topology, lossy, published each, published every 64, popped as one batch
    ['spsc', false, 128, 2, 3],
    ['mpmc', false, 128, 2, 4],
    ['broadcast', false, 192, 3, 3],
    ['spsc', true, 256, 4, 7],
    ['broadcast', true, 256, 4, 7],
  ];
  for (const [topology, lossy, each, batched, popped] of expected) {
    const name = `${lossy ? 'lossy ' : ''}${topology}`;
    it(`${name}: ${each} when each is published, ${batched} in one batch, ${popped} to pop`, () => {
      const options = { topology, lossy, producers: 1, consumers: 1 };
      assert.equal(costs(options, 1).push, each);
      assert.deepEqual(costs(options, 64), { push: batched, pop: popped });
    });
  }
});
