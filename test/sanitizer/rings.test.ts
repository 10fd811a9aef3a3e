/** Misuse of messages and slots of rings: each planted here is caught, with every site. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  array,
  bool,
  type Cursor,
  f64,
  flags,
  optional,
  processArena,
  slab,
  struct,
  u8,
  u32,
} from '../../src/memory/index.ts';
import { Ring } from '../../src/ring/index.ts';
import { catches, listen } from './caught.ts';

listen();

const Inner = struct('test.Inner', { x: u32, y: u32 });
const Tick = struct('test.Tick', { id: u32, isLast: bool, level: u8, price: f64 });
const Tree = struct('test.Tree', {
  inner: Inner,
  list: array(u32, 3),
  marks: flags('u8', ['red', 'blue']),
});
const Note = struct('test.Note', { id: u32, extra: optional(u32), data: slab('bytes') });
const TICK = { id: 1, isLast: false, level: 2, price: 3 };

const EXPIRED = (why: RegExp, made: RegExp, ended: RegExp) =>
  ({
    code: 'ERR_VIEW_EXPIRED',
    message: why,
    sites: [
      [/the (message|slot) of test\.\w+ was made/, made],
      [/that ended/, ended],
      [/it was used/, /rings\.test/],
    ],
  }) as const;

describe('messages of a ring', () => {
  it('are over when the next is asked for', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    for (let id = 0; id < 4; id++) producer.tryPush({ ...TICK, id });
    const first = (function peekFirst() {
      return consumer.peek()!;
    })();
    assert.equal(first.id, 0);
    const second = (function peekSecond() {
      return consumer.peek()!;
    })();
    assert.notEqual(first, second);
    assert.equal(second.id, 1);
    const why =
      /^Cannot read test\.Tick\.id: the ring has moved on: the next message was asked for$/;
    catches(() => first.id, EXPIRED(why, /peekFirst/, /peekSecond/));
    (function releaseSecond() {
      consumer.release();
    })();
    catches(() => second.$get(), EXPIRED(/message was released$/, /peekSecond/, /releaseSecond/));
    ring.close();
  });

  it('are over when their handler returns, or the loop goes on', async () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const kept: Cursor<typeof TICK>[] = [];
    for (let id = 0; id < 4; id++) producer.tryPush({ ...TICK, id });
    consumer.forEach(1, function keepIt(message) {
      kept.push(message);
    });
    catches(
      () => kept[0]!.price,
      EXPIRED(/handler of the message returned$/, /forEach/, /forEach/),
    );
    for (const message of consumer.drain(2)) kept.push(message);
    catches(() => kept[1]!.price, EXPIRED(/next message was asked for$/, /Drain/, /Drain/));
    catches(() => kept[2]!.price, EXPIRED(/moved on/, /Drain/, /Drain/));
    assert.equal(consumer.tryPop()?.id, 3);
    producer.close();
    await consumer.run((message) => kept.push(message));
    ring.close();
  });

  it('are over when the ring is', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush(TICK);
    const message = consumer.peek()!;
    (function closeRing() {
      ring.close();
    })();
    catches(
      () => message.id,
      EXPIRED(/consumer was (closed|detached)$/, /rings\.test/, /closeRing/),
    );
  });

  it('take their parts with them', () => {
    const ring = Ring.create(Tree, { slots: 4 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    producer.tryPush({ inner: { x: 1, y: 2 }, list: [1, 2, 3], marks: { red: true, blue: false } });
    const message = consumer.peek()!;
    const { inner, list, marks } = message;
    assert.deepEqual([inner.x, list.at(2), marks.red], [1, 3, true]);
    consumer.release();
    const over = EXPIRED(/message was released$/, /rings\.test/, /rings\.test/);
    catches(() => inner.x, over);
    catches(() => list.at(0), over);
    catches(() => marks.red, over);
    catches(() => (marks.red = false), over);
    ring.close();
  });
});

describe('slots of a ring', () => {
  it('are over when they were committed or aborted', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const producer = ring.producer();
    const claimIt = (): Cursor<typeof TICK> => producer.claim()!;
    const slot = Object.assign(claimIt(), TICK);
    (function commitIt() {
      producer.commit();
    })();
    const committed = EXPIRED(/slot was committed$/, /claimIt/, /commitIt/);
    catches(() => (slot.id = 7), committed);
    catches(() => slot.id, committed);
    const other = claimIt();
    assert.notEqual(other, slot);
    (function abortIt() {
      producer.abort();
    })();
    catches(() => (other.id = 7), EXPIRED(/claim was aborted$/, /claimIt/, /abortIt/));
    let kept: Cursor<typeof TICK> | undefined;
    producer.writeMany(2, (each) => {
      kept = Object.assign(each, TICK);
    });
    catches(() => kept!.id, EXPIRED(/function that fills it returned$/, /writeMany/, /writeMany/));
    producer.tryWrite((each) => {
      kept = Object.assign(each, TICK);
    });
    catches(() => kept!.id, EXPIRED(/slot was committed$/, /tryWrite/, /tryWrite/));
    ring.close();
  });

  it('have each a cursor of their own', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    assert.ok(producer.claimMany(3));
    const slots = [0, 1, 2].map((index) =>
      Object.assign(producer.slot(index), TICK, { id: index }),
    );
    assert.equal(producer.slot(1), slots[1]);
    assert.deepEqual(
      slots.map(({ id }) => id),
      [0, 1, 2],
    );
    producer.commit(2);
    assert.deepEqual(
      consumer.popAll().map(({ id }) => id),
      [0, 1],
    );
    catches(() => slots[2]!.id, EXPIRED(/committed$/, /rings\.test/, /rings\.test/));
    ring.close();
  });

  it('are written before they are committed', () => {
    const ring = Ring.create(Tick, { slots: 8 });
    const producer = ring.producer();
    const claimIt = (): Cursor<typeof TICK> => producer.claim()!;
    const slot = claimIt();
    Object.assign(slot, { id: 1, isLast: true, price: 2 });
    const expected = {
      code: 'ERR_VIEW_UNWRITTEN',
      message: /^Cannot commit a slot: test\.Tick\.level was never written$/,
      sites: [
        [/the slot of test\.Tick was made/, /claimIt/],
        [/it was to be published/, /commitIt/],
      ],
    } as const;
    catches(function commitIt() {
      producer.commit();
    }, expected);
    catches(() => slot.level, {
      ...expected,
      message: /^Cannot read test\.Tick\.level: it was never written/,
      sites: [[/region/, /create/], expected.sites[0], [/it was read/, /rings\.test/]],
    });
    slot.level = 0;
    producer.commit();
    catches(
      function commitIt() {
        producer.writeMany(1, function claimIt(each) {
          each.id = 1;
        });
      },
      {
        ...expected,
        message: /test\.Tick\.isLast was never written$/,
        sites: [
          [/slot/, /commitIt/],
          [/published/, /commitIt/],
        ],
      },
    );
    ring.close();
  });

  it('are checked with what they have in the slab', () => {
    const ring = Ring.create(Note, { slots: 8, slabBytes: 256 });
    const [producer, consumer] = [ring.producer(), ring.consumer()];
    const note = producer.claim()!;
    note.id = 1;
    const offset = note.$reserve('data', 32);
    catches(() => producer.commit(), {
      code: 'ERR_VIEW_UNWRITTEN',
      message: /^Cannot commit a slot: what \$reserve gave \(32 bytes\) was never written$/,
      sites: [
        [/the slot of test\.Note was made/, /rings\.test/],
        [/it was to be published/, /rings\.test/],
      ],
    });
    processArena().bytes.fill(7, offset, offset + 32);
    producer.commit();
    assert.deepEqual(consumer.tryPop(), {
      id: 1,
      extra: undefined,
      data: new Uint8Array(32).fill(7),
    });
    ring.close();
  });

  it('show what nobody wrote as such to whoever reads them, on whichever thread', () => {
    const ring = Ring.create(Tick, { slots: 2 });
    const consumer = ring.consumer();
    const producer = ring.producer();
    const slot = Object.assign(producer.claim()!, TICK);
    // As if another thread had not written it: the pattern is in the memory.
    processArena().words.fill(0xf7c5_93a1 | 0, slot.$offset / 4, slot.$offset / 4 + 6);
    producer.commit();
    catches(() => consumer.tryPop(), {
      code: 'ERR_VIEW_UNWRITTEN',
      message: /^Cannot read test\.Tick\.\w+: it was never written/,
      sites: [
        [/the region "ring of test\.Tick" was taken/, /create/],
        [/it was read/, /rings\.test/],
      ],
    });
    ring.close();
  });
});
