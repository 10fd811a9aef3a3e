/** Text and bytes of variable length where several messages, overwriting or lies are involved. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { processArena } from '../memory/index.ts';
import { coreOf, Note } from './ring.test.helper.ts';
import { Ring } from './ring.ts';

function note(id: number, text: string, bytes = 0): { id: number; text: string; data: Uint8Array } {
  return { id, text, data: new Uint8Array(bytes).fill(id) };
}

describe('Producer.claimMany with slab fields', () => {
  it('keeps the pieces of one claim apart when consumers catch up in between', () => {
    const ring = Ring.create(Note, { slots: 4, slabBytes: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(note(0, 'a'.repeat(8)));
    assert.equal(producer.claimMany(2), true);
    producer.slot(0).$set(note(1, 'b'.repeat(40)));
    consumer.tryPop();
    assert.throws(() => producer.slot(1).$set(note(2, 'c'.repeat(48))), {
      code: 'ERR_SLAB_EXHAUSTED',
    });
    producer.commit(1);
    assert.deepEqual(consumer.popAll(), [note(1, 'b'.repeat(40))]);
    ring.close();
  });

  it('frees nothing too early, in whatever order slots are written, or left out', () => {
    for (const order of [
      [1, 0],
      [0, 1, 0],
      [1, 0, 1],
    ]) {
      const ring = Ring.create(Note, { slots: 8, slabBytes: 128 });
      const [producer, consumer] = [ring.producer(), ring.consumer()];
      producer.claimMany(3);
      for (const index of order) producer.slot(index).text = String(index).repeat(24);
      producer.commit();
      assert.equal(consumer.tryPop()?.text, '0'.repeat(24));
      while (producer.tryPush(note(9, 'z'.repeat(24))) === 'pushed');
      assert.deepEqual(
        consumer.popAll(2).map(({ text }) => text),
        ['1'.repeat(24), ''],
      );
      ring.close();
    }
  });

  it('goes on with many when the slab has to be begun anew', () => {
    const ring = Ring.create(Note, { slots: 4, slabBytes: 64 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(note(0, 'x'.repeat(32)));
    consumer.tryPop();
    const fill = (slot: { text: string; data: Uint8Array }): void => {
      slot.text = 'y'.repeat(24);
      slot.data = new Uint8Array(40);
    };
    assert.equal(producer.writeMany(1, fill), 1);
    assert.equal(consumer.tryPop()?.text, 'y'.repeat(24));
    ring.close();
  });
});

describe('A lossy ring with slab fields', () => {
  it('delivers what fits its slab, and refuses what does not', () => {
    const ring = Ring.create(Note, { slots: 4, slabBytes: 1024, lossy: true });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (const [text, bytes] of [
      [1000, 1],
      [500, 500],
      [1024, 0],
      [24, 1000],
    ] as const) {
      const message = note(1, 'x'.repeat(text), bytes);
      assert.equal(producer.tryPush(message), 'pushed');
      assert.deepEqual(consumer.tryPop(), message);
    }
    assert.equal(ring.stats.consumers[0]?.lost, 0);
    assert.throws(() => producer.tryPush(note(2, 'x'.repeat(600), 600)), {
      code: 'ERR_RING_MESSAGE_SIZE',
    });
    ring.close();
  });
});

describe('Copies of messages', () => {
  it('are refused when their pieces are more than a slab together', () => {
    for (const topology of ['spsc', 'mpmc'] as const) {
      const ring = Ring.create(Note, { topology, slots: 4, slabBytes: 64 });
      const [producer, consumer] = [ring.producer(), ring.consumer()];
      producer.tryPush(note(1, 'x', 1));
      const core = coreOf(ring as unknown as Ring<never, never>);
      const at = (core.view.base + core.plan.slots(0)) >>> 2;
      for (const field of [1, 3]) {
        core.words[at + field] = 0;
        core.words[at + field + 1] = 64;
      }
      assert.throws(() => consumer.tryPop(), { code: 'ERR_RING_POISONED' });
      ring.close();
    }
  });

  it('stay inside their memory when there is no more of it', () => {
    const arena = processArena();
    const ring = Ring.create(Note, { topology: 'mpmc', producers: 1, slabBytes: 2 ** 20 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(note(7, '', 900_000));
    const hogs: { release(): void; offset: number; size: number }[] = [];
    for (let { largest } = arena.usage(); largest >= 4096; { largest } = arena.usage()) {
      hogs.push(arena.allocate('hog', largest));
    }
    for (let tries = 0; tries < 2; tries++) {
      assert.throws(() => consumer.tryPop(), { code: 'ERR_ARENA_EXHAUSTED' });
    }
    for (const hog of hogs) hog.release();
    assert.deepEqual(consumer.tryPop(), note(7, '', 900_000));
    ring.close();
  });

  it('are whole ones, at least one, whatever limit is given', () => {
    const ring = Ring.create(Note, { topology: 'mpmc', slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (let id = 0; id < 6; id++) producer.tryPush(note(id, 'x'));
    assert.equal(consumer.peek(-1)?.id, 0);
    assert.equal(consumer.peek(NaN)?.id, 1);
    const drained = Array.from(consumer.drain(1.5), ({ id }) => id);
    assert.deepEqual([...drained, ...consumer.popAll().map(({ id }) => id)], [2, 3, 4, 5]);
    ring.close();
  });
});
