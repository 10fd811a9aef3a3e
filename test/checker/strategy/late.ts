/**
 * Tests in which it shows late what changes: words that most executions only read, and bytes that
 * few access. Some are written out, others drawn at random, the same ones each time.
 */
import { SeededRandom } from '../../../src/base/index.ts';
import { model, type ModelName, type TestBody } from '../../../src/checker/index.ts';
import { lateByte, lateEnd, lateGuess, lateLength, lateRounds, lateWrite } from './programs.ts';

/** Two words that are accessed in all ways, one in none that is atomic, a lock, what it guards. */
const WORDS = 5;
const PLAIN = 2;
const LOCK = 3;
const GUARDED = 4;

type Action = (word: Int32Array, bytes: Uint8Array, seen: unknown[]) => void;

/** One thing that a thread does. */
function actionOf(random: SeededRandom): Action {
  const at = random.below(2);
  const other = 1 - at;
  const value = 1 + random.below(2);
  const actions: readonly Action[] = [
    (word, _, seen) => void seen.push(word[at]),
    (word, _, seen) => void seen.push(Atomics.load(word, at)),
    (word, _, seen) => void seen.push(Atomics.add(word, at, 1)),
    (word) => void Atomics.store(word, at, value),
    (word, bytes, seen) => {
      if (Atomics.load(word, at) === value) bytes[4 * PLAIN + 1] = 1;
      else seen.push(word[PLAIN]);
    },
    (word) => {
      if (Atomics.load(word, at) === value) word[PLAIN] = value;
    },
    (word, _, seen) => void seen.push(word[PLAIN]),
    (word) => {
      if (Atomics.load(word, at) === value) word[other] = 2;
    },
    (word) => {
      if (Atomics.add(word, at, 1) === value) word[other] = 2;
    },
    (word) => {
      while (Atomics.compareExchange(word, LOCK, 0, 1) !== 0);
      word[GUARDED]! += 1;
      Atomics.store(word, LOCK, 0);
    },
    (word, _, seen) => {
      let isOdd = false;
      for (let count = 0; count < 50 && Atomics.load(word, at) === 0; count++) isOdd = !isOdd;
      seen.push(isOdd);
    },
  ];
  return actions[random.below(actions.length)]!;
}

function randomBody(seed: number): TestBody {
  const random = new SeededRandom(seed);
  const threads = Array.from({ length: 3 }, () =>
    Array.from({ length: 1 + random.below(3) }, () => actionOf(random)),
  );
  const hasInput = random.chance(1, 3);
  return ({ choose, shared, thread }) => {
    const buffer = shared(4 * WORDS);
    const word = new Int32Array(buffer);
    const bytes = new Uint8Array(buffer);
    if (hasInput) word[0] = choose(2);
    for (const [index, actions] of threads.entries()) {
      thread(`thread ${index}`, () => {
        const seen: unknown[] = [];
        for (const action of actions) action(word, bytes, seen);
        return seen.join();
      });
    }
  };
}

/** Those with enough executions, and not too many. */
const SEEDS = [28, 17, 12, 4, 5, 46, 47, 49];
const MODELS: readonly ModelName[] = ['sc', 'rc11', 'es', 'v8-arm64'];

model('late write', { models: ['sc'], races: 'allow' }, lateWrite);
model('late byte', { models: ['sc'], races: 'allow' }, lateByte);
model('late rounds', { models: ['sc'] }, lateRounds);
model('late length', { models: ['sc'], races: 'allow', events: 20 }, lateLength);
model('late end', { models: ['sc'] }, lateEnd);
model('late guess', { models: ['es'], races: 'allow' }, lateGuess);
for (const seed of SEEDS) {
  model(`random ${seed}`, { models: [MODELS[seed % 4]!], races: 'allow' }, randomBody(seed));
}
