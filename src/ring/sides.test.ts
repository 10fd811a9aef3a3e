/** What producers and consumers promise beyond the order of messages: claims, waits, misuse. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { f64, onViewReport, processArena, struct, text, u32 } from '../memory/index.ts';
import { Block, Lane } from './layout.ts';
import { coreOf, Note, Tick } from './ring.test.helper.ts';
import { Ring } from './ring.ts';

function tick(id: number): { id: number; price: number } {
  return { id, price: id / 4 };
}

const unwritten = onViewReport(undefined) && 'the sanitizer refuses slots that are not written';

describe('Producer.claim', () => {
  it('shows nothing before commit, and nothing after abort', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const slot = producer.claim();
    assert.ok(slot);
    slot.id = 7;
    slot.price = 1;
    assert.equal(consumer.tryPop(), undefined);
    producer.abort();
    assert.equal(consumer.tryPop(), undefined);
    assert.equal(ring.stats.lanes[0]?.aborted, 1);
    ring.close();
  });

  it('shows what was there before in fields that nobody writes', { skip: unwritten }, () => {
    const ring = Ring.create(Tick, { slots: 1 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(tick(7));
    consumer.tryPop();
    assert.ok(producer.claim());
    producer.commit();
    assert.equal(consumer.tryPop()?.id, 7);
    ring.close();
  });

  it('gives fields that may be absent or elsewhere empty', () => {
    const ring = Ring.create(Note, { slots: 1, slabBytes: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush({ id: 1, text: 'old', data: Uint8Array.of(1) });
    consumer.tryPop();
    producer.tryWrite((note) => (note.id = 2));
    assert.deepEqual(consumer.tryPop(), { id: 2, text: '', data: new Uint8Array(0) });
    ring.close();
  });

  it('refuses claims, commits and aborts out of turn', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const producer = ring.producer();
    const claim = { code: 'ERR_RING_CLAIM' };
    assert.throws(() => producer.commit(), claim);
    assert.throws(() => producer.abort(), claim);
    assert.throws(() => producer.slot(0), claim);
    Object.assign(producer.claim()!, tick(1));
    assert.throws(() => producer.claim(), claim);
    assert.throws(() => producer.commit(2), claim);
    producer.commit();
    assert.throws(() => producer.commit(), claim);
    for (const count of [0, 5, 1.5, NaN]) assert.throws(() => producer.claimMany(count), claim);
    ring.close();
  });

  it('claims several at once, or none', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    assert.equal(producer.claimMany(3), true);
    for (const index of [0, 1, 2]) producer.slot(index).$set(tick(index));
    producer.commit(2);
    assert.equal(producer.claimMany(3), false);
    assert.deepEqual(consumer.popAll(), [tick(0), tick(1)]);
    ring.close();
  });

  it('aborts when the function that writes throws, and hands its error on', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const own = new Error('mine');
    assert.throws(() => {
      producer.tryWrite(() => {
        throw own;
      });
    }, own);
    assert.throws(() => producer.tryPush({ id: -1, price: 1 }), { code: 'ERR_STRUCT_RANGE' });
    assert.equal(consumer.tryPop(), undefined);
    assert.equal(producer.tryPush(tick(1)), 'pushed');
    ring.close();
  });
});

describe('Producer.writeMany', () => {
  it('writes as many as there is room for, in order, past where the slots wrap', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer({ publishEvery: 3 }), ring.consumer()];
    const write = (slot: { id: number; price: number }, index: number): void => {
      slot.id = index;
      slot.price = 1;
    };
    assert.equal(producer.writeMany(3, write), 3);
    assert.deepEqual(
      consumer.popAll().map(({ id }) => id),
      [0, 1, 2],
    );
    assert.equal(producer.writeMany(9, write), 4);
    assert.deepEqual(
      consumer.popAll().map(({ id }) => id),
      [0, 1, 2, 3],
    );
    assert.equal(ring.stats.lanes[0]?.full, 1);
    ring.close();
  });

  it('keeps what was written before it throws, and nothing of the message at which it did', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer({ publishEvery: 8 }), ring.consumer()];
    assert.throws(() => {
      producer.writeMany(5, (slot, index) => {
        Object.assign(slot, tick(index));
        if (index === 2) throw new TypeError('mine');
      });
    }, TypeError);
    producer.flush();
    assert.deepEqual(
      consumer.popAll().map(({ id }) => id),
      [0, 1],
    );
    assert.equal(producer.tryPush(tick(3)), 'pushed');
    ring.close();
  });

  it('stops when the slab is full, and goes on when there is room', () => {
    const ring = Ring.create(Note, { slots: 8, slabBytes: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const texts: string[] = [];
    for (let written = 0; written < 40;) {
      written += producer.writeMany(40 - written, (slot, index) => {
        slot.id = written + index;
        slot.text = String(written + index).repeat(7);
      });
      for (const { text: each } of consumer.drain()) texts.push(each);
    }
    assert.deepEqual(
      texts,
      Array.from({ length: 40 }, (_, index) => String(index).repeat(7)),
    );
    ring.close();
  });
});

describe('Producer, when messages are published', () => {
  it('shows them in batches, by flush, and at the end of the turn', async () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer({ publishEvery: 3 }), ring.consumer()];
    for (const id of [0, 1]) producer.tryPush(tick(id));
    assert.equal(consumer.tryPop(), undefined);
    producer.tryPush(tick(2));
    assert.equal(consumer.popAll().length, 3);
    producer.tryPush(tick(3));
    assert.equal(producer.unpublished, 1);
    producer.flush();
    assert.equal(consumer.popAll().length, 1);
    producer.tryPush(tick(4));
    await turn();
    assert.equal(consumer.popAll().length, 1);
    ring.close();
  });

  it('shows them before it says full', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer({ publishEvery: 3 }), ring.consumer()];
    for (let id = 0; id < 5; id++) producer.tryPush(tick(id));
    assert.equal(consumer.popAll().length, 4);
    ring.close();
  });

  it('drops and counts when that is what is wanted', () => {
    const ring = Ring.create(Tick, { slots: 1 });
    const producer = ring.producer({ whenFull: 'drop' });
    assert.equal(producer.tryPush(tick(0)), 'pushed');
    assert.equal(producer.tryPush(tick(1)), 'dropped');
    assert.equal(ring.stats.lanes[0]?.dropped, 1);
    ring.close();
  });
});

describe('Producer.push', () => {
  it('waits for room, and for room in the slab', async () => {
    const ring = Ring.create(Note, { slots: 4, slabBytes: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const note = { id: 1, text: 'x'.repeat(40), data: new Uint8Array(0) };
    assert.equal(await producer.push(note), 'pushed');
    const second = producer.push(note);
    await turn();
    assert.equal(consumer.popAll().length, 1);
    assert.equal(await second, 'pushed');
    ring.close();
  });

  it('ends when consumers want no more, and when its signal aborts', async () => {
    const ring = Ring.create(Tick, { slots: 1 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    await producer.push(tick(0));
    const abort = new AbortController();
    const aborted = producer.push(tick(1), { signal: abort.signal });
    abort.abort(new Error('no longer'));
    await assert.rejects(aborted, { message: 'no longer' });
    const closed = producer.push(tick(2));
    consumer.close();
    assert.equal(await closed, 'closed');
    assert.equal(ring.state, 'closed');
    ring.close();
  });

  it('learns at its next publication that consumers want no more', () => {
    const ring = Ring.create(Tick, { slots: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    consumer.close();
    producer.tryPush(tick(0));
    assert.equal(producer.tryPush(tick(1)), 'closed');
    assert.equal(producer.closed, true);
    ring.close();
  });
});

describe('Consumer.ready', () => {
  it('ends with the ring, and not before', async () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const first = consumer.ready();
    await turn();
    producer.tryPush(tick(1));
    assert.equal(await first, 'ready');
    producer.close();
    assert.equal(await consumer.ready(), 'ready');
    assert.deepEqual(await consumer.pop(), tick(1));
    assert.equal(await consumer.pop(), null);
    ring.close();
  });

  it('tells once that the producer went away; then waits for a successor', async () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(tick(1));
    await consumer.pop();
    const waiting = consumer.ready();
    await turn();
    producer.detach();
    await assert.rejects(waiting, { code: 'ERR_RING_PEER_DIED' });
    const again = consumer.pop();
    await turn();
    const successor = ring.producer();
    successor.tryPush(tick(2));
    assert.deepEqual(await again, tick(2));
    ring.close();
  });

  it('waits for a successor without a word when it was told to', async () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer({ awaitSuccessor: true })];
    const waiting = consumer.pop();
    await turn();
    producer.detach();
    await turn();
    ring.producer().tryPush(tick(3));
    assert.deepEqual(await waiting, tick(3));
    ring.close();
  });

  it('waits once at a time, ends by its signal, and when the consumer is detached', async () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const consumer = ring.consumer();
    const abort = new AbortController();
    const waiting = consumer.ready({ signal: abort.signal });
    await assert.rejects(consumer.ready(), { code: 'ERR_RING_CLAIM' });
    abort.abort(new Error('enough'));
    await assert.rejects(waiting, { message: 'enough' });
    const last = consumer.ready();
    consumer.detach();
    assert.equal(await last, 'ended');
    assert.throws(() => consumer.tryPop(), { code: 'ERR_RING_CLOSED' });
    ring.close();
  });
});

describe('Ring in the event loop', () => {
  it('lets timers fire while messages keep coming', async () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    let hasFired = false;
    const timer = setTimeout(() => (hasFired = true), 0);
    // Each message brings the next, so that there always is one: without end, but for the timer.
    producer.tryPush(tick(0));
    await consumer.run(({ id }) => {
      if (hasFired) producer.close();
      else producer.tryPush(tick(id + 1));
    });
    while (producer.detached && consumer.tryPop() !== null);
    clearTimeout(timer);
    assert.equal(hasFired, true);
    ring.close();
  });

  it('lets timers fire while messages are popped and pushed one by one', async () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    let hasFired = false;
    setTimeout(() => (hasFired = true), 0);
    for (let id = 0; !hasFired; id++) {
      await producer.push(tick(id));
      assert.equal((await consumer.pop())?.id, id);
    }
    ring.close();
  });
});

describe('Consumer.forEach', () => {
  it('takes the message at which the handler threw, and no later one', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (let id = 0; id < 4; id++) producer.tryPush(tick(id));
    const seen: number[] = [];
    assert.throws(() => {
      consumer.forEach(8, ({ id }) => {
        seen.push(id);
        if (id === 1) throw new Error('stop');
      });
    });
    assert.deepEqual(consumer.popAll(), [tick(2), tick(3)]);
    assert.deepEqual(seen, [0, 1]);
    ring.close();
  });

  it('hands on what a handler did not get to when it detaches', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (let id = 0; id < 4; id++) producer.tryPush(tick(id));
    consumer.forEach(8, ({ id }) => {
      if (id === 1) consumer.detach();
    });
    assert.deepEqual(ring.consumer().popAll(), [tick(2), tick(3)]);
    ring.close();
  });

  it('refuses to be read from inside a handler', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(tick(0));
    assert.throws(() => consumer.forEach(1, () => void consumer.tryPop()), {
      code: 'ERR_RING_CLAIM',
    });
    ring.close();
  });
});

describe('Consumer.drain', () => {
  it('gives cursors in order, up to the limit, and keeps what was not reached', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (let id = 0; id < 6; id++) producer.tryPush(tick(id));
    assert.deepEqual(
      Array.from(consumer.drain(2), ({ id }) => id),
      [0, 1],
    );
    for (const { id } of consumer.drain()) if (id === 3) break;
    assert.deepEqual(
      consumer.popAll().map(({ id }) => id),
      [4, 5],
    );
    ring.close();
  });
});

describe('Ring, roles and schemas', () => {
  it('has as many places as it was made with, and says who has them', () => {
    const ring = Ring.create(Tick, { topology: 'mpsc', producers: 2, label: 'tests' });
    const producers = [ring.producer(), ring.producer()];
    assert.throws(() => ring.producer(), { code: 'ERR_RING_ROLE_TAKEN', message: /tests/ });
    ring.consumer();
    assert.throws(() => ring.consumer(), { code: 'ERR_RING_ROLE_TAKEN' });
    producers[0]?.close();
    assert.equal(ring.producer().lane, 0);
    assert.equal(ring.peers.producers.length, 2);
    ring.close();
  });

  it('refuses another struct and names the fields', () => {
    const ring = Ring.create(Tick);
    const Other = struct('test.Tick', { id: u32, price: u32 });
    assert.throws(() => Ring.attach(Other, ring.share()), {
      code: 'ERR_RING_SCHEMA',
      message: /price: f64 at 8 there|price: u32 at 4 here/,
    });
    ring.close();
  });

  it('lets an older reader read what has more fields, and not write it', () => {
    const Newer = struct('test.Tick', { id: u32, price: f64, venue: text(8) });
    const ring = Ring.create(Newer);
    const older = Ring.attach(Tick, ring.share());
    const consumer = older.consumer();
    ring.producer().tryPush({ id: 1, price: 2, venue: 'XETR' });
    assert.deepEqual(consumer.tryPop(), { id: 1, price: 2 });
    assert.throws(() => older.producer(), { code: 'ERR_RING_SCHEMA', message: /venue/ });
    older.close();
    ring.close();
  });

  it('refuses limits, handlers and writers that cannot be', () => {
    const ring = Ring.create(Tick, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (const limit of [-1, NaN]) {
      assert.throws(() => consumer.forEach(limit, () => undefined), { code: 'ERR_OPTION_RANGE' });
      assert.throws(() => consumer.drain(limit), { code: 'ERR_OPTION_RANGE' });
    }
    const type = { code: 'ERR_OPTION_TYPE' };
    assert.throws(() => consumer.forEach((() => undefined) as never, undefined as never), type);
    assert.throws(() => consumer.drain('x' as never), type);
    const write: (slot: { id: number }) => unknown = async (slot) => {
      slot.id = 9;
      await turn();
    };
    assert.throws(() => producer.tryWrite(write), {
      ...type,
      message: /async/,
    });
    assert.throws(() => producer.writeMany(2, write), { ...type, message: /async/ });
    assert.throws(() => producer.writeMany(NaN, write), { code: 'ERR_OPTION_RANGE' });
    assert.equal(consumer.tryPop(), undefined);
    ring.close();
  });

  it('shows itself in a line', () => {
    const ring = Ring.create(Tick, { topology: 'mpsc', slots: 4, lossy: true });
    const shown = 'Ring { ring of test.Tick: lossy mpsc of 4 slots, open }';
    assert.equal(inspect(ring), shown);
    ring.close();
  });

  it('refuses options that do not exist or cannot be', () => {
    const names = ['', 'a/b', '.hidden', 'x'.repeat(64)];
    for (const name of names)
      assert.throws(() => Ring.create(Tick, { name }), { code: 'ERR_RING_NAME' });
    assert.throws(() => Ring.create(Tick, { directory: '/tmp' }), { code: 'ERR_OPTION_TYPE' });
    assert.throws(() => Ring.create(Tick, { slot: 4 } as never), { code: 'ERR_OPTION_UNKNOWN' });
    assert.throws(() => Ring.create(Tick, { slots: 5 }), {
      code: 'ERR_OPTION_RANGE',
      message: /8/,
    });
    assert.throws(() => Ring.create(Tick, { producers: 2 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => Ring.create(Note, { slabBytes: 0 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => Ring.create({} as never), { code: 'ERR_OPTION_TYPE' });
  });

  it('gives its memory back with the last who has it', () => {
    const before = processArena().usage().held;
    const ring = Ring.create(Tick, { topology: 'mpmc' });
    const other = Ring.attach(Tick, ring.share());
    const consumer = other.consumer();
    ring.close();
    assert.ok(processArena().usage().held > before);
    assert.throws(() => ring.producer(), { code: 'ERR_RING_CLOSED' });
    assert.equal(consumer.tryPop(), undefined);
    other.close();
    assert.equal(processArena().usage().held, before);
  });
});

describe('Ring, lies', () => {
  it('is poisoned by a tail or head that cannot be, for everybody', () => {
    for (const [offset, act] of [
      [Lane.TAIL, 'consume'],
      [Lane.CURSORS, 'produce'],
    ] as const) {
      const ring = Ring.create(Tick, { slots: 4 });
      const core = coreOf(ring as unknown as Ring<never, never>);
      const [producer, consumer] = [ring.producer(), ring.consumer()];
      core.words[core.word(core.plan.control(0) + offset)] = 77;
      const code = { code: 'ERR_RING_POISONED' };
      assert.throws(() => {
        if (act === 'consume') consumer.tryPop();
        else for (let id = 0; id < 5; id++) producer.tryPush(tick(id));
      }, code);
      assert.equal(ring.state, 'poisoned');
      assert.throws(() => {
        for (let id = 0; id < 5; id++) producer.tryPush(tick(id));
      }, code);
      core.words[core.word(Block.POISON)] = 0;
      ring.close();
    }
  });

  it('is poisoned by a reference outside the slab, and nothing is read', () => {
    for (const topology of ['spsc', 'mpmc'] as const) {
      const ring = Ring.create(Note, { topology, slots: 4, slabBytes: 64 });
      const core = coreOf(ring as unknown as Ring<never, never>);
      const [producer, consumer] = [ring.producer(), ring.consumer()];
      producer.tryPush({ id: 1, text: 'abc', data: new Uint8Array(0) });
      const reference = (core.view.base + core.plan.slots(0) + 4) >>> 2;
      core.words[reference] = 60;
      core.words[reference + 1] = 5;
      assert.throws(() => consumer.tryPop(), { code: 'ERR_RING_POISONED' });
      ring.close();
    }
  });
});
