import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveTopicLimits } from './limits.ts';
import { Topics, type TopicMember } from './topics.ts';

const members: readonly TopicMember[] = Array.from({ length: 40 }, (_, index) => ({ index }));
const [a, b, c, d] = members as [TopicMember, TopicMember, TopicMember, TopicMember];

function reached(topics: Topics<TopicMember>, topic: string): number[] {
  const indexes: number[] = [];
  const visited = topics.match(topic, (member, into) => void into.push(member.index), indexes);
  assert.equal(visited, indexes.length);
  return indexes.sort((x, y) => x - y);
}

test('Topics visits the members of a name, and nobody else', () => {
  const topics = new Topics();
  assert.equal(topics.subscribe(a, 'rooms/1'), true);
  assert.equal(topics.subscribe(b, 'rooms/1'), true);
  assert.equal(topics.subscribe(b, 'rooms/1'), false);
  topics.subscribe(c, 'rooms/2');
  assert.deepEqual(reached(topics, 'rooms/1'), [0, 1]);
  assert.deepEqual(reached(topics, 'rooms/3'), []);
  assert.deepEqual([topics.subscriptions, topics.size], [3, 2]);
  assert.equal(topics.unsubscribe(a, 'rooms/1'), true);
  assert.equal(topics.unsubscribe(a, 'rooms/1'), false);
  assert.deepEqual(reached(topics, 'rooms/1'), [1]);
});

test('Topics matches * with one segment, and ** with any number at the end', () => {
  const cases: [pattern: string, matches: string[], others: string[]][] = [
    ['*', ['a', 'b'], ['a/b']],
    ['a/*', ['a/b', 'a/c'], ['a', 'a/b/c', 'b/b']],
    ['*/b', ['a/b', 'b/b'], ['b', 'a/c', 'a/b/c']],
    ['a/*/c', ['a/b/c', 'a/c/c'], ['a/c', 'a/b/c/d']],
    ['**', ['a', 'a/b', 'a/b/c'], []],
    ['a/**', ['a', 'a/b', 'a/b/c'], ['b', 'b/a']],
    ['*/*/**', ['a/b', 'a/b/c', 'a/b/c/d'], ['a']],
  ];
  for (const [pattern, matches, others] of cases) {
    const topics = new Topics();
    topics.subscribe(a, pattern);
    for (const name of matches) assert.deepEqual(reached(topics, name), [0], `${pattern} ${name}`);
    for (const name of others) assert.deepEqual(reached(topics, name), [], `${pattern} ${name}`);
    topics.unsubscribe(a, pattern);
    for (const name of matches) assert.deepEqual(reached(topics, name), [], `${pattern} is gone`);
  }
});

test('Topics visits a member once, however many of its subscriptions match', () => {
  const topics = new Topics();
  for (const pattern of ['a/b', 'a/*', '*/b', '**', 'a/**', '*/*']) topics.subscribe(a, pattern);
  topics.subscribe(b, '*/b');
  topics.subscribe(c, 'a/b');
  assert.deepEqual(reached(topics, 'a/b'), [0, 1, 2]);
  assert.deepEqual(reached(topics, 'x/b'), [0, 1]);
  assert.equal(topics.count('a/b'), 3);
  assert.equal(topics.count('z'), 1);
  topics.leaveAll(a);
  assert.equal(topics.count('a/b'), 2);
  assert.deepEqual(topics.of(a), []);
});

test('Topics knows its names, its members and what each is subscribed to', () => {
  const topics = new Topics();
  topics.subscribe(a, 'x');
  topics.subscribe(a, 'y/*');
  topics.subscribe(b, 'x');
  assert.deepEqual(
    [...topics.list()],
    [
      ['x', 2],
      ['y/*', 1],
    ],
  );
  assert.deepEqual(topics.of(a), ['y/*', 'x']);
  assert.deepEqual(topics.of(d), []);
  assert.equal(topics.has(a, 'y/*'), true);
  assert.equal(topics.has(a, 'y/1'), false);
  topics.leaveAll(a);
  topics.leaveAll(a);
  topics.leaveAll(b);
  assert.deepEqual([...topics.list()], []);
  assert.deepEqual([topics.size, topics.subscriptions], [0, 0]);
});

test('Topics refuses names that cannot be, wherever one is given', () => {
  const topics = new Topics();
  const code = 'ERR_TOPIC';
  for (const patterns of [false, true]) {
    assert.throws(() => topics.subscribe(a, 'a//b'), { code });
    assert.throws(() => topics.unsubscribe(a, ''), { code });
    assert.throws(() => topics.match('a/*', () => {}, null), { code });
    assert.throws(() => topics.count(''), { code });
    assert.throws(() => topics.store('a/*', 1, new Uint8Array(1)), { code });
    assert.throws(() => topics.forget('a/*'), { code });
    assert.throws(() => topics.retained('*a', () => {}, null), { code });
    if (!patterns) topics.subscribe(b, '**');
  }
});

test('Topics refuses what goes above a limit, and works on', () => {
  const limits = resolveTopicLimits({ maxSubscriptions: 2, maxTopics: 3 });
  const topics = new Topics(limits);
  const refused = { name: 'RangeError', code: 'ERR_TOPIC_LIMIT' };
  topics.subscribe(a, 'x');
  topics.subscribe(a, 'y');
  assert.equal(topics.subscribe(a, 'y'), false, 'what is there already takes nothing');
  assert.throws(() => topics.subscribe(a, 'z'), { ...refused, message: /2 subscriptions/ });
  topics.subscribe(b, '*');
  assert.throws(() => topics.subscribe(c, 'w'), { ...refused, message: /3 topics/ });
  topics.subscribe(c, 'x');
  topics.unsubscribe(b, '*');
  topics.subscribe(c, 'w');
  assert.deepEqual(reached(topics, 'x'), [0, 2]);
});

