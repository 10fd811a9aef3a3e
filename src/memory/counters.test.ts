import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from './arena.ts';
import { Counters } from './counters.ts';

const arena: Arena = Arena.create({ size: 4 << 20 });

test('Counters are written through doubles and read by name, also elsewhere', () => {
  const counters = Counters.create(arena, 'driver 1', 'uring', ['sent', 'reçu', 'turns']);
  const { doubles, base } = counters;
  doubles[base]! += 3;
  doubles[counters.index('reçu')]! += 2 ** 40;
  const expected = { sent: 3, reçu: 2 ** 40, turns: 0 };
  assert.deepEqual(counters.snapshot(), expected);
  const seen = Counters.attach(Arena.attach(arena.memory), counters.offset);
  assert.deepEqual(seen.names, ['sent', 'reçu', 'turns']);
  assert.deepEqual(seen.snapshot(), expected);
  assert.equal(arena.regionAt(counters.offset).kind, 'counters');
  counters.release();
  assert.throws(() => counters.release(), { code: 'ERR_REGION_RELEASED' });
});

test('Counters keep their values apart from the names, whatever their number', () => {
  for (const count of [1, 13, 16, 17, 500]) {
    const names = Array.from({ length: count }, (_, i) => `n${i}`);
    const counters = Counters.create(arena, 'many', '', names);
    for (let i = 0; i < count; i++) counters.doubles[counters.base + i] = i + 0.5;
    const seen = Counters.attach(arena, counters.offset);
    assert.deepEqual(seen.names, names);
    assert.deepEqual(
      Object.values(seen.snapshot()),
      names.map((_, i) => i + 0.5),
    );
    assert.equal((counters.base * 8) % 128, 0);
  }
});

test('Counters refuses names that it could not give back', () => {
  for (const names of [[], [''], ['a', 'a'], ['a\nb'], [7 as unknown as string]]) {
    assert.throws(() => Counters.create(arena, 'bad', '', names), { code: 'ERR_OPTION_TYPE' });
  }
  const counters = Counters.create(arena, 'one', '', ['a']);
  assert.throws(() => (counters as Counters).index('b'), { code: 'ERR_ASSERTION' });
  const plain = arena.allocate('plain', 10);
  assert.throws(() => Counters.attach(arena, plain.offset), { code: 'ERR_REGION_KIND' });
});
