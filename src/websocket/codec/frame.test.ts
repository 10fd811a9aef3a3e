import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from './failures.ts';
import {
  FrameHead,
  HEAD_FAILED,
  HEAD_PARTIAL,
  HEAD_READY,
  headSize,
  MAX_HEAD_BYTES,
  Opcode,
  writeHead,
  writeMaskedHead,
} from './frame.ts';

const LIMIT = 2 ** 40;
const LENGTHS = [0, 1, 125, 126, 127, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40];

test('FrameHead.parse reads what writeMaskedHead wrote, at each length form', () => {
  const head = new FrameHead('server', LIMIT);
  for (const length of LENGTHS) {
    const bytes = new Uint8Array(MAX_HEAD_BYTES + 2);
    const size = writeMaskedHead(bytes, 1, Opcode.BINARY, false, length, -0x12345678);
    assert.equal(size, headSize(length) + 4);
    for (let available = 1; available < size; available++) {
      assert.equal(head.parse(bytes, 1, available, false, LIMIT, LIMIT, false), HEAD_PARTIAL);
    }
    assert.equal(head.parse(bytes, 1, size, false, LIMIT, LIMIT, false), HEAD_READY);
    assert.deepEqual(
      [head.opcode, head.fin, head.length, head.size, head.key],
      [Opcode.BINARY, false, length, size, -0x12345678],
    );
  }
});

test('FrameHead.parse reads what writeHead wrote, as a client', () => {
  const head = new FrameHead('client', LIMIT);
  for (const length of LENGTHS) {
    const bytes = new Uint8Array(MAX_HEAD_BYTES);
    const size = writeHead(bytes, 0, Opcode.TEXT, true, length);
    assert.equal(size, headSize(length));
    assert.equal(head.parse(bytes, 0, size, false, LIMIT, LIMIT, false), HEAD_READY);
    assert.deepEqual(
      [head.opcode, head.fin, head.length, head.key],
      [Opcode.TEXT, true, length, 0],
    );
  }
});

test('writeHead gives the bytes of the examples in RFC 6455 §5.7', () => {
  const bytes = new Uint8Array(14);
  assert.equal(writeHead(bytes, 0, Opcode.TEXT, true, 5), 2);
  assert.deepEqual([...bytes.slice(0, 2)], [0x81, 0x05]);
  assert.equal(writeHead(bytes, 0, Opcode.BINARY, true, 256), 4);
  assert.deepEqual([...bytes.slice(0, 4)], [0x82, 0x7e, 0x01, 0x00]);
  assert.equal(writeHead(bytes, 0, Opcode.BINARY, true, 65_536), 10);
  assert.deepEqual([...bytes.slice(0, 10)], [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
  assert.equal(writeMaskedHead(bytes, 0, Opcode.TEXT, true, 5, 0x3d21fa37), 6);
  assert.deepEqual([...bytes.slice(0, 6)], [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d]);
});

test('FrameHead.parse names the rule that is broken', () => {
  const cases = [
    ['server', [0xc1], FAILURES.RESERVED_BITS],
    ['server', [0x83], FAILURES.UNKNOWN_OPCODE],
    ['server', [0x8b], FAILURES.UNKNOWN_OPCODE],
    ['server', [0x09], FAILURES.CONTROL_FRAGMENTED],
    ['server', [0x80], FAILURES.NOTHING_TO_CONTINUE],
    ['server', [0x81, 0x00], FAILURES.MASK_MISSING],
    ['client', [0x81, 0x80], FAILURES.MASK_FORBIDDEN],
    ['server', [0x89, 0xfe], FAILURES.CONTROL_TOO_LONG],
    ['server', [0x88, 0x81], FAILURES.CLOSE_TOO_SHORT],
    ['server', [0x82, 0xfe, 0, 125], FAILURES.LENGTH_NOT_MINIMAL],
    ['server', [0x82, 0xff, 0, 0, 0, 0, 0, 0, 255, 255], FAILURES.LENGTH_NOT_MINIMAL],
    ['server', [0x82, 0xff, 128, 0, 0, 0, 0, 0, 0, 0], FAILURES.LENGTH_SIGN],
  ] as const;
  for (const [role, bytes, failure] of cases) {
    const head = new FrameHead(role, LIMIT);
    const result = head.parse(new Uint8Array(bytes), 0, bytes.length, false, LIMIT, LIMIT, false);
    assert.equal(result, HEAD_FAILED, String(bytes));
    assert.equal(head.failure, failure);
  }
});

test('FrameHead.parse knows the open message and the limits', () => {
  const head = new FrameHead('client', LIMIT);
  const parse = (bytes: number[], continuing: boolean, frame: number, message: number): unknown => {
    const result = head.parse(new Uint8Array(bytes), 0, 2, continuing, frame, message, false);
    return result === HEAD_FAILED ? head.failure : result;
  };
  assert.equal(parse([0x80, 5], true, 5, 5), HEAD_READY);
  assert.equal(parse([0x81, 5], true, 5, 5), FAILURES.MESSAGE_UNFINISHED);
  assert.equal(parse([0x82, 6], false, 5, 9), FAILURES.FRAME_TOO_BIG);
  assert.equal(parse([0x82, 6], false, 9, 5), FAILURES.MESSAGE_TOO_BIG);
  assert.equal(parse([0x89, 6], true, 0, 0), HEAD_READY, 'control frames are not limited');
});
