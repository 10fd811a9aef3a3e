import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BODY_BYTES_MAX, HEAD_BYTES_MAX, ResponseReader } from './response-reader.ts';

const opens = (status: number) => status === 101;

/** Reads text in pieces of a size, then the end of the stream. */
function read(text: string, piece = Infinity, end = true): ResponseReader {
  const reader = new ResponseReader(opens);
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += piece) {
    if (reader.push(Uint8Array.from(bytes.subarray(at, at + piece))) !== 'more') return reader;
  }
  if (end) reader.end();
  return reader;
}

describe('ResponseReader', () => {
  test('a 101 is done at the end of its head, and gives what came behind', () => {
    const reader = read('HTTP/1.1 101 Switching\r\nA: b\r\na:  c\t\r\n\r\nrest', 1000, false);
    const { status, headers, body, rest } = reader.response();
    assert.equal(status, 101);
    assert.equal(headers.get('a'), 'b, c');
    assert.equal(body.length, 0);
    assert.equal(Buffer.from(rest).toString(), 'rest');
  });

  test('a reason may be empty, and its space missing', () => {
    for (const line of ['HTTP/1.1 204 ', 'HTTP/1.1 204', 'HTTP/1.0 204 No \xe9']) {
      assert.equal(read(`${line}\r\n\r\n`).response().status, 204);
    }
  });

  const malformed = [
    'HTTP/1.1 99 x',
    'HTTP/1.1 1000 x',
    'HTTP/1.1  200 x',
    'HTTP/1.2 200 x',
    'http/1.1 200 x',
    'HTTP/1.1 200 x\x01',
    'HTTP/1.1 200 x\r\nno colon',
    'HTTP/1.1 200 x\r\n: no name',
    'HTTP/1.1 200 x\r\nbad name: x',
    'HTTP/1.1 200 x\r\nname : x',
    'HTTP/1.1 200 x\r\n folded: x',
    'HTTP/1.1 200 x\r\nname: a\nb',
    'HTTP/1.1 200 x\r\nname: a\rb',
    'HTTP/1.1 200 x\r\nname: a\0b',
    'HTTP/1.1 200 x\r\nContent-Length: 1\r\nContent-Length: 1',
    'HTTP/1.1 200 x\r\nContent-Length: -1',
    'HTTP/1.1 200 x\r\nContent-Length: 1, 1',
    'HTTP/1.1 200 x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked',
    'HTTP/1.1 200 x\r\nTransfer-Encoding: gzip',
    'HTTP/1.0 101 x',
  ];
  for (const head of malformed) {
    test(`is refused: ${JSON.stringify(head)}`, () => {
      for (const piece of [1, 1000]) {
        const reader = read(`${head}\r\n\r\nbody`, piece);
        assert.notEqual(reader.problem, '');
        assert.equal(reader.push(Buffer.from('more')), 'failed');
        assert.equal(reader.end(), 'failed');
        assert.equal(reader.cut(), 'failed');
      }
    });
  }

  test('a head above the limit is refused when it is, informational ones included', () => {
    const reader = new ResponseReader(opens);
    reader.push(Buffer.from('HTTP/1.1 200 x\r\n'));
    let given = 16;
    while (reader.push(Buffer.alloc(100, 'x')) === 'more') given += 100;
    assert.ok(given <= HEAD_BYTES_MAX);
    const early = 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(700);
    assert.match(read(early).problem, /above/);
  });

  test('a body is kept up to its limit, and no more is waited for', () => {
    const reader = new ResponseReader(opens);
    reader.push(Buffer.from('HTTP/1.1 500 x\r\nContent-Length: 1000000\r\n\r\n'));
    for (let given = 0; given < BODY_BYTES_MAX - 100; given += 100) {
      assert.equal(reader.push(Buffer.alloc(100, 'x')), 'more');
    }
    assert.equal(reader.push(Buffer.alloc(300)), 'done');
    assert.equal(reader.response().body.length, BODY_BYTES_MAX);
  });

  const chunks: [string, string | undefined][] = [
    ['0\r\n\r\n', ''],
    ['3\r\nabc\r\n00a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n', 'abc0123456789'],
    ['3 ;name="value"\r\nabc\r\n0\r\n\r\n', 'abc'],
    ['3\r\nabcd\r\n0\r\n\r\n', undefined],
    ['x\r\n', undefined],
    ['-1\r\n', undefined],
    ['123456789\r\n', undefined],
    ['0'.repeat(300), undefined],
  ];
  for (const [text, body] of chunks) {
    test(`chunks ${JSON.stringify(text).slice(0, 60)}`, () => {
      for (const piece of [1, 2, 1000]) {
        const reader = read(`HTTP/1.1 400 x\r\nTransfer-Encoding: Chunked\r\n\r\n${text}`, piece);
        if (body === undefined) assert.notEqual(reader.problem, '');
        else assert.equal(Buffer.from(reader.response().body).toString(), body);
      }
    });
  }

  test('cut ends a body, but not a head', () => {
    const reader = new ResponseReader(opens);
    assert.equal(reader.push(Buffer.from('HTTP/1.1 400 x\r\n')), 'more');
    assert.equal(reader.cut(), 'more');
    assert.equal(reader.push(Buffer.from('\r\nbo')), 'more');
    assert.equal(reader.cut(), 'done');
    assert.equal(Buffer.from(reader.response().body).toString(), 'bo');
  });

  test('any bytes in any pieces: it never throws, and the pieces change nothing', () => {
    const words = [
      ...['HTTP/1.1 ', '101', '200', '404', '103', ' OK', '\r\n', '\r\n\r\n', '\n', '\r', ':', ' '],
      ...['Content-Length', 'Transfer-Encoding', 'chunked', '3', 'a', '0', ';', '\0', '\xff', ','],
    ];
    const text = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 })));
    const result = (reader: ResponseReader) => {
      if (reader.problem !== '') return 'refused';
      const { status, headers, body } = reader.response();
      return [status, [...headers], Buffer.from(body).toString('latin1')];
    };
    fc.assert(
      fc.property(text, fc.boolean(), fc.integer({ min: 1, max: 7 }), (parts, whole, piece) => {
        const prefix = whole ? 'HTTP/1.1 400 Bad\r\n' : '';
        const all = prefix + parts.join('');
        assert.deepEqual(result(read(all, piece)), result(read(all)));
      }),
      { numRuns: 3000 },
    );
  });
});
