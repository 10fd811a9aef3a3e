import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareExchange, loadAcquire } from '#atomics';
import { struct, u32 } from '../../memory/index.ts';
import { nativeStatus } from '../../native/index.ts';
import { Ring } from '../ring.ts';

/** Offsets of spec/ring.md: the ring's entry in the header, the bell in its block. */
const ENTRY = 128;
const CONSUMERS_BELL = 256;
const Number32 = struct('test.Number', { value: u32 });
const skip = nativeStatus().available ? false : 'the addon sleeps on bells';

test(
  'LoopBells wakes who sleeps on a bell whose ringer died before he woke anybody',
  { skip },
  async () => {
    const ring = Ring.create(Number32, { slots: 4 });
    const { memory, offset } = ring.share();
    const words = new Int32Array(memory.buffer);
    const block = words[(offset + ENTRY) >>> 2]!;
    const bell = (offset + block + CONSUMERS_BELL) >>> 2;
    const producer = ring.producer();
    const consumer = ring.consumer();
    const woken = consumer.ready();
    // The addon is told to sleep when the event loop is about to.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    // What ringing does, up to the moment before it wakes.
    const asleep = loadAcquire(words, bell);
    assert.equal(asleep & 1, 1);
    assert.equal(compareExchange(words, bell, asleep, asleep + 1), asleep);
    // Finds nobody asleep any more.
    producer.tryPush({ value: 7 });
    assert.equal(await woken, 'ready');
    assert.equal(consumer.tryPop()?.value, 7);
    ring.close();
  },
);
