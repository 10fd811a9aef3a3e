import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatResponse } from './response.ts';

const clock = { now: (): number => Date.UTC(1994, 10, 6, 8, 49, 37, 512) };
const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n';

function format(response: Parameters<typeof formatResponse>[0]): string {
  return formatResponse(response, clock).toString('latin1');
}

test('formatResponse gives head and body', () => {
  assert.equal(
    format({ status: 200, headers: { 'Content-Type': 'text/plain' }, body: 'é!' }),
    `HTTP/1.1 200 OK\r\n${DATE}Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n\xc3\xa9!`,
  );
  assert.equal(
    format({ status: 404, body: new Uint8Array([1, 2]), keepAlive: false }),
    `HTTP/1.1 404 Not Found\r\n${DATE}Connection: close\r\nContent-Length: 2\r\n\r\n\x01\x02`,
  );
});

test('formatResponse leaves out what a status or HEAD does not allow', () => {
  assert.equal(format({ status: 204 }), `HTTP/1.1 204 No Content\r\n${DATE}\r\n`);
  assert.equal(format({ status: 304 }), `HTTP/1.1 304 Not Modified\r\n${DATE}\r\n`);
  assert.equal(
    format({ status: 500 }),
    `HTTP/1.1 500 Internal Server Error\r\n${DATE}Content-Length: 0\r\n\r\n`,
  );
  assert.equal(
    format({ status: 200, body: 'abc', headOnly: true }),
    `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 3\r\n\r\n`,
  );
  assert.equal(format({ status: 599 }), `HTTP/1.1 599 \r\n${DATE}Content-Length: 0\r\n\r\n`);
});

test('formatResponse joins Connection and repeats lists', () => {
  assert.equal(
    format({
      status: 426,
      headers: { Connection: 'Upgrade', 'Set-Cookie': ['a=1', 'b=2'] },
      keepAlive: false,
    }),
    `HTTP/1.1 426 Upgrade Required\r\n${DATE}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n` +
      'Connection: Upgrade, close\r\nContent-Length: 0\r\n\r\n',
  );
});

test('formatResponse follows the clock from second to second', () => {
  let now = clock.now();
  const moving = { now: (): number => now };
  assert.match(formatResponse({ status: 200 }, moving).toString(), /08:49:37 GMT/);
  now += 1000;
  assert.match(formatResponse({ status: 200 }, moving).toString(), /08:49:38 GMT/);
  assert.match(formatResponse({ status: 200 }).toString(), /Date: \w{3}, \d\d \w{3} 20\d\d /);
});

test('formatResponse refuses headers that could inject or contradict', () => {
  const bad: Record<string, string | string[]>[] = [
    { 'X-A': 'b\r\nX-C: d' },
    { 'X-A': 'b\n' },
    { 'X-A': 'b\0' },
    { 'X-A': '\u{1f600}' },
    { 'X-A': ['fine', 'not\rfine'] },
    { 'X A': 'b' },
    { 'X-A:': 'b' },
    { '': 'b' },
    { 'X-A\r\nX-B': 'c' },
    { 'Content-Length': '5' },
    { 'transfer-encoding': 'chunked' },
    { date: 'today' },
    { 'X-A': 5 as unknown as string[] },
  ];
  for (const headers of bad) {
    assert.throws(
      () => format({ status: 200, headers }),
      { name: 'TypeError', code: 'ERR_HTTP_HEADER' },
      JSON.stringify(headers),
    );
  }
});

test('formatResponse refuses a status that is none, or that allows no body', () => {
  for (const status of [0, 99, 600, 200.5, NaN]) {
    assert.throws(() => format({ status }), { name: 'RangeError', code: 'ERR_HTTP_STATUS' });
  }
  for (const status of [101, 204, 304]) {
    assert.throws(() => format({ status, body: 'x' }), { code: 'ERR_HTTP_STATUS' });
  }
});
