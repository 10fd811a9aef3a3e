/**
 * Takes and gives back memory as fast as it can, and marks what it holds: whoever finds a foreign
 * mark has memory that is somebody else's too. Faults are counted in shared memory, because the
 * thread may be ended at any moment.
 */
import { threadId, workerData } from 'node:worker_threads';
import { add, exchange, loadAcquire, storeRelease, waitBlocking } from '#atomics';
import { SeededRandom } from '../base/index.ts';
import { Arena } from './arena.ts';
import type { Region } from './region.ts';
import { Slab } from './slab.ts';
import { Storm, type StormData } from './threads.test.helper.ts';

const data = workerData as StormData;
const arena: Arena = Arena.attach(data.memory);
const slab: Slab = Slab.attach(arena, data.slab);
const random = new SeededRandom(data.seed);
const { words } = arena;
const report = data.report / 4;
const slots: number[] = [];
const regions: Region[] = [];
/** Held at once at most, so that some allocations of a small arena fail and most do not. */
const HELD_MAX = 12;

function fault(): void {
  add(words, report + Storm.FAULTS, 1);
}

function slotStep(): void {
  if (slots.length < HELD_MAX && random.chance(1, 2)) {
    const offset = slab.acquire();
    if (offset === 0) return;
    // 0 is what the last holder left. Thread ids of workers are not 0.
    if (exchange(words, offset / 4, threadId) !== 0) fault();
    slots.push(offset);
  } else if (slots.length > 0) {
    const offset = slots.splice(random.below(slots.length), 1)[0]!;
    if (exchange(words, offset / 4, 0) !== threadId) fault();
    slab.release(offset);
  }
}

function ends(region: Region): [number, number] {
  return [region.offset / 4, (region.offset + region.size) / 4 - 1];
}

function regionStep(): void {
  if (regions.length < HELD_MAX && random.chance(1, 2)) {
    const size = 4 * (1 + random.below(random.chance(1, 4) ? 20_000 : 2_000));
    const alignment = 128 << random.below(9);
    let region: Region;
    try {
      region = arena.allocate('storm', size, { owner: 'test', alignment });
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_ARENA_EXHAUSTED') fault();
      return;
    }
    for (const word of ends(region)) {
      const before = exchange(words, word, threadId);
      if (before !== 0 && before !== threadId) fault();
    }
    regions.push(region);
  } else if (regions.length > 0) {
    const region = regions.splice(random.below(regions.length), 1)[0]!;
    for (const word of ends(region)) if (words[word] !== threadId) fault();
    region.release();
  }
}

// Threads take long to start and little to finish: without this they would hardly meet.
storeRelease(words, report + Storm.READY, 1);
while (loadAcquire(words, data.go / 4) === 0) waitBlocking(words, data.go / 4, 0, 1000);

for (let step = 1; step <= data.steps; step++) {
  if (data.what === 'slots' || data.what === 'both') slotStep();
  if (data.what === 'regions' || data.what === 'both') regionStep();
  if (data.what === 'fill') arena.allocate('fill', 1 + random.below(9000));
  storeRelease(words, report + Storm.STEPS, step);
}
for (const offset of slots) {
  exchange(words, offset / 4, 0);
  slab.release(offset);
}
for (const region of regions) region.release();
