/**
 * Topics against a naive model, with members that come, go and publish while a publish runs. The
 * model knows of each subscription when it began and whether it has ended, and finds out by regular
 * expressions which a topic matches.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Topics, type TopicMember } from './topics.ts';

const SLOTS = 6;
const SEGMENTS = ['a', 'b', 'c'];
const NAMES = SEGMENTS.flatMap((x) => [x, ...SEGMENTS.map((y) => `${x}/${y}`), `${x}/a/b`]);
const PATTERNS = ['*', '**', 'a/*', '*/b', '*/*', 'a/**', 'b/**', '*/a/**', '*/*/b', 'a/b'];

interface Action {
  readonly kind: 'subscribe' | 'unsubscribe' | 'leave' | 'publish';
  readonly slot: number;
  readonly name: string;
  /** What is done during a publish: at which visit, and what. */
  readonly within: readonly (readonly [visit: number, action: Action])[];
}

interface Subscription {
  readonly member: TopicMember;
  readonly pattern: string;
  ended: boolean;
}

/** Actions with publishes inside publishes, so many levels deep. */
function actions(levels: number): fc.Arbitrary<Action> {
  const kinds: Action['kind'][] = ['subscribe', 'subscribe', 'unsubscribe', 'leave', 'publish'];
  const inside = fc.tuple(fc.nat(SLOTS), levels === 0 ? fc.constant(null) : actions(levels - 1));
  return fc
    .record({
      kind: fc.constantFrom(...kinds),
      slot: fc.nat(SLOTS - 1),
      name: fc.constantFrom(...NAMES),
      pattern: fc.constantFrom(...NAMES, ...PATTERNS, ...PATTERNS),
      within: fc.array(inside, { maxLength: 4 }),
    })
    .map(({ kind, slot, name, pattern, within }) => ({
      kind,
      slot,
      name: kind === 'publish' ? name : pattern,
      within: kind === 'publish' ? within.filter(([, step]) => step !== null) : [],
    })) as fc.Arbitrary<Action>;
}

/** The pattern as a regular expression. */
function regexOf(pattern: string): RegExp {
  const parts = pattern.split('/').map((segment) => {
    if (segment === '**') return '(/[^/]+)*';
    return segment === '*' ? '/[^/]+' : `/${segment}`;
  });
  return new RegExp(`^${parts.join('')}$`);
}

class Model {
  readonly topics: Topics<TopicMember> = new Topics();
  /** Who has each index now; another one after it has left, as connections do. */
  readonly slots: TopicMember[] = Array.from({ length: SLOTS }, (_, index) => ({ index }));
  subscriptions: Subscription[] = [];

  do(step: Action): void {
    const member = this.slots[step.slot]!;
    const own = this.subscriptions.filter((each) => each.member === member);
    const same = own.find(({ pattern }) => pattern === step.name);
    if (step.kind === 'subscribe') {
      assert.equal(this.topics.subscribe(member, step.name), same === undefined);
      if (!same) this.subscriptions.push({ member, pattern: step.name, ended: false });
    } else if (step.kind === 'unsubscribe') {
      assert.equal(this.topics.unsubscribe(member, step.name), same !== undefined);
      if (same) this.#end([same]);
    } else if (step.kind === 'leave') {
      this.topics.leaveAll(member);
      this.#end(own);
      this.slots[step.slot] = { index: step.slot };
    } else {
      this.#publish(step);
    }
  }

  #publish({ name, within }: Action): void {
    const before = this.#matching(name);
    const visited: TopicMember[] = [];
    const count = this.topics.match(
      name,
      (member, context) => {
        assert.equal(context, name);
        assert.ok(!visited.includes(member), 'nobody is visited twice');
        const still = before.some((each) => each.member === member && !each.ended);
        assert.ok(still, 'who is visited was there before, and is there still');
        visited.push(member);
        for (const [visit, step] of within) if (visit === visited.length - 1) this.do(step);
      },
      name,
    );
    assert.equal(count, visited.length);
    for (const { member, ended } of before) {
      assert.ok(ended || visited.includes(member), 'who was there and has stayed is visited');
    }
  }

  #matching(name: string): Subscription[] {
    return this.subscriptions.filter(({ pattern }) => regexOf(pattern).test(`/${name}`));
  }

  #end(subscriptions: readonly Subscription[]): void {
    for (const each of subscriptions) each.ended = true;
    this.subscriptions = this.subscriptions.filter(({ ended }) => !ended);
  }

  check(): void {
    const { topics, subscriptions } = this;
    assert.equal(topics.subscriptions, subscriptions.length);
    for (const name of NAMES) {
      const expected = new Set(this.#matching(name).map(({ member }) => member));
      assert.equal(topics.count(name), expected.size, name);
    }
    for (const member of this.slots) {
      const own = subscriptions.filter((each) => each.member === member);
      assert.deepEqual(topics.of(member).sort(), own.map(({ pattern }) => pattern).sort());
    }
    const counts = new Map<string, number>();
    for (const { pattern } of subscriptions) counts.set(pattern, (counts.get(pattern) ?? 0) + 1);
    assert.deepEqual(new Map(topics.list()), counts);
  }
}

test('Topics does what a naive model does, whatever happens during a publish', () => {
  fc.assert(
    fc.property(fc.array(actions(2), { maxLength: 60, size: 'max' }), (steps) => {
      const model = new Model();
      for (const each of steps) {
        model.do(each);
        model.check();
      }
    }),
    { numRuns: 400 },
  );
});

test('Topics stays true with many members, joining and leaving at random places', () => {
  const many = Array.from({ length: 500 }, (_, index) => ({ index }));
  fc.assert(
    fc.property(fc.array(fc.nat(many.length - 1), { minLength: 300, maxLength: 900 }), (picks) => {
      const topics = new Topics<TopicMember>();
      const inside = new Set<TopicMember>();
      for (const pick of picks) {
        const member = many[pick]!;
        if (topics.unsubscribe(member, 'x')) inside.delete(member);
        else if (topics.subscribe(member, 'x')) inside.add(member);
        topics.subscribe(member, `own/${pick % 70}`);
      }
      const visited: TopicMember[] = [];
      topics.match('x', (member) => visited.push(member), null);
      assert.equal(visited.length, inside.size);
      assert.deepEqual(new Set(visited), inside);
      for (const member of many) topics.leaveAll(member);
      assert.equal(topics.subscriptions + topics.size, 0);
    }),
    { numRuns: 30 },
  );
});
