import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BodyDecoder, type BodyFraming } from './body-decoder.ts';
import { formatChunk, LAST_CHUNK } from './chunks.ts';

const CHUNKED: BodyFraming = { contentLength: 0, chunked: true };

interface Decoded {
  readonly body: string;
  /** What is behind the body, or undefined when that did not end. */
  readonly rest: string | undefined;
  readonly status: number | undefined;
}

/** Decodes pieces of the given sizes, one after the other and again from the first. */
function decode(text: string, framing = CHUNKED, sizes: readonly number[] = [1e9]): Decoded {
  const decoder = new BodyDecoder(framing);
  const arena = new Uint8Array(new SharedArrayBuffer(text.length + 3));
  const bytes = Buffer.from(text, 'latin1');
  let body = '';
  let at = 0;
  for (let turn = 0; at < bytes.length && !decoder.isComplete; turn++) {
    const piece = bytes.subarray(at, at + sizes[turn % sizes.length]!);
    arena.set(piece, 3);
    let taken = 0;
    while (taken < piece.length) {
      const step = decoder.read(arena, 3 + taken, piece.length - taken);
      taken += decoder.consumed;
      if (typeof step === 'object') return { body, rest: undefined, status: step.status };
      if (step === 'data') {
        const { dataOffset, dataLength } = decoder;
        body += Buffer.from(arena.slice(dataOffset, dataOffset + dataLength)).toString('latin1');
      }
      if (step === 'more') assert.equal(taken, piece.length, 'everything was looked at');
      if (decoder.isComplete) break;
    }
    at += taken;
  }
  const rest = decoder.isComplete ? text.slice(at) : undefined;
  return { body, rest, status: undefined };
}

/** The same by regular expressions, on the whole text. */
function decodeNaively(text: string): Decoded {
  let body = '';
  let rest = text;
  for (;;) {
    const line = /^([0-9A-Fa-f]{1,13})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n/.exec(rest);
    if (line === null) return { body, rest: undefined, status: 400 };
    rest = rest.slice(line[0].length);
    const size = Number.parseInt(line[1]!, 16);
    if (size === 0) break;
    if (rest.length < size + 2)
      return { body: body + rest.slice(0, size), rest: undefined, status: 400 };
    body += rest.slice(0, size);
    if (rest.slice(size, size + 2) !== '\r\n') return { body, rest: undefined, status: 400 };
    rest = rest.slice(size + 2);
  }
  const trailers = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/.exec(rest);
  if (trailers === null) return { body, rest: undefined, status: 400 };
  return { body, rest: rest.slice(trailers[0].length), status: undefined };
}

