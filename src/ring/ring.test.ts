import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SLAB_FULL } from '../memory/index.ts';
import type { Consumer } from './consumer.ts';
import type { Topology } from './layout.ts';
import type { CreateOptions } from './ring.ts';
import { Note, Tick, wrapping } from './ring.test.helper.ts';
import { Ring } from './ring.ts';

const TOPOLOGIES: readonly Topology[] = ['spsc', 'mpsc', 'mpmc', 'broadcast'];

function tick(id: number): { id: number; price: number } {
  return { id, price: id / 4 };
}

/** Pops everything that is there. */
function ids<T extends { id: number }, S extends string>(consumer: Consumer<T, S>): number[] {
  const found: number[] = [];
  for (;;) {
    const message = consumer.tryPop();
    if (message === undefined || message === null) return found;
    found.push(message.id);
  }
}

for (const topology of TOPOLOGIES) {
  describe(`Ring, ${topology}`, () => {
    it('gives messages in the order of their pushing, past where positions wrap', () => {
      const ring = wrapping(Tick, { topology, slots: 4 });
      const consumer = ring.consumer();
      const producer = ring.producer();
      for (let id = 0; id < 50; id++) {
        assert.equal(producer.tryPush(tick(id)), 'pushed');
        assert.deepEqual(consumer.tryPop(), tick(id));
      }
      assert.equal(consumer.tryPop(), undefined);
      ring.close();
    });

    it('says full when all slots are, and goes on when one is free', () => {
      const ring = wrapping(Tick, { topology, slots: 4 });
      const consumer = ring.consumer();
      const producer = ring.producer();
      const results = [0, 1, 2, 3, 4].map((id) => producer.tryPush(tick(id)));
      assert.deepEqual(results, ['pushed', 'pushed', 'pushed', 'pushed', 'full']);
      assert.equal(consumer.tryPop()?.id, 0);
      assert.equal(producer.tryPush(tick(4)), 'pushed');
      assert.deepEqual(ids(consumer), [1, 2, 3, 4]);
      ring.close();
    });

    it('works with a single slot', () => {
      const ring = wrapping(Tick, { topology, slots: 1 });
      const consumer = ring.consumer();
      const producer = ring.producer();
      for (let id = 0; id < 20; id++) {
        assert.equal(producer.tryPush(tick(id)), 'pushed');
        assert.equal(producer.tryPush(tick(99)), 'full');
        assert.deepEqual(ids(consumer), [id]);
      }
      ring.close();
    });

    it('ends when the lane is closed and drained, and not before', () => {
      const ring = Ring.create(Tick, { topology, slots: 4 });
      const consumer = ring.consumer();
      const producer = ring.producer();
      assert.equal(consumer.tryPop(), undefined);
      producer.tryPush(tick(1));
      producer.close();
      assert.equal(consumer.ended, false);
      assert.equal(consumer.tryPop()?.id, 1);
      assert.equal(consumer.tryPop(), null);
      assert.equal(consumer.ended, true);
      ring.close();
    });

    it('overwrites the oldest when it is lossy, and counts them', () => {
      const ring = wrapping(Tick, { topology, slots: 4, lossy: true });
      const consumer = ring.consumer();
      const producer = ring.producer();
      for (let id = 0; id < 11; id++) assert.equal(producer.tryPush(tick(id)), 'pushed');
      assert.deepEqual(ids(consumer), [7, 8, 9, 10]);
      assert.equal(ring.stats.consumers[0]?.lost, 7);
      ring.close();
    });

    it('keeps text and bytes of any length, whatever wraps', () => {
      const ring = wrapping(Note, { topology, slots: 8, slabBytes: 64 });
      const consumer = ring.consumer();
      const producer = ring.producer();
      for (let id = 0; id < 300; id++) {
        const note = { id, text: 'é'.repeat(id % 13), data: new Uint8Array(id % 30).fill(id) };
        assert.equal(producer.tryPush(note), 'pushed');
        assert.deepEqual(consumer.tryPop(), note);
      }
      ring.close();
    });
  });
}

