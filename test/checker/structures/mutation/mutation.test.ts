/**
 * Some mutants of the lock-free sources, at least one of each kind and of each protocol: the tests
 * of structures catch them. All of them are tried by `npm run mutate`, which takes long.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { lockFree } from '../all.ts';
import { Bench, sourceOf } from './bench.ts';
import { type Mutant, mutantsOf } from './mutants.ts';

/** What is changed: the source, the kind, and a part of what stood there. */
const CHOSEN: readonly (readonly [file: string, kind: Mutant['kind'], part: string])[] = [
  ['ring/lanes/writer.js', 'relaxed', 'storeRelease(words, this.#tailWord, this.#tail)'],
  ['ring/lanes/writer.js', 'drop', 'fence(this.#words, this.#counters + 6)'],
  ['ring/lanes/writer.js', 'drop', 'storeRelease(this.#words, this.#tailWord + 3'],
  ['ring/lanes/copier.js', 'drop', 'fence(this.#fence, 0)'],
  ['ring/segment/tail.js', 'drop', 'fence(this.#fence, 0)'],
  ['ring/lanes/reader.js', 'plain', 'const tail = loadAcquire(this.#words, this.#tailWord)'],
  ['ring/lanes/reader.js', 'bound', 'count > this.#slotMask + 1'],
  ['ring/lanes/heads.js', 'check', '(owner & ASKING) === 0'],
  ['ring/lanes/copier.js', 'plain', 'compareExchange(words, this.#headWord, head'],
  ['ring/waiting/bell.js', 'plain', 'or(words, index, ASLEEP)'],
  ['ring/waiting/bell.js', 'step', '(bell + 1) | 0'],
  ['ring/segment/membership.js', 'plain', 'compareExchange(this.#words, word, 0, mine)'],
  ['memory/slab.js', 'plain', 'compareExchange(this.#words, word, value, value & ~bit)'],
  ['memory/directory.js', 'plain', 'compareExchange(words, Header.TOP, top, end)'],
  ['task/executor/inbox.js', 'plain', 'exchange(this.#words, this.#leaves + leaf, 0)'],
  ['task/executor/remote-waker.js', 'plain', 'compareExchange(words, cell, lap, full)'],
  ['task/executor/task-counters-names.js', 'drop', 'fence(this.#words, word)'],
  ['driver/wake.js', 'plain', 'exchange(arena.words, word >>> 2, 1)'],
];

/**
 * A mistake that was made, and mended: whether a producer was there was asked after looking for it.
 */
function oldOrderOfLooks(): Mutant {
  const file = 'ring/consumer.js';
  const text = sourceOf(file);
  const line = /\n *const wasThere = [^\n]*;/.exec(text)![0];
  const end = '        return wasThere && ';
  const parts = text.replace(line, '').split(end);
  assert.equal(parts.length, 2);
  const changed = `${parts[0]}${line.trim()}\n${end}${parts[1]}`;
  return {
    file,
    kind: 'drop',
    line: 0,
    at: 0,
    before: '',
    after: '',
    id: `${file}: the old order of looks`,
    text: changed,
  };
}

describe('mutants of lock-free sources', () => {
  let bench: Bench;
  before(() => {
    bench = new Bench();
  });
  after(() => bench.close());

  for (const [file, kind, part] of CHOSEN) {
    it(`${file}, ${kind}: ${part}`, async () => {
      const mutant = mutantsOf(file, sourceOf(file)).find(
        (each) => each.kind === kind && each.before.includes(part),
      );
      assert.ok(mutant, 'the source has it');
      const caught = await bench.caughtBy(mutant);
      assert.ok(caught !== undefined, 'a test notices');
    });
  }

  it('ring/consumer.js: the old order of looks', async () => {
    const caught = await bench.caughtBy(oldOrderOfLooks());
    const name = caught?.trial?.name ?? 'nobody notices';
    assert.match(name, /^a producer that comes while a consumer looks/);
  });

  it('have names of their own, and are the same each time', () => {
    const files = lockFree(sourceOf);
    const ids = files.flatMap((file) => mutantsOf(file, sourceOf(file)).map(({ id }) => id));
    assert.equal(new Set(ids).size, ids.length);
    const again = files.flatMap((file) => mutantsOf(file, sourceOf(file)).map(({ id }) => id));
    assert.deepEqual(again, ids);
  });
});