/** Bodies that another reader may understand otherwise; all of them must be refused. */
const SMUGGLING: readonly (readonly [what: string, text: string])[] = [
  ['a bare LF after a size', '5\nhello\r\n0\r\n\r\n'],
  ['a bare LF after a chunk', '5\r\nhello\n0\r\n\r\n'],
  ['a bare LF at the end', '0\r\n\n'],
  ['a bare CR after a size', '5\rhello\r\n0\r\n\r\n'],
  ['a bare CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
  ['a bare LF in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
  ['a prefix of hexadecimal', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a space before a size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a space after a size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['a tab after a size', '5\t\r\nhello\r\n0\r\n\r\n'],
  ['an underscore in a size', '1_0\r\n0123456789abcdef\r\n0\r\n\r\n'],
  ['no size', '\r\nhello\r\n0\r\n\r\n'],
  ['an extension without a size', ';a\r\nhello\r\n0\r\n\r\n'],
  ['a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
  ['a chunk shorter than its size', '6\r\nhello\r\n0\r\n\r\n'],
  ['two bytes that are no line end after a chunk', '5\r\nhelloXX0\r\n\r\n'],
  ['a size of 2^64', '10000000000000000\r\n'],
  ['a size of 2^64 + 5', '10000000000000005\r\nhello\r\n0\r\n\r\n'],
  ['a size with a great many zeros before it', `${'0'.repeat(64)}5\r\nhello\r\n0\r\n\r\n`],
  ['a trailer without a colon', '0\r\nsmuggled\r\n\r\n'],
  ['a trailer with a space before the colon', '0\r\nA : b\r\n\r\n'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a bare LF in a trailer', '0\r\nA: b\nC: d\r\n\r\n'],
  ['a NUL in a trailer', '0\r\nA: \0\r\n\r\n'],
  ['a digit of another script', '\xb2\r\nhello\r\n0\r\n\r\n'],
];

describe('BodyDecoder', () => {
  it('takes a body by its length, and nothing behind it', () => {
    const framing = { contentLength: 5, chunked: false };
    assert.deepEqual(decode('hello!', framing), { body: 'hello', rest: '!', status: undefined });
    assert.deepEqual(decode('hell', framing), { body: 'hell', rest: undefined, status: undefined });
    assert.equal(new BodyDecoder({ contentLength: 0, chunked: false }).isComplete, true);
  });

  it('takes chunks, with extensions and trailers that say nothing', () => {
    const text = '5;a=b;c="d e"\r\nhello\r\n00A ;x\r\n, my world\r\n0\r\nA: b\r\nC:\r\n\r\nGET';
    assert.deepEqual(decode(text), { body: 'hello, my world', rest: 'GET', status: undefined });
  });

  for (const [what, text] of SMUGGLING) {
    it(`refuses ${what}`, () => {
      for (const sizes of [[1e9], [1], [2, 3]]) {
        const { status, rest } = decode(text, CHUNKED, sizes);
        assert.ok(status === 400 || status === 413, `${status}`);
        assert.equal(rest, undefined);
      }
    });
  }

  it('refuses extensions and trailers without end', () => {
    const short = '1;aaaaaaaa\r\nx\r\n';
    assert.equal(decode(`1;${'a'.repeat(4000)}\r\nx\r\n0\r\n\r\n`).status, undefined);
    assert.equal(decode(`1;${'a'.repeat(5000)}`).status, 413);
    assert.equal(decode(short.repeat(1000)).status, 413, 'in all chunks together');
    assert.equal(decode(`0\r\nA: ${'a'.repeat(9000)}`).status, 431);
    assert.equal(decode(`0\r\n${'A: b\r\n'.repeat(2000)}`).status, 431);
  });

  it('gives back what was encoded, in any pieces', () => {
    const data = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(data, sizes, (chunks, pieces) => {
        const encoded = Buffer.concat([...chunks.map((each) => formatChunk(each)), LAST_CHUNK]);
        const decoded = decode(`${encoded.toString('latin1')}next`, CHUNKED, pieces);
        assert.equal(decoded.body, Buffer.concat(chunks).toString('latin1'));
        assert.equal(decoded.rest, 'next');
      }),
    );
  });

  it('agrees with a naive decoder on what is nearly right', () => {
    const token = fc.constantFrom(
      ...['0', '1', '5', 'a', '00', '\r\n', '\r', '\n', ';', ' ', 'x', 'A: b', ':', '\0', '\xff'],
      ...['5\r\nhello\r\n', '0\r\n', '0\r\n\r\n', '1\r\n\n\r\n', '2;x=y\r\nab\r\n', 'T: v\r\n'],
    );
    const text = fc.array(token, { maxLength: 14 }).map((parts) => parts.join(''));
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(text, sizes, (each, pieces) => {
        const naive = decodeNaively(each);
        const real = decode(each, CHUNKED, pieces);
        assert.equal(real.rest, naive.rest);
        // What has not ended may still become right; what is wrong stays so.
        if (naive.rest !== undefined) assert.equal(real.body, naive.body);
        else assert.ok(naive.body.startsWith(real.body) || real.body.startsWith(naive.body));
      }),
      { numRuns: 2000 },
    );
  });
});
