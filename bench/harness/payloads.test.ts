import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { constants, inflateRawSync } from 'node:zlib';
import { bombFile, payloadFile } from './payloads.ts';

/** What permessage-deflate has the receiver add. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

function inflate(packed: Buffer): Buffer {
  const finishFlush = constants.Z_SYNC_FLUSH;
  return inflateRawSync(Buffer.concat([packed, TAIL]), { finishFlush });
}

function read(file: string): [plain: Buffer, packed: Buffer][] {
  const bytes = readFileSync(file);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    parts.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return parts.flatMap((plain, index) =>
    index % 2 === 0 ? [[plain, parts[index + 1] ?? Buffer.alloc(0)]] : [],
  );
}

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'rondo-bench-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('payloadFile holds sixteen payloads of the size that differ, and what they compress to', () => {
  inFolder((folder) => {
    for (const size of [1, 20, 1024]) {
      const payloads = read(payloadFile(folder, size));
      assert.equal(payloads.length, 16);
      assert.equal(new Set(payloads.map(([plain]) => plain.toString())).size, 16);
      payloads.forEach(([plain, packed], variant) => {
        assert.equal(plain.length, size);
        assert.equal(plain[0], 65 + variant);
        assert.deepEqual(inflate(packed), plain);
      });
    }
  });
});

test('bombFile holds a message that becomes a thousand times as long', () => {
  inFolder((folder) => {
    const [first] = read(bombFile(folder, 1 << 20));
    assert.ok(first);
    assert.ok(first[1].length < 2048);
    assert.equal(inflate(first[1]).length, 1 << 20);
  });
});
