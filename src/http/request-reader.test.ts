import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RequestLimits } from './limits.ts';
import type { RequestHead, RequestProblem } from './request-head.ts';
import { RequestReader } from './request-reader.ts';

type Result = RequestHead | RequestProblem | undefined;

const HOST = 'Host: example.test\r\n';

/** The result for pieces of the given sizes, and the bytes of the head (0 with a problem). */
function readPieces(
  text: string,
  sizes: readonly number[],
  limits?: RequestLimits,
): { result: Result; taken: number } {
  const bytes = Buffer.from(text, 'latin1');
  const reader = new RequestReader(limits);
  const arena = new Uint8Array(new SharedArrayBuffer(bytes.length + 3)).fill(0xa5);
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const piece = bytes.subarray(at, at + Math.max(1, sizes[turn % sizes.length]!));
    arena.set(piece, 3);
    const result = reader.read(arena, 3, piece.length);
    arena.fill(0xa5);
    at += reader.consumed;
    if (result !== undefined) return { result, taken: result.kind === 'head' ? at : 0 };
    assert.equal(reader.consumed, piece.length);
  }
  return { result: undefined, taken: at };
}

function read(text: string, limits?: RequestLimits): Result {
  return readPieces(text, [1_000_000], limits).result;
}

function readHead(text: string, limits?: RequestLimits): RequestHead {
  const result = read(text, limits);
  assert.equal(result?.kind, 'head', JSON.stringify(result));
  return result;
}

const GOOD = [
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `GET /a/b?c=d&e HTTP/1.1\r\n${HOST}X-Empty:\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n`,
  `POST /x HTTP/1.1\r\n${HOST}Content-Length: 12\r\nConnection: Close\r\n\r\n`,
  `POST /x HTTP/1.1\r\n${HOST}Transfer-Encoding: Chunked\r\n\r\n`,
  `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`,
  'GET / HTTP/1.0\r\n\r\n',
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
];

