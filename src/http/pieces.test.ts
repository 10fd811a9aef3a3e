/** The small parts of HTTP: paths, codings, cookies, media types, events, heads of streams. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { cookieOf } from './cookies.ts';
import { mediaTypeOf } from './media-types.ts';
import { chooseEncoding } from './negotiation.ts';
import { formatHead } from './response.ts';
import { formatEvent, type ServerEvent } from './server-events.ts';
import { splitPath } from './target-path.ts';

it('splitPath takes paths apart that mean what they seem to', () => {
  assert.deepEqual(splitPath('/'), { segments: [], isFolder: true });
  assert.deepEqual(splitPath('/a/b.txt'), { segments: ['a', 'b.txt'], isFolder: false });
  assert.deepEqual(splitPath('/a%20b/%C3%A9/'), { segments: ['a b', 'é'], isFolder: true });
  assert.deepEqual(splitPath('/..a/b..'), { segments: ['..a', 'b..'], isFolder: false });
  assert.deepEqual(splitPath('/%252e%252e'), { segments: ['%2e%2e'], isFolder: false });
});

it('splitPath refuses paths that could mean something else', () => {
  const probes = [
    ...['', 'a', '*', '//', '//host/a', '/a//b', '/./a', '/a/..', '/../etc', '/a/../../b'],
    ...['/%2e%2e/a', '/%2E./a', '/.%2e/a', '/a%2fb', '/a%2Fb', '/..%2f..', '/a\\b', '/a%5cb'],
    ...[
      '/..%5c',
      '/a%00.txt',
      '/%0a',
      '/%7f',
      '/%',
      '/%f',
      '/%zz',
      '/%ff',
      '/%c0%af',
      '/%e0%80%af',
    ],
  ];
  for (const probe of probes) assert.equal(splitPath(probe), undefined, probe);
});

it('splitPath never gives a segment that leads elsewhere', () => {
  const part = fc.constantFrom(
    '.',
    '..',
    '/',
    '%2e',
    '%2F',
    '%5C',
    '\\',
    '%00',
    'a',
    '%C3%A9',
    '%',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const split = splitPath(`/${parts.join('')}`);
      for (const segment of split?.segments ?? []) {
        assert.match(segment, /^(?!\.{1,2}$)[^/\\\0]+$/);
      }
    }),
  );
});

it('chooseEncoding takes the best that both have', () => {
  const cases: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ['', undefined],
    ['gzip', 'gzip'],
    ['gzip, br', 'br'],
    ['BR', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['gzip ; Q=0.2 , br;q=0', 'gzip'],
    ['*', 'br'],
    ['*;q=0.1, gzip', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['*;q=0', undefined],
    ['identity, br;q=0.5', undefined],
    ['identity;q=0.5, br;q=0.5', 'br'],
    ['deflate', undefined],
    ['br;q=2', undefined],
    ['br;level=3', undefined],
  ];
  for (const [header, expected] of cases) {
    assert.equal(chooseEncoding(header, ['br', 'gzip']), expected, header);
  }
});

it('cookieOf finds a cookie by its name', () => {
  const headers = new Map([['cookie', 'a=1; token="x=y"; b; =z; a=2']]);
  assert.equal(cookieOf(headers, 'a'), '1');
  assert.equal(cookieOf(headers, 'token'), '"x=y"');
  assert.equal(cookieOf(headers, 'b'), undefined);
  assert.equal(cookieOf(new Map(), 'a'), undefined);
});

it('mediaTypeOf goes by the end of the name', () => {
  assert.equal(mediaTypeOf('index.HTML'), 'text/html; charset=utf-8');
  assert.equal(mediaTypeOf('a.b.svg'), 'image/svg+xml');
  for (const name of ['README', 'x.unknown', 'toString', 'x.constructor', '']) {
    assert.equal(mediaTypeOf(name), 'application/octet-stream', name);
  }
});

/** What a client makes of a stream (HTML Living Standard §9.2.6). */
function readEvents(text: string): { data: string; event: string; id: string }[] {
  const events: { data: string; event: string; id: string }[] = [];
  let [data, event, id] = ['', '', ''];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const [, name = line, value = ''] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
    if (line === '') {
      if (data !== '') events.push({ data: data.slice(0, -1), event, id });
      [data, event] = ['', ''];
    } else if (name === 'data') data += `${value}\n`;
    else if (name === 'event') event = value;
    else if (name === 'id') id = value;
  }
  return events;
}

it('formatEvent writes what clients read', () => {
  assert.equal(formatEvent({ data: 'a' }), 'data: a\n\n');
  assert.equal(
    formatEvent({ event: 'tick', id: '7', retry: 100, data: 'a\r\nb\rc\n' }),
    'event: tick\nid: 7\nretry: 100\ndata: a\ndata: b\ndata: c\ndata: \n\n',
  );
  assert.equal(formatEvent({ event: 'bare' }), 'event: bare\ndata: \n\n');
  assert.equal(formatEvent({ retry: 0 }), 'retry: 0\n\n');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a-z]*$/), (data, event) => {
      const lines = data.replaceAll(/\r\n|\r/g, '\n');
      const expected = [{ data: lines, event, id: '' }];
      assert.deepEqual(readEvents(formatEvent({ data, event })), expected);
    }),
  );
});

it('formatEvent refuses fields that would be something else on the wire', () => {
  const wrong = [
    { event: 'a\nb' },
    { event: 'a\rb' },
    { id: '1\n2' },
    { id: '1\0' },
    { id: 5 },
    { retry: -1 },
    { retry: 1.5 },
    { data: 5 },
    { dat: 'a' },
  ];
  for (const event of wrong) {
    assert.throws(() => formatEvent(event as ServerEvent), {
      name: 'TypeError',
      code: 'ERR_EVENT',
    });
  }
});

it('formatHead says how the body is delimited', () => {
  const head = (settings: Parameters<typeof formatHead>[0]): string =>
    formatHead(settings)
      .toString('latin1')
      .replace(/Date: .*\r\n/, '');
  assert.equal(
    head({ status: 200, length: 'chunked' }),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  assert.equal(
    head({ status: 200, length: 'close' }),
    'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n',
  );
  assert.equal(
    head({ status: 206, length: 7, keepAlive: false }),
    'HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: 7\r\n\r\n',
  );
  assert.equal(head({ status: 304, length: 0 }), 'HTTP/1.1 304 Not Modified\r\n\r\n');
  assert.throws(() => head({ status: 304, length: 5 }), { code: 'ERR_HTTP_STATUS' });
});
