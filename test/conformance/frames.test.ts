/** Every frame case, in pieces of several sizes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReceiverProbe } from '../fuzz/receiver-probe.ts';
import { referenceEvents } from '../fuzz/reference-decoder.ts';
import { CASE_RULES, FRAME_CASES } from './frames.ts';

/** Bytes of a piece; 0 is one piece for each frame. */
const PIECE_SIZES = [Number.MAX_SAFE_INTEGER, 0, 1, 2, 3, 5, 7, 64, 4093];

test('The names of the frame cases with bytes and events are all different', () => {
  const keys = FRAME_CASES.map((item) => `${item.name} ${item.send.join(';')}`);
  assert.equal(new Set(keys).size, keys.length);
});

for (const { name, send, expect } of FRAME_CASES) {
  test(`MessageReceiver ${name}`, () => {
    const all = send.flat();
    assert.deepEqual(referenceEvents(all, CASE_RULES), expect, 'the reference agrees');
    for (const size of PIECE_SIZES) {
      const probe = new ReceiverProbe(CASE_RULES);
      if (size === 0) for (const frame of send) probe.feed(frame, 1);
      for (let at = 0; size > 0 && at < all.length; at += size) {
        probe.feed(all.slice(at, at + size), at & 3);
      }
      assert.deepEqual(probe.events, expect, `in pieces of ${size}`);
      probe.receiver.stop();
      assert.equal(probe.blocks.held.size, 0, 'nothing is held after stop');
    }
  });
}
