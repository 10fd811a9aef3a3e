import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { formatHttpDate } from '../base/index.ts';
import { evaluateConditions, hasEntityTag, parseHttpDate, selectRange } from './validators.ts';

const TIME = Date.UTC(1994, 10, 6, 8, 49, 37);
const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT';
const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT';
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';
const ETAG = '"a,b"';
const validators = { etag: ETAG, lastModified: TIME + 900 };

const headers = (entries: Record<string, string>): Map<string, string> =>
  new Map(Object.entries(entries));

it('parseHttpDate reads the three forms of HTTP, and nothing else', () => {
  for (const text of [DATE, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) {
    assert.equal(parseHttpDate(text), TIME, text);
  }
  const wrong = [
    '',
    '1994-11-06T08:49:37Z',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 31 Feb 1999 08:49:37 GMT',
    'Sun, 29 Feb 1900 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 0094 08:49:37 GMT',
    `${DATE} `,
  ];
  for (const text of wrong) assert.equal(parseHttpDate(text), undefined, text);
  assert.equal(parseHttpDate('Tue, 29 Feb 2000 08:49:37 GMT'), Date.UTC(2000, 1, 29, 8, 49, 37));
});

it('parseHttpDate reads what formatHttpDate writes', () => {
  const second = fc.integer({ min: 0, max: 4_000_000_000 });
  fc.assert(
    fc.property(second, (seconds) => {
      assert.equal(parseHttpDate(formatHttpDate(seconds * 1000)), seconds * 1000);
    }),
  );
});

it('hasEntityTag finds tags in lists, weak ones only by weak comparison', () => {
  const found = (list: string, how: 'weak' | 'strong'): boolean => hasEntityTag(list, ETAG, how);
  for (const list of [ETAG, `"x", ${ETAG}`, `, "x",${ETAG} ,`, '*']) {
    assert.ok(found(list, 'weak') && found(list, 'strong'), list);
  }
  assert.ok(found('W/"a,b"', 'weak'));
  assert.ok(!found('W/"a,b"', 'strong'));
  for (const list of ['', 'a,b', '"a", "b"', '"x"; "a,b"', '"x" "a,b"']) {
    assert.ok(!found(list, 'weak'), list);
  }
});

it('evaluateConditions follows the order of RFC 9110', () => {
  const cases: readonly (readonly [
    method: string,
    Record<string, string>,
    304 | 412 | undefined,
  ])[] = [
    ['GET', {}, undefined],
    ['GET', { 'if-none-match': ETAG }, 304],
    ['HEAD', { 'if-none-match': 'W/"a,b"' }, 304],
    ['PUT', { 'if-none-match': ETAG }, 412],
    ['GET', { 'if-none-match': '"other"' }, undefined],
    ['GET', { 'if-none-match': '"other"', 'if-modified-since': DATE }, undefined],
    ['GET', { 'if-modified-since': DATE }, 304],
    ['GET', { 'if-modified-since': LATER }, 304],
    ['GET', { 'if-modified-since': EARLIER }, undefined],
    ['GET', { 'if-modified-since': 'yesterday' }, undefined],
    ['POST', { 'if-modified-since': DATE }, undefined],
    ['GET', { 'if-match': ETAG }, undefined],
    ['GET', { 'if-match': '*' }, undefined],
    ['GET', { 'if-match': 'W/"a,b"' }, 412],
    ['GET', { 'if-match': '"other"', 'if-none-match': ETAG }, 412],
    ['GET', { 'if-match': ETAG, 'if-unmodified-since': EARLIER }, undefined],
    ['GET', { 'if-unmodified-since': EARLIER }, 412],
    ['GET', { 'if-unmodified-since': DATE }, undefined],
    ['GET', { 'if-unmodified-since': 'yesterday' }, undefined],
  ];
  for (const [method, given, expected] of cases) {
    const actual = evaluateConditions(method, headers(given), validators);
    assert.equal(actual, expected, `${method} ${JSON.stringify(given)}`);
  }
  assert.equal(evaluateConditions('GET', headers({ 'if-match': ETAG }), {}), 412);
  assert.equal(evaluateConditions('GET', headers({ 'if-modified-since': DATE }), {}), undefined);
});

it('selectRange takes one range, and ignores what it need not understand', () => {
  const cases: readonly (readonly [string, size: number, [number, number] | 416 | undefined])[] = [
    ['bytes=0-0', 10, [0, 0]],
    ['bytes=2-5', 10, [2, 5]],
    ['bytes=2-', 10, [2, 9]],
    ['bytes=2-99', 10, [2, 9]],
    ['bytes=-3', 10, [7, 9]],
    ['bytes=-99', 10, [0, 9]],
    ['Bytes= 2-5 ', 10, [2, 5]],
    ['bytes=10-', 10, 416],
    ['bytes=10-12', 10, 416],
    ['bytes=-0', 10, 416],
    ['bytes=0-', 0, 416],
    ['bytes=-1', 0, 416],
    ['bytes=5-2', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=a-b', 10, undefined],
    ['bytes=0x1-2', 10, undefined],
    ['lines=0-1', 10, undefined],
    ['bytes=99999999999999999999-', 10, undefined],
    ['', 10, undefined],
  ];
  for (const [range, size, expected] of cases) {
    const actual = selectRange(headers({ range }), size, validators);
    const given = typeof actual === 'object' ? [actual.first, actual.last] : actual;
    assert.deepEqual(given, expected, range);
  }
});

it('selectRange gives the whole when If-Range says that it has changed', () => {
  const ranged = (condition: string): unknown =>
    selectRange(headers({ range: 'bytes=1-2', 'if-range': condition }), 10, validators);
  assert.ok(ranged(ETAG));
  assert.ok(ranged(DATE));
  for (const condition of ['"other"', 'W/"a,b"', LATER, EARLIER, 'yesterday']) {
    assert.equal(ranged(condition), undefined, condition);
  }
});
