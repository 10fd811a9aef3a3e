import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloseCode, isSendableCloseCode } from './close-codes.ts';
import { MAX_CLOSE_FRAME_BYTES, writeCloseFrame } from './close-frame.ts';
import { FAILURES } from './failures.ts';

test('isSendableCloseCode knows the ranges', () => {
  const sendable: string[] = [];
  let from = -1;
  for (let code = 0; code <= 65_536; code++) {
    if (isSendableCloseCode(code) && from < 0) from = code;
    if (!isSendableCloseCode(code) && from >= 0) {
      sendable.push(`${from}-${code - 1}`);
      from = -1;
    }
  }
  assert.deepEqual(sendable, ['1000-1003', '1007-1014', '3000-4999']);
  assert.equal(isSendableCloseCode(1000.5), false);
  assert.equal(isSendableCloseCode(NaN), false);
});

test('writeCloseFrame writes code and reason, masked with a key', () => {
  const bytes = new Uint8Array(MAX_CLOSE_FRAME_BYTES);
  assert.equal(writeCloseFrame(bytes, 1, CloseCode.GOING_AWAY, 'bye'), 7);
  assert.deepEqual([...bytes.slice(1, 8)], [0x88, 5, 3, 233, 98, 121, 101]);
  assert.equal(writeCloseFrame(bytes, 0, 1001, 'bye', 0x04030201), 11);
  assert.deepEqual(
    [...bytes.slice(0, 11)],
    [0x88, 0x85, 1, 2, 3, 4, 3 ^ 1, 233 ^ 2, 98 ^ 3, 121 ^ 4, 101 ^ 1],
  );
});

test('writeCloseFrame writes no payload without a code', () => {
  const bytes = new Uint8Array(2);
  assert.equal(writeCloseFrame(bytes, 0, CloseCode.NONE, ''), 2);
  assert.deepEqual([...bytes], [0x88, 0]);
});

test('writeCloseFrame refuses what must not travel', () => {
  const bytes = new Uint8Array(MAX_CLOSE_FRAME_BYTES);
  for (const code of [0, 999, 1004, 1006, 1015, 2000, 5000, 1000.5]) {
    assert.throws(() => writeCloseFrame(bytes, 0, code, ''), { code: 'ERR_CLOSE_CODE' });
  }
  assert.equal(writeCloseFrame(bytes, 0, 1000, 'é'.repeat(61)), 126);
  assert.equal(writeCloseFrame(bytes, 0, 1000, 'x'.repeat(123)), 127);
  for (const reason of ['x'.repeat(124), 'é'.repeat(62)]) {
    assert.throws(() => writeCloseFrame(bytes, 0, 1000, reason), { code: 'ERR_CLOSE_REASON' });
  }
  assert.throws(() => writeCloseFrame(bytes, 0, CloseCode.NONE, 'x'), { code: 'ERR_CLOSE_REASON' });
});

test('FAILURES all fit a close frame', () => {
  const bytes = new Uint8Array(MAX_CLOSE_FRAME_BYTES);
  for (const { closeCode, reason } of Object.values(FAILURES)) {
    assert.ok(writeCloseFrame(bytes, 0, closeCode, reason) > 4);
  }
});