describe('Ring, what a message needs of the slab', () => {
  it('is full when the slab is, though slots are free', () => {
    const ring = Ring.create(Note, { slots: 8, slabBytes: 64 });
    const consumer = ring.consumer();
    const producer = ring.producer();
    const note = { id: 1, text: 'x'.repeat(24), data: new Uint8Array(0) };
    const results = [1, 2, 3].map(() => producer.tryPush(note));
    assert.deepEqual(results, ['pushed', 'pushed', 'full']);
    consumer.tryPop();
    assert.equal(producer.tryPush(note), 'pushed');
    ring.close();
  });

  it('takes a piece as large as the slab wherever the slab stands, if nothing is in flight', () => {
    const ring = Ring.create(Note, { slots: 2, slabBytes: 64 });
    const consumer = ring.consumer();
    const producer = ring.producer();
    for (const length of [64, 1, 64, 40, 64]) {
      const text = 'y'.repeat(length);
      assert.equal(producer.tryPush({ id: length, text, data: new Uint8Array(0) }), 'pushed');
      assert.equal(consumer.tryPop()?.text, text);
    }
    ring.close();
  });

  it('refuses what fits no empty ring, and leaves nothing behind', () => {
    const ring = Ring.create(Note, { slots: 2, slabBytes: 64 });
    const consumer = ring.consumer();
    const producer = ring.producer();
    const data = new Uint8Array(40);
    assert.throws(() => producer.tryPush({ id: 1, text: 'z'.repeat(40), data }), {
      code: 'ERR_RING_MESSAGE_SIZE',
    });
    assert.throws(() => producer.tryPush({ id: 1, text: 'z'.repeat(65), data }), {
      code: 'ERR_STRUCT_RANGE',
    });
    assert.equal(consumer.tryPop(), undefined);
    assert.equal(producer.tryPush({ id: 2, text: 'ok', data }), 'pushed');
    assert.equal(consumer.tryPop()?.text, 'ok');
    ring.close();
  });
});

/** One step of a user, for the comparison with a model. */
type Step =
  | { readonly do: 'push'; readonly producer: number; readonly bytes: number }
  | { readonly do: 'abort'; readonly producer: number; readonly bytes: number }
  | { readonly do: 'batch'; readonly producer: number; readonly count: number }
  | { readonly do: 'pop'; readonly consumer: number }
  | { readonly do: 'drain'; readonly consumer: number; readonly limit: number }
  | { readonly do: 'flush'; readonly producer: number };

const side = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('push' as const), producer: side, bytes: fc.nat(40) }),
  fc.record({ do: fc.constant('abort' as const), producer: side, bytes: fc.nat(40) }),
  fc.record({
    do: fc.constant('batch' as const),
    producer: side,
    count: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ do: fc.constant('pop' as const), consumer: side }),
  fc.record({ do: fc.constant('drain' as const), consumer: side, limit: fc.nat(6) }),
  fc.record({ do: fc.constant('flush' as const), producer: side }),
);

/** Runs the steps on a ring and checks what comes out against what was pushed. */
class Comparison {
  readonly ring;
  readonly producers;
  readonly consumers;
  readonly #next: number[];
  /** Per consumer and producer: the last sequence that was seen. */
  readonly #seen: number[][];
  readonly #taken: number[][] = [[], [], []];
  readonly #topology: Topology;

  constructor(options: CreateOptions & { readonly topology: Topology }, publishEvery: number) {
    const { topology } = options;
    this.#topology = topology;
    this.ring = wrapping(Note, options);
    const producers = topology === 'mpsc' || topology === 'mpmc' ? 3 : 1;
    const consumers = topology === 'mpmc' || topology === 'broadcast' ? 3 : 1;
    this.consumers = Array.from({ length: consumers }, () => this.ring.consumer());
    this.producers = Array.from({ length: producers }, () => this.ring.producer({ publishEvery }));
    this.#next = this.producers.map(() => 0);
    this.#seen = this.consumers.map(() => this.producers.map(() => -1));
  }

