/** Validation by SIMD: what the automaton says, at every cut and for every kind of fault. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../memory/index.ts';
import { createKernels } from './kernels.ts';
import { SIMD_MIN } from './simd.ts';
import { UTF8_BOUNDARY, UTF8_INVALID, validateUtf8 } from './utf8.ts';

const { bytes, words, memory } = Arena.create({ size: 1024 * 1024 });
const simd = createKernels(bytes, memory);
/** Off every alignment, with bytes before it that are no UTF-8. */
const AT = 4099;

/** One step of the automaton for each byte. */
function byteByByte(offset: number, length: number, state: number): number {
  let now = state;
  for (let i = 0; i < length; i++) now = validateUtf8(bytes, words, offset + i, 1, now);
  return now;
}

function place(data: Uint8Array): void {
  bytes.fill(0xff, AT - 64, AT + data.length + 64);
  bytes.set(data, AT);
}

/** Both validators on the whole, and at every cut; gives the state. */
function stateOf(data: Uint8Array, everyCut = false): number {
  place(data);
  const whole = byteByByte(AT, data.length, UTF8_BOUNDARY);
  assert.equal(simd.validateUtf8(AT, data.length, UTF8_BOUNDARY), whole, String(data));
  for (let cut = 0; everyCut && cut <= data.length; cut++) {
    const first = simd.validateUtf8(AT, cut, UTF8_BOUNDARY);
    assert.equal(first, byteByByte(AT, cut, UTF8_BOUNDARY), `${String(data)} to ${cut}`);
    assert.equal(
      simd.validateUtf8(AT + cut, data.length - cut, first),
      whole,
      `${String(data)} at ${cut}`,
    );
  }
  return whole;
}

/** Text of one, two, three and four bytes a character, and mixed ones. */
const TEXTS = ['plain ASCII text, ', 'съешь ещё этих ', '天地玄黃宇宙', '😀🎉', 'aé天😀 b–ü'];

