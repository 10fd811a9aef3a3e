import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { oneOf, processArena, slab, struct, u32, u64 } from '../../memory/index.ts';
import { Channel } from '../channel.ts';
import { Ring } from '../ring.ts';
import { RingDirectory } from './directory.ts';
import { freshPath, nobody, plant } from './fixture.test.helper.ts';
import { cleanRings, listRings, RingObserver } from './observer.ts';

const Tick = struct('test.Tick', { id: u32, price: u64 });
const Note = struct('test.Note', { id: u32, side: oneOf('u8', ['buy', 'sell']), note: slab() });

const positions = (seen: readonly { position: number }[]): number[] =>
  seen.map(({ position }) => position);

test('listRings and cleanRings show and tidy a directory', () => {
  const directory = freshPath();
  assert.deepEqual(listRings({ directory }), { names: [], strays: [] });
  const ring = Ring.create(Tick, { name: 'prices', directory });
  plant(directory, 'gone', nobody);
  const { names } = listRings({ directory });
  assert.deepEqual(
    names.map(({ name, holders }) => [name, holders.map(({ standing }) => standing)]),
    [
      ['gone', ['dead']],
      ['prices', ['alive']],
    ],
  );
  assert.equal(cleanRings({ directory, dryRun: true }).length, 2);
  assert.equal(cleanRings({ directory, name: 'prices' }).length, 0);
  assert.equal(cleanRings({ directory }).length, 2);
  ring.close();
  assert.deepEqual(fs.readdirSync(directory), []);
  assert.throws(() => listRings({ dir: directory } as object), { code: 'ERR_OPTION_UNKNOWN' });
});

test('RingObserver shows a ring without taking part in it', () => {
  const directory = freshPath();
  const ring = Ring.create(Tick, {
    name: 'prices',
    directory,
    label: 'me',
    topology: 'mpmc',
    producers: 2,
    consumers: 2,
    slots: 8,
  });
  const producer = ring.producer();
  for (let id = 0; id < 5; id++) producer.tryPush({ id, price: 1n });
  const observer = RingObserver.open('prices', { directory });
  assert.equal(observer.info.name, 'prices');
  assert.equal(observer.info.kind, 'ring');
  assert.deepEqual(observer.schemas, [Tick.layout]);
  assert.equal(listRings({ directory }).names[0]?.holders.length, 1, 'it holds no name');
  const [before] = observer.snapshot();
  assert.equal(before!.shape.topology, 'mpmc');
  assert.deepEqual([before!.isClosed, before!.poison], [false, undefined]);
  const [one, two] = before!.lanes;
  assert.deepEqual([one!.state, one!.tail, one!.used], ['open', 5, 5]);
  assert.equal(one!.producer?.pid, process.pid);
  assert.equal(one!.producer.label, 'me');
  assert.deepEqual([two!.state, two!.producer], ['unused', undefined]);
  assert.deepEqual(before!.consumers, [undefined, undefined]);

  const consumer = ring.consumer();
  assert.deepEqual(consumer.tryPop(), { id: 0, price: 1n });
  const [after] = observer.snapshot();
  assert.equal(after!.consumers[0]?.alive, true);
  const { head, behind } = after!.lanes[0]!.cursors[0]!;
  assert.equal(head + behind, 5);
  assert.equal(observer.participants().length, 1);
  const { length } = processArena().regions();
  for (let count = 0; count < 2; count++) assert.equal(observer.tail().read(1).length, 1);
  observer.close();
  // The window too.
  assert.equal(processArena().regions().length, length - 1);
  observer.close();
  assert.throws(() => observer.snapshot(), { code: 'ERR_RING_CLOSED' });
  assert.throws(() => observer.tail(), { code: 'ERR_RING_CLOSED' });
  ring.close();
  assert.throws(() => RingObserver.open('prices', { directory }), { code: 'ERR_RING_NOT_FOUND' });
});