  run(one: Step): void {
    if ('producer' in one) this.#produce(one, one.producer % this.producers.length);
    else this.#consume(one, one.consumer % this.consumers.length);
  }

  #produce(one: Step, index: number): void {
    const producer = this.producers[index]!;
    const message = (sequence: number, bytes: number) => ({
      id: sequence * 4 + index,
      text: 'é'.repeat(bytes % 7) + String(sequence),
      data: new Uint8Array(bytes).fill(sequence),
    });
    const sequence = this.#next[index]!;
    if (one.do === 'push' && producer.tryPush(message(sequence, one.bytes)) === 'pushed') {
      this.#next[index] = sequence + 1;
    } else if (one.do === 'abort') {
      assert.throws(
        () =>
          producer.tryWrite((cursor) => {
            cursor.data = new Uint8Array(one.bytes);
            throw new TypeError('aborted');
          }) === 'full' && assert.fail(new TypeError('aborted')),
        TypeError,
      );
    } else if (one.do === 'batch' && producer.claimMany(one.count)) {
      this.#pushBatch(producer, index, one.count, (slot) => message(sequence + slot, 0));
    } else if (one.do === 'flush') {
      producer.flush();
    }
  }

  #pushBatch(
    producer: (typeof this.producers)[number],
    index: number,
    count: number,
    message: (slot: number) => { id: number; text: string; data: Uint8Array },
  ): void {
    try {
      for (let slot = 0; slot < count; slot++) producer.slot(slot).$set(message(slot));
    } catch (error) {
      assert.equal(error, SLAB_FULL);
      producer.abort();
      return;
    }
    producer.commit();
    this.#next[index]! += count;
  }

  #consume(one: Step, index: number): void {
    const consumer = this.consumers[index]!;
    if (one.do === 'pop') {
      const message = consumer.tryPop();
      if (message) this.#check(index, message);
    } else if (one.do === 'drain') {
      for (const message of consumer.drain(one.limit)) this.#check(index, message.$get());
    }
  }

  #check(consumer: number, message: { id: number; text: string; data: Uint8Array }): void {
    const producer = message.id % 4;
    const sequence = Math.floor(message.id / 4);
    const seen = this.#seen[consumer]!;
    assert.ok(message.text.endsWith(String(sequence)), 'the text is that of the message');
    assert.ok(
      message.data.every((byte) => byte === (sequence & 0xff)),
      'no piece is another’s',
    );
    assert.ok(sequence > seen[producer]!, 'each producer’s messages come in order');
    if (this.#topology !== 'mpmc') assert.equal(sequence, seen[producer]! + 1, 'none is missing');
    seen[producer] = sequence;
    this.#taken[producer]!.push(sequence);
  }

  /** Everything that was pushed arrives, once for each that must get it. */
  finish(): void {
    for (const producer of this.producers) producer.close();
    for (const [index, consumer] of this.consumers.entries()) {
      consumer.forEach(Infinity, (message) => this.#check(index, message.$get()));
      assert.equal(consumer.tryPop(), null);
    }
    const copies = this.#topology === 'broadcast' ? this.consumers.length : 1;
    for (const [index, next] of this.#next.entries()) {
      assert.equal(this.#taken[index]!.length, next * copies);
    }
    this.ring.close();
  }
}

describe('Ring against a model', () => {
  for (const topology of TOPOLOGIES) {
    it(`${topology} loses, repeats, reorders and mixes up nothing`, () => {
      const options = fc.record({
        slots: fc.constantFrom(1, 2, 4, 8),
        publishEvery: fc.constantFrom(1, 2, 8),
        steps: fc.array(step, { maxLength: 120 }),
      });
      fc.assert(
        fc.property(options, ({ slots, publishEvery, steps }) => {
          const shape = { topology, slots, slabBytes: 128 };
          const comparison = new Comparison(shape, Math.min(publishEvery, slots));
          for (const one of steps) if (!('count' in one) || one.count <= slots) comparison.run(one);
          comparison.finish();
        }),
        { numRuns: 60 },
      );
    });
  }
});
