/** A side is stopped in the middle of its steps: it is slow, not dead. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Ring } from '../../../src/ring/index.ts';
import type { StepRing } from './actor.ts';
import { type Language, missing } from './library.ts';
import { Step, stepOf } from './message.ts';
import { SideProcess } from './side-process.ts';

/** Several times what a dead peer is noticed in. */
const WHILE = 200;

/** Stops a process, and returns when it is. */
async function stop(side: SideProcess): Promise<void> {
  side.signal('SIGSTOP');
  while (!/\) T /.test(readFileSync(`/proc/${side.pid}/stat`, 'utf8'))) await delay(1);
}

/** Runs a test with a side beside a ring, and ends both whatever happens. */
async function beside(
  language: Language,
  body: (ring: StepRing, side: SideProcess) => Promise<void>,
): Promise<void> {
  const ring = Ring.create(Step, { slots: 4, slabBytes: 64, between: 'processes' });
  const side = new SideProcess(language, ring.descriptor);
  try {
    await body(ring, side);
    await side.run('leave');
    assert.equal(await side.end(), false);
  } finally {
    side.signal('SIGKILL');
    ring.close();
  }
}

async function stopProducer(ring: StepRing, side: SideProcess): Promise<void> {
  const consumer = ring.consumer();
  await side.run('fd:3 producer:4 as:1');
  await side.run('push:2 half');
  await stop(side);
  assert.deepEqual(consumer.popAll(), [stepOf(1, 0), stepOf(1, 1)]);
  assert.equal(consumer.waitBlocking(WHILE), 'timeout');
  assert.equal(ring.peers.producers[0]?.alive, true);
  assert.throws(() => ring.producer(), { code: 'ERR_RING_ROLE_TAKEN' });
  const woken = consumer.ready();
  side.signal('SIGCONT');
  await side.run('whole');
  assert.equal(await woken, 'ready');
  assert.deepEqual(consumer.popAll(), [stepOf(1, 2)]);
}

async function stopConsumer(ring: StepRing, side: SideProcess): Promise<void> {
  const producer = ring.producer();
  for (let sequence = 0; sequence < 4; sequence++) producer.tryPush(stepOf(1, sequence));
  await side.run('fd:3 consumer peek');
  await stop(side);
  assert.equal(producer.waitBlocking(WHILE), 'timeout');
  assert.equal(producer.tryPush(stepOf(1, 4)), 'full');
  assert.equal(ring.peers.consumers[0]?.alive, true);
  assert.throws(() => ring.consumer(), { code: 'ERR_RING_ROLE_TAKEN' });
  const woken = producer.ready();
  side.signal('SIGCONT');
  await side.run('release');
  await woken;
  assert.equal(producer.tryPush(stepOf(1, 4)), 'pushed');
  await side.run('each:9');
  assert.deepEqual(
    side.events,
    [0, 1, 2, 3, 4].map((sequence) => `got 1 ${sequence}`),
  );
}

for (const language of ['TypeScript', 'Rust'] as const) {
  void describe(`a stopped side in ${language}`, { skip: missing(language) }, () => {
    it('produces when it goes on', async () => beside(language, stopProducer));
    it('consumes when it goes on', async () => beside(language, stopConsumer));
  });
}
