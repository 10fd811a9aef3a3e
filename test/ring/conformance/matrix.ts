/**
 * The matrix of languages, topologies and ways of waiting. Its test files take some 20 s each, so
 * that they can run side by side within the time that one file has.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Topology } from '../../../src/ring/index.ts';
import { Fleet, type Said } from './fleet.ts';
import { type Language, LANGUAGES, missing } from './peers.ts';

/** Messages of each producer: they go around the slots many times. */
const COUNT = 200;
const SLOTS = 16;
const SLAB = 2048;
const BATCH = 4;

/** How a ring of the matrix is used. */
export interface Scenario {
  readonly topology: Topology;
  readonly lossy: boolean;
  readonly wait: 'spin' | 'sleep';
  readonly producers: readonly Language[];
  readonly consumers: readonly Language[];
}

/** Every pair of languages, the same one twice included. */
export function pairs(): readonly (readonly [Language, Language])[] {
  return LANGUAGES.flatMap((one) => LANGUAGES.map((other) => [one, other] as const));
}

/** Rings whose producers wait, with both ways of waiting. */
export const GATED: readonly Pick<Scenario, 'lossy' | 'wait'>[] = [
  { lossy: false, wait: 'spin' },
  { lossy: false, wait: 'sleep' },
];

/** Rings whose producers overwrite. */
export const LOSSY: readonly Pick<Scenario, 'lossy' | 'wait'>[] = [
  { lossy: true, wait: 'spin' },
  { lossy: true, wait: 'sleep' },
];

/** Runs a test on a fleet of programs, which ends with it. */
export function onFleet(
  name: string,
  languages: readonly Language[],
  body: (fleet: Fleet) => Promise<void>,
): void {
  test(name, { skip: missing(...languages) }, async () => {
    const fleet = new Fleet();
    let left: readonly string[] = [];
    try {
      await body(fleet);
    } finally {
      left = await fleet.close();
    }
    assert.deepEqual(left, [], 'the directory of the names is empty at the end');
  });
}

/** One test: producers of these languages, consumers of those. */
export function testScenario(scenario: Scenario): void {
  const { topology, lossy, wait, producers, consumers } = scenario;
  const kind = `${topology}, ${lossy ? 'lossy' : 'gated'}, ${wait}`;
  onFleet(
    `${kind}: ${producers.join(' + ')} to ${consumers.join(' + ')}`,
    [...producers, ...consumers],
    (fleet) =>
      producers.length + consumers.length === 2 ? two(fleet, scenario) : many(fleet, scenario),
  );
}

function shapeOf({ topology, lossy, producers, consumers }: Scenario): string {
  return [topology, Number(lossy), producers.length, consumers.length, SLOTS, SLAB].join(',');
}

/** One of each: who makes the ring alternates with the way of waiting. */
async function two(fleet: Fleet, scenario: Scenario): Promise<void> {
  const { wait, producers, consumers } = scenario;
  const create = shapeOf(scenario);
  const producer = { count: COUNT, id: 7, peers: 1, batch: BATCH, wait };
  const consumer = { batch: BATCH, wait };
  const producerMakes = wait === 'spin';
  fleet.start(producers[0]!, 'producer', producerMakes ? { ...producer, create } : producer);
  fleet.start(consumers[0]!, 'consumer', producerMakes ? consumer : { ...consumer, create });
  check(scenario, await fleet.settle());
}

/** Several of one side at least. Consumers come when all producers are there and wait for them. */
async function many(fleet: Fleet, scenario: Scenario): Promise<void> {
  const { wait, producers, consumers, lossy, topology } = scenario;
  const common = { count: COUNT, peers: consumers.length, batch: BATCH, wait };
  for (const [id, language] of producers.entries()) {
    const create = id === 0 ? { create: shapeOf(scenario) } : {};
    fleet.start(language, 'producer', { ...common, ...create, id });
  }
  const ring = await fleet.observe();
  await fleet.producers(ring, producers.length);
  for (const language of consumers) fleet.start(language, 'consumer', { batch: BATCH, wait });
  const said = await fleet.settle();
  assert.notEqual(ring.state, 'poisoned', 'nobody has found a lie');
  assert.ok(ring.stats.lanes.every(({ state, tail }) => state === 'closed' && tail === COUNT));
  const lost = ring.stats.consumers.reduce((sum, consumer) => sum + consumer.lost, 0);
  if (topology === 'broadcast' || !lossy) check(scenario, said);
  // Consumers that share cursors share the count of what they lost.
  else checkSum(scenario, said, lost);
}

function check({ producers, consumers, topology, lossy }: Scenario, said: readonly Said[]): void {
  const sent = producers.length * COUNT;
  for (const one of said.slice(0, producers.length)) assert.equal(one['sent'], COUNT);
  const counts = said.slice(producers.length);
  assert.equal(counts.length, consumers.length);
  if (topology !== 'broadcast') {
    const received = counts.reduce((sum, one) => sum + one['received']! + one['lost']!, 0);
    assert.equal(received, sent, 'every message was received or lost');
    return;
  }
  for (const { received, lost } of counts) {
    // A consumer that has just joined a lossy ring begins at what is the newest then.
    if (lossy) assert.ok(received! + lost! <= sent);
    else assert.deepEqual({ received, lost }, { received: sent, lost: 0 });
  }
}

function checkSum({ producers }: Scenario, said: readonly Said[], lost: number): void {
  const counts = said.slice(producers.length);
  const received = counts.reduce((sum, one) => sum + one['received']!, 0);
  assert.equal(received + lost, producers.length * COUNT, 'every message was received or lost');
}

/** Two producers of one language, then one of each. */
export function testManyToOne(kinds: readonly Pick<Scenario, 'lossy' | 'wait'>[]): void {
  for (const kind of kinds) {
    for (const [one, consumer] of pairs()) {
      testScenario({ ...kind, topology: 'mpsc', producers: [one, one], consumers: [consumer] });
    }
    for (const consumer of LANGUAGES) {
      testScenario({ ...kind, topology: 'mpsc', producers: LANGUAGES, consumers: [consumer] });
    }
  }
}

/** One producer and two consumers, two languages on both sides, all on both sides. */
export function testManyToMany(kinds: readonly Pick<Scenario, 'lossy' | 'wait'>[]): void {
  for (const kind of kinds) {
    for (const [one, other] of pairs()) {
      testScenario({ ...kind, topology: 'mpmc', producers: [one], consumers: [other, other] });
      if (one >= other) continue;
      const both = [one, other];
      testScenario({ ...kind, topology: 'mpmc', producers: both, consumers: both });
    }
    testScenario({ ...kind, topology: 'mpmc', producers: LANGUAGES, consumers: LANGUAGES });
  }
}
