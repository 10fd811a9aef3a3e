import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkPattern, checkTopic } from './names.ts';

const TOPIC = { name: 'TypeError', code: 'ERR_TOPIC' };

test('checkTopic takes names of 1 to 256 units with segments that are not empty', () => {
  const longest = 'x'.repeat(256);
  for (const name of ['a', 'rooms/7', 'a b/ü/日本/😀', '-', '..', 'a:b?c#d', longest]) {
    checkTopic(name);
    assert.equal(checkPattern(name), false);
  }
});

test('checkTopic and checkPattern refuse what no name may be, with the rule', () => {
  const cases: [name: unknown, rule: RegExp][] = [
    ['', /1 to 256 UTF-16 units, got 0/],
    ['x'.repeat(257), /1 to 256 UTF-16 units, got 257/],
    ['/a', /no segment may be empty/],
    ['a/', /no segment may be empty/],
    ['a//b', /no segment may be empty/],
    ['/', /no segment may be empty/],
    ['a\0b', /control characters/],
    ['a\nb', /control characters/],
    ['a\x7f', /control characters/],
    ['a\x85', /control characters/],
    ['a\ud800', /surrogate/],
    [undefined, /must be a string/],
    [7, /must be a string/],
  ];
  for (const [name, message] of cases) {
    assert.throws(() => checkTopic(name as string), { ...TOPIC, message }, JSON.stringify(name));
    assert.throws(() => checkPattern(name as string), { ...TOPIC, message }, JSON.stringify(name));
  }
});

test('checkTopic refuses wildcards, and shows no more than the beginning of a long name', () => {
  assert.throws(() => checkTopic('a/*'), { ...TOPIC, message: /subscriptions alone/ });
  assert.throws(() => checkTopic('a*b'), TOPIC);
  assert.throws(
    () => checkTopic('y'.repeat(1e6)),
    (error: Error) => error.message.length < 200,
  );
});

test('checkPattern takes * for a segment and ** as the last one', () => {
  for (const pattern of ['*', '**', 'a/*', '*/b', 'a/*/c', 'a/**', '*/**', '*/*/*']) {
    assert.equal(checkPattern(pattern), true, pattern);
  }
  for (const pattern of ['**/a', 'a/**/b', '**/**']) {
    assert.throws(() => checkPattern(pattern), { ...TOPIC, message: /only be its last/ }, pattern);
  }
  for (const pattern of ['a*', '*a/b', 'a/***', 'a/b*c']) {
    assert.throws(
      () => checkPattern(pattern),
      { ...TOPIC, message: /segment of its own/ },
      pattern,
    );
  }
});
