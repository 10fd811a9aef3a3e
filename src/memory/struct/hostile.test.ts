import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { bytes, flags, oneOf, safe, slab, struct, text, u64, Views } from './index.ts';

const SLAB_BASE = 8192;
const SLAB_BYTES = 4096;
const READS = 10_000;

const Message = struct('test.Message', {
  short: text(8),
  middle: text(96),
  long: text(4096),
  key: bytes(64),
  side: oneOf('u8', ['buy', 'sell']),
  marks: flags('u8', ['a', 'b']),
  id: safe(u64),
  note: slab(),
  data: slab('bytes'),
});

describe('Cursor, over memory that another thread changes', () => {
  // Decoding text in place while it changes ends Node 20 with a segmentation fault: this test would
  // not fail, its process would be gone.
  test('reading gives values or coded errors, whatever is written meanwhile', async () => {
    const buffer = new SharedArrayBuffer(SLAB_BASE + SLAB_BYTES);
    const views = Views.of(buffer);
    const side = { base: SLAB_BASE, size: SLAB_BYTES, reserve: () => -1 };
    const cursor = Message.cursor(views, side);
    const worker = new Worker(new URL('./hostile.test.worker.js', import.meta.url), {
      workerData: { buffer, from: 0, to: SLAB_BASE + SLAB_BYTES },
    });
    await once(worker, 'online');
    try {
      const codes = new Set<unknown>();
      for (let i = 0; i < READS; i++) {
        assert.ok(cursor.short.length <= 8);
        assert.ok(cursor.middle.length <= 96);
        assert.ok(cursor.key.length === 64);
        if (i % 16 === 0) assert.ok(cursor.long.length <= 4096);
        for (const name of ['side', 'marks', 'id', 'note', 'data'] as const) {
          try {
            void (name === 'marks' ? cursor.marks.a : cursor[name]);
          } catch (error) {
            codes.add((error as { code?: unknown }).code);
          }
        }
        try {
          const start = cursor.$locate('data');
          assert.ok(start >= SLAB_BASE && start + cursor.$located <= SLAB_BASE + SLAB_BYTES);
        } catch (error) {
          codes.add((error as { code?: unknown }).code);
        }
      }
      codes.delete('ERR_STRUCT_VALUE');
      codes.delete('ERR_STRUCT_SLAB');
      assert.deepEqual([...codes], []);
    } finally {
      await worker.terminate();
    }
  });
});