test('Topics comes out of a visit that throws as if it had not begun', () => {
  const topics = new Topics();
  for (const member of [a, b, c]) topics.subscribe(member, 'x');
  const thrower = (member: TopicMember): void => {
    topics.unsubscribe(b, 'x');
    if (member === a) throw new Error('no');
  };
  assert.throws(() => topics.match('x', thrower, null), /no/);
  assert.deepEqual(reached(topics, 'x'), [0, 2]);
  topics.subscribe(d, '*');
  topics.subscribe(a, '*');
  assert.throws(() => topics.match('x', thrower, null), /no/);
  assert.deepEqual(reached(topics, 'x'), [0, 2, 3]);
});

test('Topics visits once in a publish that has another one inside', () => {
  const topics = new Topics();
  for (const member of [a, b, c]) {
    topics.subscribe(member, 'x/y');
    topics.subscribe(member, 'x/*');
  }
  const outer: number[] = [];
  topics.match(
    'x/y',
    (member) => {
      outer.push(member.index);
      assert.deepEqual(reached(topics, 'x/y'), [0, 1, 2]);
      assert.equal(topics.count('x/z'), 3);
    },
    null,
  );
  assert.deepEqual(outer, [0, 1, 2]);
});

test('Topics keeps its place in a publish that has several others inside', () => {
  const topics = new Topics();
  topics.subscribe(a, '*/y');
  for (const member of [a, b, c]) topics.subscribe(member, 'x/*');
  topics.subscribe(d, '**');
  const outer: number[] = [];
  topics.match(
    'x/y',
    (member) => {
      outer.push(member.index);
      for (let i = 0; i < 2; i++) assert.deepEqual(reached(topics, 'q/y'), [0, 3]);
    },
    null,
  );
  assert.deepEqual(
    outer.sort((x, y) => x - y),
    [0, 1, 2, 3],
  );
});

test('Topics remembers patterns of names nobody has, until a pattern comes or goes', () => {
  const topics = new Topics();
  topics.subscribe(a, 'n/*');
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 3000; i++) assert.equal(topics.count(`n/${i}`), 1);
  }
  topics.subscribe(b, '**');
  assert.deepEqual(reached(topics, 'n/5'), [0, 1]);
  topics.leaveAll(a);
  assert.deepEqual(reached(topics, 'n/5'), [1]);
});

test('Topics keeps the last value of a topic, a copy', () => {
  const topics = new Topics();
  const bytes = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  const seen: [string, number, number[]][] = [];
  const see = (pattern: string): typeof seen => {
    seen.length = 0;
    topics.retained(
      pattern,
      (value) => seen.push([value.topic, value.opcode, [...value.bytes]]),
      0,
    );
    return seen;
  };
  topics.store('p/1', 1, bytes.subarray(0, 2));
  bytes.fill(0);
  topics.store('p/2', 2, new Uint8Array([1]));
  topics.store('p/2', 2, new Uint8Array([2]));
  topics.store('p', 1, new Uint8Array(0));
  assert.deepEqual(see('p/1'), [['p/1', 1, [7, 7]]]);
  assert.deepEqual(see('p/3'), []);
  assert.deepEqual(see('p/*'), [
    ['p/1', 1, [7, 7]],
    ['p/2', 2, [2]],
  ]);
  assert.deepEqual(see('p/**').length, 3);
  assert.deepEqual(see('*').length, 1);
  assert.equal(topics.forget('p/1'), true);
  assert.equal(topics.forget('p/1'), false);
  assert.deepEqual(see('**').length, 2);
  assert.deepEqual([topics.retainedValues, topics.retainedBytes], [2, 9]);
});

test('Topics refuses a value that goes above the limit, and keeps the one before', () => {
  const topics = new Topics(resolveTopicLimits({ maxRetainedBytes: 100, maxTopics: 2 }));
  const code = 'ERR_TOPIC_LIMIT';
  topics.store('a', 2, new Uint8Array(98));
  assert.throws(() => topics.store('a', 2, new Uint8Array(99)), { code });
  assert.throws(() => topics.store('b', 2, new Uint8Array(0)), { code });
  topics.retained('a', ({ bytes }) => assert.equal(bytes.length, 98), null);
  topics.store('a', 2, new Uint8Array(10));
  topics.store('b', 2, new Uint8Array(10));
  assert.throws(() => topics.store('c', 2, new Uint8Array(0)), { code, message: /2 topics/ });
  topics.forget('a');
  topics.forget('b');
  assert.equal(topics.retainedBytes, 0);
});

test('resolveTopicLimits checks what it is given', () => {
  assert.deepEqual(resolveTopicLimits(), {
    maxSubscriptions: 1000,
    maxTopics: 1_000_000,
    maxRetainedBytes: 16 << 20,
  });
  assert.throws(() => resolveTopicLimits({ maxTopic: 1 } as object), {
    code: 'ERR_OPTION_UNKNOWN',
  });
  assert.throws(() => resolveTopicLimits({ maxTopics: 0 }), { code: 'ERR_OPTION_RANGE' });
});
