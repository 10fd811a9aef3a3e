/** How sides end, and what the other side is told: in every order, and on rings that are broken. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { type Arena, processArena } from '../memory/index.ts';
import { nativeStatus } from '../native/index.ts';
import { Block, Geometry } from './layout.ts';
import { coreOf, Tick } from './ring.test.helper.ts';
import { Ring } from './ring.ts';
import { ownIdentity } from './segment/identity.ts';
import { generationOf, ownerWord } from './segment/layout.ts';
import { Participants } from './segment/participants.ts';
import { RingSegment } from './segment/segment.ts';

function tick(id: number): { id: number; price: number } {
  return { id, price: id / 4 };
}

const skip = nativeStatus().available ? false : 'no native addon';

describe('Ring.close', () => {
  it('lets go of a poisoned ring, too, with messages that were not published', async () => {
    const before = processArena().usage().held;
    const ring = Ring.create(Tick, { slots: 8 });
    const core = coreOf(ring as unknown as Ring<never, never>);
    const [producer, consumer] = [ring.producer({ publishEvery: 4 }), ring.consumer()];
    const waiting = consumer.ready();
    await turn();
    producer.tryPush(tick(1));
    core.words[core.word(Block.POISON)] = 1;
    ring.close();
    assert.equal(await waiting, 'ended');
    assert.equal(ring.state, 'closed');
    assert.equal(consumer.joined, false);
    assert.ok(processArena().usage().held <= before + 8192);
  });

  it('ends a batch from inside its handler, when the memory is gone', { skip }, () => {
    for (const last of [1, 3, 5]) {
      const ring = Ring.create(Tick, { slots: 8, between: 'processes' });
      const [producer, consumer] = [ring.producer(), ring.consumer()];
      for (let id = 1; id <= 5; id++) producer.tryPush(tick(id));
      const count = consumer.forEach(Infinity, ({ id }) => {
        if (id === last) ring.close();
      });
      assert.equal(count, last);
    }
  });

  it('ends a message from inside the function that writes it', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const own = new Error('mine');
    assert.throws(() => {
      const producer = ring.producer();
      producer.tryWrite(() => {
        producer.close();
        throw own;
      });
    }, own);
    const second = ring.producer();
    assert.equal(
      second.tryWrite(() => second.close()),
      'closed',
    );
    const third = ring.producer();
    assert.equal(
      third.writeMany(3, (slot, index) => {
        Object.assign(slot, tick(index));
        if (index === 1) third.close();
      }),
      2,
    );
    ring.close();
  });
});

describe('Consumer.close', () => {
  it('is told to every producer, and to those who come later', () => {
    const ring = Ring.create(Tick, { topology: 'mpsc', slots: 64 });
    const consumer = ring.consumer();
    const producers = [ring.producer(), ring.producer()];
    consumer.close();
    for (const producer of producers) {
      producer.tryPush(tick(0));
      assert.equal(producer.tryPush(tick(1)), 'closed');
    }
    assert.equal(ring.producer().tryPush(tick(2)), 'closed');
    ring.close();
  });

  it('is known before its place is free, so that nobody takes it for a death', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const core = coreOf(ring as unknown as Ring<never, never>);
    const consumer = ring.consumer();
    const place = core.word(Block.CONSUMER_OWNERS);
    const { compareExchange } = Atomics;
    let closedBefore: boolean | undefined;
    Atomics.compareExchange = ((words: Int32Array, at: number, old: number, next: number) => {
      if (at === place && next === 0) closedBefore ??= core.closed;
      return compareExchange(words, at, old, next);
    }) as typeof compareExchange;
    try {
      consumer.close();
    } finally {
      Atomics.compareExchange = compareExchange;
    }
    assert.equal(closedBefore, true);
    ring.close();
  });

  it('ends a loop over messages', async () => {
    const ring = Ring.create(Tick);
    const consumer = ring.consumer();
    ring.producer().tryPush(tick(1));
    const seen: number[] = [];
    const loop = (async () => {
      for await (const { id } of consumer) seen.push(id);
    })();
    await turn();
    consumer.close();
    await loop;
    assert.deepEqual(seen, [1]);
    ring.close();
  });
});

describe('Ring, sides that went away unseen', () => {
  it('tells a consumer that took everything before it ever waited', async () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const consumer = ring.consumer();
    const producer = ring.producer();
    producer.tryPush(tick(1));
    producer.detach();
    assert.equal((await consumer.pop())?.id, 1);
    await assert.rejects(consumer.pop(), { code: 'ERR_RING_PEER_DIED' });
    const again = consumer.pop();
    await turn();
    ring.producer().tryPush(tick(2));
    assert.equal((await again)?.id, 2);
    ring.close();
  });

  it('tells a producer that never waited before', async () => {
    const ring = Ring.create(Tick, { slots: 1 });
    const producer = ring.producer();
    const consumer = ring.consumer();
    producer.tryPush(tick(1));
    consumer.tryPop();
    consumer.detach();
    producer.tryPush(tick(2));
    await assert.rejects(producer.push(tick(3)), { code: 'ERR_RING_PEER_DIED' });
    const again = producer.push(tick(3));
    await turn();
    ring.consumer().popAll();
    assert.equal(await again, 'pushed');
    ring.close();
  });
});

describe('Producer of a gated broadcast ring', () => {
  it('does not drop for ever because of a consumer that died', { skip }, () => {
    const ring = Ring.create(Tick, { topology: 'broadcast', slots: 4 });
    const producer = ring.producer({ whenFull: 'drop' });
    const { offset, bytes } = ring.share();
    const core = coreOf(ring as unknown as Ring<never, never>);
    const participants = new Participants(RingSegment.attach(core.arena, offset, bytes));
    const nobody = { ...ownIdentity(false), pid: 4_194_303, startTime: 1n };
    const { index, state } = participants.join(nobody, nobody.pid, 'gone')!;
    core.words[core.word(Block.CONSUMER_OWNERS)] = ownerWord(index, generationOf(state));
    const results = Array.from({ length: 6 }, (_, id) => producer.tryPush(tick(id)));
    assert.deepEqual(results, ['pushed', 'pushed', 'pushed', 'pushed', 'dropped', 'pushed']);
    ring.close();
  });
});

describe('Ring.openDescriptor', () => {
  it('refuses a ring whose users sleep in another way', { skip }, () => {
    const ring = Ring.create(Tick, { between: 'processes' });
    const core = coreOf(ring as unknown as Ring<never, never>);
    core.words[core.word(4 * Geometry.FLAGS)] = 2;
    assert.throws(() => Ring.openDescriptor(Tick, ring.descriptor), { code: 'ERR_RING_SEGMENT' });
    ring.close();
  });
});

describe('Ring.producer and Ring.consumer, when they fail', () => {
  it('leave the place free and the memory where it was', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const core = coreOf(ring as unknown as Ring<never, never>);
    core.words[core.headWord(0, 0)] = 99;
    assert.throws(() => ring.producer(), { code: 'ERR_RING_POISONED' });
    assert.equal(core.laneOwner(0), 0);
    ring.close();
    const many = Ring.create(Tick, { topology: 'mpmc', producers: 64 });
    const arena = processArena();
    const before = arena.regions().length;
    const hogs = fill(arena, 20);
    assert.throws(() => many.consumer(), { code: 'ERR_ARENA_EXHAUSTED' });
    for (const hog of hogs) hog.release();
    assert.equal(arena.regions().length, before);
    many.consumer();
    many.close();
  });
});

/** Takes all memory but `pages`. */
function fill(arena: Arena, pages: number): { release(): void }[] {
  const hogs: { release(): void }[] = [];
  const spare = arena.allocate('spare', pages * 4096);
  for (let { largest } = arena.usage(); largest >= 4096; { largest } = arena.usage()) {
    hogs.push(arena.allocate('hog', largest));
  }
  spare.release();
  return hogs;
}
