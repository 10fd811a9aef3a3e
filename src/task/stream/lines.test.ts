import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PENDING } from '../future/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { lines, toStream } from './index.ts';

function all(pieces: (Uint8Array | { bytes(): Uint8Array; release(): void })[]): string[] {
  const task = new TestTask(lines(toStream(pieces)).collect());
  for (;;) {
    const value = task.poll();
    if (value !== PENDING) return value;
    assert.ok(task.isWoken);
  }
}

describe('lines', () => {
  it('gives lines without their ends, and what comes after the last one', () => {
    assert.deepEqual(all([Buffer.from('a\nbc\r\n\r\nlast')]), ['a', 'bc', '', 'last']);
    assert.deepEqual(all([Buffer.from('a\n')]), ['a']);
    assert.deepEqual(all([]), []);
  });

  it('releases chunks, each once', () => {
    let released = 0;
    const chunk = (text: string) => ({
      bytes: () => Buffer.from(text),
      release: () => void (released += 1),
    });
    assert.deepEqual(all([chunk('one\ntw'), chunk('o\n')]), ['one', 'two']);
    assert.equal(released, 2);
  });

  it('is the same however the bytes are cut', () => {
    const text = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 10 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(20), { maxLength: 30 }), (parts, cuts) => {
        const whole = parts.map((part) => part.replaceAll(/[\r\n]/g, '-')).join('\n');
        const bytes = Buffer.from(whole);
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          pieces.push(bytes.subarray(at, at + cut));
          at = Math.min(bytes.length, at + cut);
        }
        pieces.push(bytes.subarray(at));
        const expected = bytes.toString().split('\n');
        if (expected.at(-1) === '') expected.pop();
        assert.deepEqual(all(pieces), expected);
      }),
    );
  });

  it('refuses a line that is too long, and gives the source up', () => {
    const endless = toStream([Buffer.alloc(10, 'x'), Buffer.alloc(10, 'x')]);
    const task = new TestTask(lines(endless, { maxBytes: 15 }).next());
    assert.throws(() => task.poll(), { code: 'ERR_STREAM_LINE', message: /15 bytes/ });
    assert.throws(() => lines(endless, { maxBytes: 0 }), { code: 'ERR_OPTION_RANGE' });
    assert.throws(() => lines(endless, { max: 1 } as object), { code: 'ERR_OPTION_UNKNOWN' });
  });
});
