/** Waits: by what they end, what they publish before, and that none goes round in circles. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { processArena } from '../memory/index.ts';
import { coreOf, Tick } from './ring.test.helper.ts';
import { Lane } from './layout.ts';
import { Record } from './record.ts';
import { Ring } from './ring.ts';

function tick(id: number): { id: number; price: number } {
  return { id, price: id / 4 };
}

/** Whether a promise is settled once the event loop has gone round. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = (): boolean => (settled = true);
  promise.then(mark, mark);
  await turn();
  await turn();
  return settled;
}

describe('Consumer.ready and its signal', () => {
  it('rejects with the reason, whatever it is', async () => {
    const ring = Ring.create(Tick);
    const consumer = ring.consumer();
    const abort = new AbortController();
    const waiting = consumer.ready({ signal: abort.signal });
    abort.abort('ready');
    const reason: unknown = await waiting.then(
      () => assert.fail('resolved'),
      (error: unknown) => error,
    );
    assert.equal(reason, 'ready');
    ring.close();
  });

  it('handles nothing when it was aborted before', async () => {
    const ring = Ring.create(Tick);
    const consumer = ring.consumer();
    ring.producer().tryPush(tick(1));
    const signal = AbortSignal.abort(new Error('no'));
    await assert.rejects(
      consumer.run(() => assert.fail('handled'), { signal }),
      { message: 'no' },
    );
    ring.close();
  });
});

describe('Producer.push', () => {
  it('may be called again while it waits', async () => {
    const ring = Ring.create(Tick, { slots: 1 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const pushes = [0, 1, 2].map((id) => producer.push(tick(id)));
    const seen: number[] = [];
    while (seen.length < 3) {
      await turn();
      for (const { id } of consumer.popAll()) seen.push(id);
    }
    assert.deepEqual(await Promise.all(pushes), ['pushed', 'pushed', 'pushed']);
    assert.deepEqual(
      seen.toSorted((a, b) => a - b),
      [0, 1, 2],
    );
    ring.close();
  });
});

describe('Producer.ready', () => {
  it('waits for room in the slab after an abort for want of it', async () => {
    const ring = Ring.create(Record, { slots: 8, slabBytes: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const reserve = (): boolean => {
      const offset = producer.claim()!.$reserve('payload', 40);
      if (offset < 0) {
        producer.abort();
        return false;
      }
      processArena().bytes.fill(1, offset, offset + 40);
      producer.commit();
      return true;
    };
    assert.equal(reserve(), true);
    assert.equal(reserve(), false);
    const waiting = producer.ready();
    assert.equal(await isSettled(waiting), false);
    consumer.tryPop();
    await waiting;
    assert.equal(reserve(), true);
    ring.close();
  });

  it('shows what stands in the way of a claim of many', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer({ publishEvery: 4 }), ring.consumer()];
    producer.tryPush(tick(1));
    assert.equal(producer.claimMany(4), false);
    assert.equal(producer.waitBlocking(0), 'timeout');
    assert.equal(consumer.tryPop()?.id, 1);
    assert.equal(producer.waitBlocking(0), 'ready');
    assert.equal(producer.claimMany(4), true);
    ring.close();
  });
});

describe('Consumer.waitBlocking', () => {
  it('publishes what the thread holds back on other rings', () => {
    const [requests, responses] = [Ring.create(Tick), Ring.create(Tick)];
    const producer = requests.producer({ publishEvery: 64 });
    producer.tryPush(tick(1));
    assert.equal(responses.consumer().waitBlocking(0), 'timeout');
    assert.equal(requests.consumer().tryPop()?.id, 1);
    requests.close();
    responses.close();
  });

  it('refuses times that are none', () => {
    const ring = Ring.create(Tick);
    const consumer = ring.consumer();
    for (const time of [NaN, -1]) {
      assert.throws(() => consumer.waitBlocking(time), { code: 'ERR_OPTION_RANGE' });
    }
    ring.close();
  });
});

describe('Consumer of a lossy ring', () => {
  it('waits when it is ahead of what is published', async () => {
    const ring = Ring.create(Tick, { slots: 4, lossy: true });
    const consumer = ring.consumer();
    const core = coreOf(ring as unknown as Ring<never, never>);
    // A producer that died with one message written, and four more claimed.
    core.words[core.word(core.plan.control(0) + Lane.INTENT)] = 5;
    assert.equal(consumer.tryPop(), undefined);
    assert.equal(ring.stats.consumers[0]?.lost, 1);
    const waiting = consumer.ready();
    assert.equal(await isSettled(waiting), false);
    const producer = ring.producer();
    producer.tryPush(tick(0));
    producer.tryPush(tick(1));
    assert.equal(await waiting, 'ready');
    assert.equal(consumer.tryPop()?.id, 1);
    ring.close();
  });

  it('finds out when it is told that more is overwritten than can be', () => {
    const ring = Ring.create(Tick, { slots: 4, lossy: true });
    const consumer = ring.consumer();
    const core = coreOf(ring as unknown as Ring<never, never>);
    core.words[core.word(core.plan.control(0) + Lane.INTENT)] = 1000;
    assert.throws(() => consumer.tryPop(), { code: 'ERR_RING_POISONED' });
    ring.close();
  });
});
