import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { SeededRandom, type Clock } from '../base/index.ts';
import { Arena, Blocks } from '../memory/index.ts';
import type { Deflater } from './contract.ts';
import { Deflation, DeflationStatus } from './deflation.ts';
import { openStreams, reasonAgainstNative } from './open.ts';
import { dedicatedDeflater, sharedDeflaters, sharedInflaters } from './sources.ts';

const { DONE, AGAIN, FAILED } = DeflationStatus;
const arena = Arena.create({ size: 16 << 20 });
const blocks = Blocks.create(arena, { name: 'blocks', size: 4 << 20, minBlock: 1024 });
const region = arena.allocate('messages', 4 << 20);
const SOURCE = region.offset;
const RESERVE = 10;

/** Time that passes by a fixed amount at each look. */
class SteppingClock implements Clock {
  step: number;
  looks = 0;
  constructor(step: number) {
    this.step = step;
  }
  now(): number {
    return this.looks++ * this.step;
  }
}

function put(message: Uint8Array): void {
  arena.bytes.set(message, SOURCE);
}

function text(size: number): Buffer {
  let all = '';
  for (let i = 0; all.length < size; i++) all += `{"id":${i},"name":"user ${(i * 7919) % 997}"},`;
  return Buffer.from(all.slice(0, size));
}

const random = new SeededRandom(1);
const noise = Uint8Array.from({ length: 300_000 }, () => random.below(256));

/** The message that the deflation's block holds, inflated; gives the block back. */
function take(deflation: Deflation): Buffer {
  const { block, offset, length } = deflation;
  assert.equal(offset, block + RESERVE);
  const packed = Buffer.from(arena.bytes.slice(offset, offset + length));
  blocks.release(block);
  return inflateRawSync(
    Buffer.concat([packed, Buffer.from([0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff])]),
  );
}

for (const kind of ['native', 'node'] as const) {
  const reason = kind === 'native' ? reasonAgainstNative(arena) : undefined;
  describe(`Deflation, ${kind}`, { skip: reason ?? false }, () => {
    test('it compresses in steps, whatever the size', () => {
      const streams = openStreams(arena, { kind });
      const deflaters = sharedDeflaters(streams);
      for (const message of [
        Buffer.alloc(0),
        text(10),
        text(1_000_000),
        noise,
        Buffer.alloc(2_000_000),
      ]) {
        put(message);
        const clock = new SteppingClock(1);
        const deflation = new Deflation({ bytes: arena.bytes, blocks, clock, stepMs: 1 });
        deflation.begin(deflaters, SOURCE, message.length, RESERVE);
        let steps = 1;
        for (let status: number = AGAIN; status !== DONE; steps++) {
          status = deflation.step();
          assert.notEqual(status, FAILED);
          assert.equal(deflation.running, status === AGAIN);
        }
        // With a look at the clock after each part, each of which is a step here.
        assert.ok(steps >= message.length / 16_384);
        assert.deepEqual(take(deflation), Buffer.from(message));
      }
      assert.equal(blocks.held, 0);
      deflaters.free();
      assert.equal(streams.bytes, 0);
      streams.close();
    });

    test('others use the shared deflaters while a message takes turns', () => {
      const streams = openStreams(arena, { kind });
      const deflaters = sharedDeflaters(streams);
      put(text(200_000));
      const clock = new SteppingClock(1);
      const running = [1, 2, 3, 4].map(() => {
        const deflation = new Deflation({ bytes: arena.bytes, blocks, clock, stepMs: 1 });
        deflation.begin(deflaters, SOURCE, 200_000, RESERVE);
        return deflation;
      });
      let left = running;
      while (left.length > 0) left = left.filter((deflation) => deflation.step() === AGAIN);
      for (const deflation of running) assert.deepEqual(take(deflation), text(200_000));
      deflaters.free();
      assert.equal(streams.bytes, 0, 'those that are too many are freed as they come back');
      streams.close();
    });

    test('a step goes on until its time is up', () => {
      const streams = openStreams(arena, { kind });
      put(text(1_000_000));
      const clock = new SteppingClock(0.25);
      const deflation = new Deflation({ bytes: arena.bytes, blocks, clock, stepMs: 1 });
      deflation.begin(sharedDeflaters(streams), SOURCE, 1_000_000, RESERVE);
      assert.equal(deflation.step(), AGAIN);
      assert.equal(clock.looks, 5);
      deflation.cancel();
      deflation.cancel();
      assert.equal(blocks.held, 0);
      streams.close();
    });

    test('cancel leaves the deflater fit for the next message', () => {
      const streams = openStreams(arena, { kind });
      const clock = new SteppingClock(1);
      for (const deflaters of [sharedDeflaters(streams), dedicatedDeflater(streams)]) {
        const deflation = new Deflation({ bytes: arena.bytes, blocks, clock, stepMs: 0 });
        put(text(500_000));
        deflation.begin(deflaters, SOURCE, 500_000, RESERVE);
        assert.equal(deflation.step(), AGAIN);
        deflation.cancel();
        put(text(1000));
        deflation.begin(deflaters, SOURCE, 1000, RESERVE);
        assert.equal(deflation.step(), DONE);
        assert.deepEqual(take(deflation), text(1000));
        deflaters.free();
      }
      assert.equal(blocks.held, 0);
      assert.equal(streams.bytes, 0);
      streams.close();
    });

    test('it fails without memory, at any point, and holds nothing then', () => {
      const poor = openStreams(arena, { kind, maxBytes: 1000 });
      const few = Blocks.create(arena, { name: 'few', size: 65_536, minBlock: 1024 });
      put(noise);
      for (const streams of [poor, openStreams(arena, { kind })]) {
        const deflaters = dedicatedDeflater(streams);
        const deflation = new Deflation({ bytes: arena.bytes, blocks: few });
        deflation.begin(deflaters, SOURCE, 200_000, RESERVE);
        let status: number = AGAIN;
        while (status === AGAIN) status = deflation.step();
        assert.equal(status, FAILED);
        assert.equal(deflation.running, false);
        assert.equal(few.held, 0);
        assert.equal(streams.bytes, 0);
        streams.close();
      }
      few.destroy();
    });
  });
}

test('sharedInflaters keeps two open and frees the others', () => {
  const streams = openStreams(arena, { kind: 'node' });
  const inflaters = sharedInflaters(streams);
  const held = [1, 2, 3].map(() => inflaters.acquire());
  assert.equal(new Set(held).size, 3);
  for (const inflater of held) inflaters.release(inflater, true);
  assert.ok(held.includes(inflaters.acquire()));
  assert.ok(held.includes(inflaters.acquire()));
  assert.ok(!held.includes(inflaters.acquire()));
  streams.close();
});

test('dedicatedDeflater gives up its memory with a message that is given up', () => {
  const streams = openStreams(arena);
  const deflaters = dedicatedDeflater(streams);
  const before = streams.bytes;
  const deflater: Deflater = deflaters.acquire();
  deflater.compress(SOURCE, 1000, false, SOURCE + 65_536, 65_536);
  assert.ok(streams.bytes >= before);
  deflaters.release(deflater, false);
  assert.equal(streams.bytes, before);
  assert.equal(deflaters.acquire(), deflater);
  streams.close();
});
