/** A peer that writes anything anywhere into what it is shown, until it is told to stop. */
import { workerData } from 'node:worker_threads';
import { SeededRandom } from '../../src/base/index.ts';

/** Words of the block with which the test leads this thread. */
export const Lead = { STOP: 0, FROM: 1, TO: 2, ROUNDS: 3, WORDS: 4 } as const;

const EDGES = [0, 1, -1, 7, 63, 64, 65, 0x7fff_ffff, -0x8000_0000, 4096];

function run(words: Int32Array, lead: number, random: SeededRandom): void {
  while (Atomics.load(words, lead + Lead.STOP) === 0) {
    const from = Atomics.load(words, lead + Lead.FROM);
    const to = Atomics.load(words, lead + Lead.TO);
    if (to > from) {
      const index = from + random.below(to - from);
      const kind = random.below(4);
      if (kind === 0) words[index] = EDGES[random.below(EDGES.length)]!;
      else if (kind === 1) words[index]! ^= 1 << random.below(32);
      else if (kind === 2) words[index] = random.below(2 ** 32);
      else words[index]! += random.below(129) - 64;
    }
    // Says that what was seen above is done with.
    Atomics.add(words, lead + Lead.ROUNDS, 1);
  }
}

const data = workerData as { buffer: SharedArrayBuffer; lead: number; seed: number } | null;
if (data) run(new Int32Array(data.buffer), data.lead, new SeededRandom(data.seed));