/** A name, and bytes that no UTF-8 has in it. */
const FAULTS: readonly (readonly [name: string, sequence: readonly number[]])[] = [
  ['a continuation alone', [0x80]],
  ['the last continuation alone', [0xbf]],
  ['two continuations', [0x80, 0xbf]],
  ['a continuation too many after two bytes', [0xc3, 0xa9, 0xa9]],
  ['a continuation too many after three bytes', [0xe5, 0xa4, 0xa9, 0x80]],
  ['a continuation too many after four bytes', [0xf0, 0x9f, 0x98, 0x80, 0x80]],
  ['two bytes cut', [0xc3, 0x41]],
  ['three bytes cut after one', [0xe5, 0x41]],
  ['three bytes cut after two', [0xe5, 0xa4, 0x41]],
  ['four bytes cut after one', [0xf1, 0x41]],
  ['four bytes cut after two', [0xf1, 0x9f, 0x41]],
  ['four bytes cut after three', [0xf1, 0x9f, 0x98, 0x41]],
  ['a lead after a lead', [0xc3, 0xc3, 0xa9]],
  ['a lead in a sequence of three', [0xe5, 0xa4, 0xe5, 0xa4, 0xa9]],
  ['a lead in a sequence of four', [0xf1, 0x9f, 0x98, 0xf1, 0x9f, 0x98, 0x80]],
  ['overlong slash, two bytes', [0xc0, 0xaf]],
  ['overlong, the highest of two bytes', [0xc1, 0xbf]],
  ['overlong slash, three bytes', [0xe0, 0x80, 0xaf]],
  ['overlong, the highest of three bytes', [0xe0, 0x9f, 0xbf]],
  ['overlong slash, four bytes', [0xf0, 0x80, 0x80, 0xaf]],
  ['overlong, the highest of four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
  ['overlong, five bytes', [0xf8, 0x80, 0x80, 0x80, 0xaf]],
  ['overlong, six bytes', [0xfc, 0x80, 0x80, 0x80, 0x80, 0xaf]],
  ['the first high surrogate', [0xed, 0xa0, 0x80]],
  ['the last low surrogate', [0xed, 0xbf, 0xbf]],
  ['a pair of surrogates', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['above U+10FFFF by one', [0xf4, 0x90, 0x80, 0x80]],
  ['the highest of F4', [0xf4, 0xbf, 0xbf, 0xbf]],
  ['F5', [0xf5, 0x80, 0x80, 0x80]],
  ['F7', [0xf7, 0xbf, 0xbf, 0xbf]],
  ['FE', [0xfe]],
  ['FF', [0xff]],
  ['FF in a character', [0xe5, 0xff, 0xa9]],
];

test('Kernels.validateUtf8 has the state of the automaton at every cut of a text', () => {
  for (const text of TEXTS) {
    for (const length of [SIMD_MIN, 17, 19, 31, 32, 33, 48, 64, 100, 300]) {
      const data = Buffer.from(text.repeat(length)).subarray(0, length);
      assert.notEqual(stateOf(data, true), UTF8_INVALID);
    }
  }
});

test('Kernels.validateUtf8 has the state of the automaton for every length', () => {
  for (const text of TEXTS) {
    const data = Buffer.from(text.repeat(300));
    for (let length = 0; length <= 400; length++) stateOf(data.subarray(length % 7, length));
  }
});

for (const [name, sequence] of FAULTS) {
  test(`Kernels.validateUtf8 refuses ${name}, anywhere`, () => {
    for (const text of TEXTS) {
      const characters = Array.from(text.repeat(30));
      for (let before = 0; before < 90; before++) {
        const head = Buffer.from(characters.slice(0, before).join(''));
        const tail = Buffer.from(text.repeat(before % 5));
        const data = Buffer.concat([head, Buffer.from(sequence), tail, Buffer.from('end')]);
        assert.equal(stateOf(data, before % 23 === 0), UTF8_INVALID, `${text} ${before}`);
      }
    }
  });
}

test('Kernels.validateUtf8 looks back from a stretch of ASCII to the character before it', () => {
  const character = [0xf1, 0x9f, 0x98, 0x80];
  for (let before = 0; before < 40; before++) {
    // Every length mod 256 at which blocks of ASCII can begin to be skipped.
    for (let after = 240; after < 275; after++) {
      for (let part = 1; part <= 4; part++) {
        const data = Buffer.alloc(before + part + after, 0x61);
        data.set(character.slice(0, part), before);
        assert.equal(stateOf(data), part === 4 ? UTF8_BOUNDARY : UTF8_INVALID);
        data.set([0xe5, 0xa4, 0xa9].slice(0, part), before);
        stateOf(data);
      }
    }
  }
});

test('Kernels.validateUtf8 knows what the last bytes of a piece can become', () => {
  const text = Buffer.from('x'.repeat(61));
  const seconds = [undefined, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2];
  for (let lead = 0; lead < 256; lead++) {
    for (const second of seconds) {
      for (const third of second === undefined ? [undefined] : seconds) {
        const last = [lead, second, third].filter((byte) => byte !== undefined);
        stateOf(Buffer.concat([text, Buffer.from(last)]));
      }
    }
  }
});

test('Kernels.validateUtf8 agrees with the automaton on any bytes, however they are cut', () => {
  const character = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map((text) => Buffer.from(text)),
    fc.constantFrom(...TEXTS).map((text) => Buffer.from(text)),
    fc.constant(Buffer.from('a'.repeat(64))),
  );
  const text = fc.array(character, { minLength: 8, maxLength: 60 });
  const change = fc.option(fc.tuple(fc.nat(), fc.nat(255)));
  fc.assert(
    fc.property(text, change, fc.nat(), (pieces, changed, where) => {
      const data = Buffer.concat(pieces);
      if (changed !== null) data[changed[0] % data.length] = changed[1];
      const whole = stateOf(data);
      const cut = where % data.length;
      const first = simd.validateUtf8(AT, cut, UTF8_BOUNDARY);
      assert.equal(first, byteByByte(AT, cut, UTF8_BOUNDARY));
      assert.equal(simd.validateUtf8(AT + cut, data.length - cut, first), whole);
    }),
    { numRuns: 1000 },
  );
});

test('Kernels.validateUtf8 agrees with TextDecoder on every sequence of one to three bytes', () => {
  // 256 sequences at a time: a decoder that is not fatal puts U+FFFD in the place of what is wrong,
  // and ASCII ends a sequence whatever it was. NUL separates: the sequences have SOH in its place.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const batch = new Uint8Array(256 * 4);
  const byte = (value: number): number => (value === 0 ? 1 : value);
  bytes.fill(0x61, AT, AT + 64);
  for (let pair = 0; pair < 65_536; pair++) {
    const first = byte(pair >>> 8);
    const second = byte(pair & 0xff);
    for (let third = 0; third < 256; third++) {
      batch.set([first, second, byte(third), 0], third * 4);
    }
    const decoded = decoder.decode(batch).split('\0');
    // Over the end of a block of 16 in turn, in texts of four blocks, two and less.
    const length = [64, 32, 23][pair % 3]!;
    const at = AT + (length === 64 ? 45 : 13) + (pair % 7);
    bytes[at] = first;
    bytes[at + 1] = second;
    for (let third = 0; third < 256; third++) {
      bytes[at + 2] = byte(third);
      const valid = simd.validateUtf8(AT, length, UTF8_BOUNDARY) === UTF8_BOUNDARY;
      // U+FFFD itself, written as EF BF BD.
      const itself = first === 0xef && second === 0xbf && third === 0xbd;
      const expected = itself || !decoded[third]!.includes('\ufffd');
      if (valid !== expected) assert.equal(valid, expected, String([first, second, third]));
    }
    bytes.fill(0x61, at, at + 3);
  }
});
