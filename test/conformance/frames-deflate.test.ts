/** Every case of compressed frames, with each implementation, in pieces of several sizes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dedicatedInflater, openStreams, reasonAgainstNative } from '../../src/deflate/index.ts';
import { Arena } from '../../src/memory/index.ts';
import { ReceiverProbe } from '../fuzz/receiver-probe.ts';
import { referenceEvents } from '../fuzz/reference-decoder.ts';
import { DEFLATE_CASES, DEFLATE_RULES } from './frames-deflate.ts';

/** Bytes of a piece; 0 is one piece for each frame. */
const PIECE_SIZES = [1_000_000, 0, 1, 7, 4093];

const arena = Arena.create({ size: 16 << 20 });
const region = arena.allocate('probe', 8 << 20);

test('The reference agrees with the cases of compressed frames', () => {
  for (const { name, send, expect } of DEFLATE_CASES) {
    assert.deepEqual(referenceEvents(send.flat(), DEFLATE_RULES), expect, name);
  }
});

for (const kind of ['native', 'node'] as const) {
  const reason = kind === 'native' ? reasonAgainstNative(arena) : undefined;
  describe(`MessageReceiver with ${kind} streams`, { skip: reason ?? false }, () => {
    for (const { name, send, expect } of DEFLATE_CASES) {
      test(name, () => {
        const streams = openStreams(arena, { kind });
        const all = send.flat();
        for (const size of PIECE_SIZES) {
          const inflaters = dedicatedInflater(streams, { maxMessageSize: 100_000 });
          const probe = new ReceiverProbe(DEFLATE_RULES, {
            bytes: arena.bytes,
            start: region.offset,
            end: region.offset + region.size,
            inflaters,
          });
          if (size === 0) for (const frame of send) probe.feed(frame, 1);
          for (let at = 0; size > 0 && at < all.length; at += size) {
            probe.feed(all.slice(at, at + size), at & 3);
          }
          assert.deepEqual(probe.events, expect, `in pieces of ${size}`);
          probe.receiver.stop();
          assert.equal(probe.blocks.held.size, 0, 'nothing is held after stop');
          inflaters.free();
        }
        assert.equal(streams.bytes, 0);
        streams.close();
      });
    }
  });
}
