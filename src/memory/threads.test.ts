import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { loadAcquire, notify, storeRelease } from '#atomics';
import { SeededRandom } from '../base/index.ts';
import { Arena } from './arena.ts';
import { auditDirectory } from './audit.test.helper.ts';
import { PAGE_BYTES } from './layout.ts';
import { Slab } from './slab.ts';
import { Storm, type StormData } from './threads.test.helper.ts';

const MIB = 1024 * 1024;
const THREADS = 3;

interface Field {
  readonly arena: Arena;
  readonly slab: Slab;
  readonly report: number;
  readonly go: number;
}

function field(size: number = 2 * MIB): Field {
  const arena = Arena.create({ size });
  const slab = Slab.create(arena, { name: 'slab', slotSize: 16, slots: 70 });
  const report = arena.allocate('reports', THREADS * Storm.WORDS * 4).offset;
  const go = arena.allocate('go', 4).offset;
  return { arena, slab, report, go };
}

function start(
  { arena, slab, report, go }: Field,
  index: number,
  more: Partial<StormData>,
): Worker {
  const workerData: StormData = {
    memory: arena.memory,
    slab: slab.region.offset,
    report: report + index * Storm.WORDS * 4,
    go,
    seed: index + 1,
    steps: 2 ** 31 - 1,
    what: 'both',
    ...more,
  };
  return new Worker(new URL('./threads.test.worker.js', import.meta.url), { workerData });
}

function word({ arena, report }: Field, index: number, which: number): number {
  return loadAcquire(arena.words, report / 4 + index * Storm.WORDS + which);
}

/** Starts all, and lets them begin when the last one is there. */
async function storm(
  ground: Field,
  more: (index: number) => Partial<StormData>,
): Promise<Worker[]> {
  const { arena, report, go } = ground;
  arena.words.fill(0, report / 4, report / 4 + THREADS * Storm.WORDS);
  storeRelease(arena.words, go / 4, 0);
  const workers = Array.from({ length: THREADS }, (_, i) => start(ground, i, more(i)));
  for (let i = 0; i < THREADS; i++) while (word(ground, i, Storm.READY) === 0) await turn();
  storeRelease(arena.words, go / 4, 1);
  notify(arena.words, go / 4, THREADS);
  return workers;
}

async function ended(worker: Worker): Promise<void> {
  const [code] = (await once(worker, 'exit')) as [number];
  assert.equal(code, 0, 'the worker ended by itself and without an exception');
}

for (const [what, steps] of [
  ['slots', 200_000],
  ['regions', 4_000],
] as const) {
  test(`threads that storm ${what} never hold the same memory twice`, async () => {
    const ground = field();
    const before = ground.arena.usage();
    const workers = await storm(ground, () => ({ what, steps }));
    await Promise.all(workers.map(ended));
    for (let i = 0; i < THREADS; i++) assert.equal(word(ground, i, Storm.FAULTS), 0);
    assert.equal(ground.slab.held, 0);
    assert.deepEqual(ground.arena.usage(), before);
    assert.equal(auditDirectory(ground.arena).lost, 0);
  });
}

test('threads that fill untouched memory never take the same pages', async () => {
  const ground = field(16 * MIB);
  const steps = 300;
  const workers = await storm(ground, () => ({ what: 'fill', steps }));
  await Promise.all(workers.map(ended));
  const { lost, released } = auditDirectory(ground.arena);
  assert.deepEqual({ lost, released }, { lost: 0, released: 0 });
  const filled = ground.arena.regions().filter((region) => region.name === 'fill');
  assert.equal(filled.length, THREADS * steps);
});

/** What a supervisor does for an ended thread that had no operation in the kernel. */
function reclaim({ arena, slab }: Field, thread: number): void {
  for (const region of arena.regions()) {
    if (region.thread === thread && region.state === 'live')
      arena.regionAt(region.offset).release();
  }
  for (let i = 0; i < slab.capacity; i++) {
    const offset = slab.base + i * slab.slotSize;
    if (arena.words[offset / 4] !== thread) continue;
    arena.words[offset / 4] = 0;
    slab.release(offset);
  }
}

/** Reads the directory while others change it: what is live is read whole or not at all. */
function observe({ arena }: Field): void {
  for (const { name, owner, offset, size, state } of arena.regions()) {
    if (state !== 'live') continue;
    assert.ok(['slab', 'reports', 'go', 'storm'].includes(name));
    assert.equal(owner, name === 'storm' ? 'test' : '');
    assert.ok(offset >= PAGE_BYTES && offset + size <= arena.size);
  }
}

test('threads that are ended in a storm lose at most what they were just claiming', async () => {
  const ground = field();
  const { arena, slab } = ground;
  const random = new SeededRandom(7);
  const before = arena.usage();
  const ROUNDS = 12;
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const workers = await storm(ground, (i) => ({ seed: round * THREADS + i }));
    const threads = workers.map((worker) => worker.threadId);
    for (const [i, worker] of workers.entries()) {
      const steps = 50 + random.below(500);
      while (word(ground, i, Storm.STEPS) < steps) {
        observe(ground);
        await turn();
      }
      await worker.terminate();
      killed++;
    }
    for (let i = 0; i < THREADS; i++) assert.equal(word(ground, i, Storm.FAULTS), 0);
    auditDirectory(arena);
    for (const thread of threads) reclaim(ground, thread);
    // One claimed extent a kill, and a slot that was taken but not marked yet.
    const audit = auditDirectory(arena);
    assert.equal(audit.live * PAGE_BYTES, before.held);
    assert.ok(slab.held <= killed);
    const claims = arena.regions().filter((region) => region.state === 'claimed');
    // Splitting and joining claim a second entry for a moment.
    assert.ok(claims.length <= 2 * killed);
    arena.allocate('after', PAGE_BYTES).release();
  }
  const { lost, live, released, untouched } = auditDirectory(arena);
  const pages = (before.held + before.largest) / PAGE_BYTES;
  assert.equal(lost + live + released + untouched, pages);
});