test('RingTail shows what waits, then what comes, and leaves it to the consumers', () => {
  const directory = freshPath();
  const ring = Ring.create(Note, { name: 'notes', directory, slots: 4, slabBytes: 256 });
  const producer = ring.producer();
  const push = (id: number): void => {
    assert.equal(producer.tryPush({ id, side: 'sell', note: `note ${id}` }), 'pushed');
  };
  for (const id of [0, 1, 2]) push(id);
  const observer = RingObserver.open('notes', { directory });
  const tail = observer.tail();
  assert.equal(tail.struct.name, 'test.Note');
  const seen = tail.read(2);
  assert.deepEqual(seen[1], {
    lane: 0,
    position: 1,
    message: { id: 1, side: 'sell', note: 'note 1' },
    problem: undefined,
  });
  assert.deepEqual(positions(tail.read(10)), [2]);
  assert.deepEqual(tail.read(10), []);
  const consumer = ring.consumer();
  for (const id of [0, 1, 2]) assert.equal(consumer.tryPop()?.id, id);
  push(3);
  push(4);
  assert.equal(consumer.tryPop()?.id, 3);
  assert.equal(consumer.tryPop()?.id, 4);
  consumer.detach();
  // Half a ring is shown although it was consumed.
  assert.deepEqual(positions(tail.read(10)), [3, 4]);
  assert.equal(tail.missed, 0);
  observer.close();
  ring.close();
});

test('RingTail counts what it missed', () => {
  const directory = freshPath();
  for (const lossy of [false, true]) {
    const ring = Ring.create(Tick, { name: 'prices', directory, slots: 8, lossy });
    const producer = ring.producer();
    const consumer = ring.consumer();
    const observer = RingObserver.open('prices', { directory });
    const tail = observer.tail();
    for (let id = 0; id < 100; id++) {
      assert.equal(producer.tryPush({ id, price: 0n }), 'pushed');
      if (!lossy) consumer.tryPop();
    }
    consumer.detach();
    const seen = tail.read(100);
    assert.equal(tail.missed + seen.length, 100);
    assert.ok(seen.length >= 4 && seen.length <= 8);
    for (const { position, message } of seen) assert.equal(message?.['id'], position);
    assert.equal(seen.at(-1)?.position, 99);
    observer.close();
    ring.close();
  }
});

test('RingTail takes lanes in turn, and rings of a channel one by one', () => {
  const directory = freshPath();
  const messages = { request: Tick, response: Note };
  const channel = Channel.create(messages, {
    name: 'orders',
    directory,
    requests: { topology: 'mpsc', producers: 2 },
    responses: { slabBytes: 64 },
  });
  const producers = [channel.requests.producer(), channel.requests.producer()];
  for (const [id, producer] of producers.entries()) {
    for (let i = 0; i < 3; i++) producer.tryPush({ id: id * 10 + i, price: 0n });
  }
  const observer = RingObserver.open('orders', { directory });
  assert.equal(observer.info.kind, 'channel');
  assert.equal(observer.snapshot().length, 2);
  const ids = observer
    .tail(0)
    .read(10)
    .map(({ message }) => Number(message?.['id']));
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    [0, 1, 2, 10, 11, 12],
  );
  assert.deepEqual(observer.tail(1).read(10), []);
  assert.throws(() => observer.tail(2), { code: 'ERR_OPTION_RANGE' });
  observer.close();
  channel.close();
});

test('RingTail survives whatever a peer writes into words and slots', () => {
  const directory = freshPath();
  const ring = Ring.create(Note, { name: 'notes', directory, slots: 4, slabBytes: 64 });
  const producer = ring.producer();
  for (let id = 0; id < 3; id++) producer.tryPush({ id, side: 'buy', note: 'x' });
  const { fd } = RingDirectory.open(directory).attach('notes');
  const { size } = fs.fstatSync(fd);
  const before = Buffer.alloc(size);
  fs.readSync(fd, before, 0, size, 0);
  const observer = RingObserver.open('notes', { directory });
  // Behind the geometry: states, owners, bells, positions, slots, slab.
  const place = fc.integer({ min: 16_384 + 128, max: size - 4 });
  const lies = fc.array(fc.tuple(place, fc.integer()), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(lies, (changes) => {
      const tail = observer.tail();
      for (const [at, value] of changes) {
        const word = Buffer.alloc(4);
        word.writeInt32LE(value);
        fs.writeSync(fd, word, 0, 4, at & ~3);
      }
      for (const each of [tail, observer.tail()]) {
        assert.ok(each.read(50).length <= 50);
        each.close();
      }
      const [snapshot] = observer.snapshot();
      for (const { used, cursors } of snapshot!.lanes) {
        assert.ok(used >= 0 && used <= 4);
        assert.ok(cursors.every(({ behind }) => behind >= 0 && behind <= 4));
      }
      observer.participants();
      fs.writeSync(fd, before, 0, size, 0);
    }),
    { numRuns: 200 },
  );
  observer.close();
  fs.closeSync(fd);
});