/** Requests to be refused: status, what is wrong, text. */
const BAD: readonly (readonly [status: number, what: string, text: string])[] = [
  [400, 'a LF without CR', `GET / HTTP/1.1\n${HOST}\r\n`],
  [400, 'a LF without CR after a header', 'GET / HTTP/1.1\r\nHost: a\n\r\n'],
  [400, 'a CR without LF', 'GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n'],
  [400, 'a CR at the start', '\rGET / HTTP/1.1\r\n\r\n'],
  [400, 'a LF at the start', `\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'two empty lines before the request', `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a NUL in a value', 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n'],
  [400, 'a control character in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n'],
  [400, 'DEL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n'],
  [400, 'a TLS greeting', '\x16\x03\x01\x02\x00\x01\x00\x01'],
  [400, 'a folded header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`],
  [400, 'a header folded with a tab', `GET / HTTP/1.1\r\n${HOST}X: a\r\n\tb\r\n\r\n`],
  [400, 'a folded first header', `GET / HTTP/1.1\r\n ${HOST}\r\n`],
  [400, 'a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
  [400, 'a header without a colon', `GET / HTTP/1.1\r\n${HOST}nothing\r\n\r\n`],
  [400, 'a header without a name', `GET / HTTP/1.1\r\n${HOST}: value\r\n\r\n`],
  [400, 'a header name that is no token', `GET / HTTP/1.1\r\n${HOST}X(y): a\r\n\r\n`],
  [400, 'a header name that is not ASCII', `GET / HTTP/1.1\r\n${HOST}X\xe9: a\r\n\r\n`],
  [400, 'no Host', 'GET / HTTP/1.1\r\n\r\n'],
  [400, 'two Hosts', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  [400, 'a Host with a space', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  [400, 'a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  [400, 'a Host with a user', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'],
  [400, 'a Host with two ports', 'GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n'],
  [
    400,
    'two Content-Lengths',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
  ],
  [
    400,
    'equal Content-Lengths',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`,
  ],
  [400, 'a list of lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1, 1\r\n\r\n`],
  [400, 'a negative length', `POST / HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`],
  [400, 'a signed length', `POST / HTTP/1.1\r\n${HOST}Content-Length: +1\r\n\r\n`],
  [400, 'a hexadecimal length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x1\r\n\r\n`],
  [400, 'an empty length', `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`],
  [
    400,
    'a length beyond integers',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1${'0'.repeat(16)}\r\n\r\n`,
  ],
  [
    400,
    'length and encoding',
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  [
    400,
    'two encodings',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n`,
  ],
  [400, 'chunked not last', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`],
  [400, 'chunked twice', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n`],
  [
    400,
    'chunked and a no-break space',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\xa0\r\n\r\n`,
  ],
  [
    501,
    'a coding that is not known',
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
  ],
  [400, 'an encoding in HTTP/1.0', 'GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  [505, 'POST in HTTP/1.0', 'POST / HTTP/1.0\r\n\r\n'],
  [505, 'a body in HTTP/1.0', 'GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\n'],
  [505, 'HTTP/2', 'PRI * HTTP/2.0\r\n\r\n'],
  [505, 'HTTP/0.9 in words', `GET / HTTP/0.9\r\n${HOST}\r\n`],
  [400, 'no version', `GET /\r\n${HOST}\r\n`],
  [400, 'a version in small letters', `GET / http/1.1\r\n${HOST}\r\n`],
  [400, 'a version of two digits', `GET / HTTP/1.10\r\n${HOST}\r\n`],
  [400, 'two spaces', `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a tab', `GET\t/ HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a space behind the version', `GET / HTTP/1.1 \r\n${HOST}\r\n`],
  [400, 'a space before the method', ` GET / HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a method that is no token', `G@T / HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a target with a space', `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a target that is not ASCII', `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a target with a fragment', `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'a target that is no path', `GET a HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'an asterisk in GET', `GET * HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'an absolute target without a host', `GET http:///a HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'an absolute target with a user', `GET http://u@a/ HTTP/1.1\r\n${HOST}\r\n`],
  [400, 'an absolute target of another scheme', `GET ftp://a/ HTTP/1.1\r\n${HOST}\r\n`],
  [501, 'CONNECT', `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`],
  [414, 'a target above the limit', `GET /${'a'.repeat(4096)} HTTP/1.1\r\n${HOST}\r\n`],
  [414, 'a request line without an end', `GET /${'a'.repeat(9000)}`],
  [431, 'a head above the limit', `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(8192)}\r\n\r\n`],
  [431, 'a header without an end', `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(9000)}`],
  [431, 'too many headers', `GET / HTTP/1.1\r\n${HOST}${'X: a\r\n'.repeat(100)}\r\n`],
];

for (const [status, what, text] of BAD) {
  test(`RequestReader refuses ${what} with ${status}`, () => {
    const whole = readPieces(text, [1_000_000]);
    assert.equal(whole.result?.kind === 'problem' && whole.result.status, status);
    for (const sizes of [[1], [2, 3], [100]]) {
      assert.deepEqual(readPieces(text, sizes), whole);
    }
  });
}

test('RequestReader reads a whole request', () => {
  const text =
    'GET /chat/a%20b?x=1?2 HTTP/1.1\r\nHOST: Example.test:8080\r\nX-A:  one \t\r\nx-a: two\r\n' +
    'Cookie: a=1\r\ncookie: b=2\r\nX-Latin: caf\xe9\r\n\r\n';
  const head = readHead(`${text}rest`);
  assert.deepEqual(
    { ...head, headers: [...head.headers] },
    {
      kind: 'head',
      method: 'GET',
      version: '1.1',
      target: '/chat/a%20b?x=1?2',
      path: '/chat/a%20b',
      query: 'x=1?2',
      host: 'Example.test:8080',
      headers: [
        ['host', 'Example.test:8080'],
        ['x-a', 'one, two'],
        ['cookie', 'a=1; b=2'],
        ['x-latin', 'caf\xe9'],
      ],
      keepAlive: true,
      contentLength: 0,
      chunked: false,
      headLength: text.length,
    },
  );
});

test('RequestReader gives the same for every place of a cut', () => {
  for (const text of GOOD) {
    const whole = readPieces(`${text}GET /next`, [1_000_000]);
    assert.equal(whole.result?.kind, 'head');
    assert.equal(whole.taken, text.length);
    assert.equal(whole.result.headLength, text.length);
    for (let cut = 1; cut < text.length; cut++) {
      assert.deepEqual(readPieces(`${text}GET /next`, [cut, 1_000_000]), whole);
    }
    assert.deepEqual(readPieces(`${text}GET /next`, [1]), whole);
  }
});

test('RequestReader gives the same for arbitrary heads in arbitrary pieces', () => {
  const part = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('GET / HTTP/1.1\r\n', HOST, 'A: b\r\n', '\r\n') },
    { weight: 1, arbitrary: fc.constantFrom('\r', '\n', ' ', ':', '\0', 'Content-Length: 1\r\n') },
    { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
    { weight: 1, arbitrary: fc.nat(300).map((size) => `X: ${'y'.repeat(size)}\r\n`) },
  );
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
  const prefixed = fc.oneof(
    text,
    text.map((rest) => `GET / HTTP/1.1\r\n${HOST}${rest}\r\n\r\n`),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 });
  const limits = { maxHeadBytes: 600, maxTargetBytes: 100, maxHeaders: 6 };
  fc.assert(
    fc.property(prefixed, sizes, (value, cuts) => {
      const latin1 = Buffer.from(value).toString('latin1');
      assert.deepEqual(readPieces(latin1, cuts, limits), readPieces(latin1, [1_000_000], limits));
    }),
    { numRuns: 500 },
  );
});

test('RequestReader reads one request after the other', () => {
  const bytes = Buffer.from(GOOD.join(''));
  const reader = new RequestReader();
  let at = 0;
  for (const text of GOOD) {
    const result = reader.read(bytes, at, bytes.length - at);
    assert.equal(result?.kind, 'head');
    assert.equal(reader.consumed, text.length);
    at += reader.consumed;
  }
  assert.equal(reader.read(bytes, at, 0), undefined);
  assert.equal(reader.consumed, 0);
});

test('RequestReader keeps readers apart that read in turns', () => {
  const readers = ['/a', '/b', '/c'].map((path) => {
    const text = `GET ${path} HTTP/1.1\r\n${HOST}X: ${path.repeat(150)}\r\n\r\n`;
    return { path, bytes: Buffer.from(text), reader: new RequestReader() };
  });
  const length = readers[0]!.bytes.length;
  for (let at = 0; at < length; at++) {
    for (const { path, bytes, reader } of readers) {
      const result = reader.read(bytes, at, 1);
      assert.equal(
        result?.kind === 'head' ? result.path : undefined,
        at < length - 1 ? undefined : path,
      );
    }
  }
});

test('RequestReader accepts an absolute target, whose host counts', () => {
  const head = readHead(`GET http://other.test:81/p?q HTTP/1.1\r\n${HOST}\r\n`);
  assert.deepEqual([head.host, head.path, head.query], ['other.test:81', '/p', 'q']);
  const bare = readHead(`GET HTTPS://other.test?q HTTP/1.1\r\n${HOST}\r\n`);
  assert.deepEqual([bare.host, bare.path, bare.query], ['other.test', '/', 'q']);
});

test('RequestReader accepts every valid form of Host', () => {
  for (const host of ['', 'a', 'a:1', 'a:', '127.0.0.1:80', '[::1]', '[::1]:80', 'x_y.z', '%41']) {
    assert.equal(readHead(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).host, host);
  }
});

test('RequestReader tells whether the connection goes on', () => {
  const keepAlive = (connection: string, version = '1.1'): boolean =>
    readHead(`GET / HTTP/${version}\r\n${HOST}Connection: ${connection}\r\n\r\n`).keepAlive;
  assert.equal(keepAlive('keep-alive'), true);
  assert.equal(keepAlive('close'), false);
  assert.equal(keepAlive('x , CLOSE'), false);
  assert.equal(keepAlive('closed'), true);
  assert.equal(keepAlive('keep-alive', '1.0'), false);
  assert.equal(keepAlive('', '1.2'), true, 'a later minor version is taken as 1.1');
});

test('RequestReader tells about the body', () => {
  const body = (headers: string): unknown => {
    const head = readHead(`POST / HTTP/1.1\r\n${HOST}${headers}\r\n`);
    return [head.contentLength, head.chunked];
  };
  assert.deepEqual(body(''), [0, false]);
  assert.deepEqual(body('Content-Length: 0012\r\n'), [12, false]);
  assert.deepEqual(body('Content-Length: 999999999999999\r\n'), [999_999_999_999_999, false]);
  assert.deepEqual(body('Transfer-Encoding: \tCHUNKED \r\n'), [0, true]);
});

test('RequestReader keeps to limits exactly', () => {
  const line = 'GET / HTTP/1.1\r\n';
  const fill = 256 - line.length - HOST.length - 'X: \r\n\r\n'.length;
  const text = (extra: number): string => `${line}${HOST}X: ${'a'.repeat(fill + extra)}\r\n\r\n`;
  assert.equal(read(text(0), { maxHeadBytes: 256 })?.kind, 'head');
  assert.equal(read(text(1), { maxHeadBytes: 256 })?.kind, 'problem');
  const target = (size: number): string => `GET /${'a'.repeat(size - 1)} HTTP/1.1\r\n${HOST}\r\n`;
  assert.equal(read(target(16), { maxTargetBytes: 16 })?.kind, 'head');
  assert.equal(read(target(17), { maxTargetBytes: 16 })?.kind, 'problem');
  const headers = (count: number): string =>
    `GET / HTTP/1.1\r\n${HOST}${'X: a\r\n'.repeat(count - 1)}\r\n`;
  assert.equal(read(headers(3), { maxHeaders: 3 })?.kind, 'head');
  assert.equal(read(headers(4), { maxHeaders: 3 })?.kind, 'problem');
});

test('RequestReader checks its limits', () => {
  const make = (limits: object) => () => new RequestReader(limits);
  assert.throws(make({ maxHeadByte: 1 }), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(make({ maxHeadBytes: 255 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(make({ maxTargetBytes: 65_537 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(make({ maxHeaders: '5' }), { code: 'ERR_OPTION_TYPE' });
});
