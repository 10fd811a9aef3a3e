/** A sample: so many random executions of a test, of each of which the inputs are random too. */
import { SeededRandom } from '../../base/index.ts';
import type { Examination } from '../check/examination.ts';
import type { Explored } from '../check/models.ts';
import type { Settings } from '../check/options.ts';
import { Unasked } from '../program/inputs.ts';
import { Resplit } from '../program/locations.ts';
import type { TestInstance } from '../program/test.ts';
import { hasCode } from './exploration.ts';
import { EvenSchedule, PrioritySchedule } from './schedules.ts';
import { Walker, type WalkOptions } from './walk.ts';

const WORDS_FIRST = 2;
const WORDS_MAX = 32;

/** See the head of this file. */
export class Sampling {
  readonly #examination: Examination;
  readonly #explored: Explored;
  readonly #settings: Settings;
  /** Names of the threads. */
  names: readonly string[] = [];

  constructor(examination: Examination, explored: Explored, settings: Settings) {
    this.#examination = examination;
    this.#explored = explored;
    this.#settings = settings;
  }

  /** Walks until there are enough, or one has failed. */
  run(): void {
    const { session } = this.#examination;
    for (let words = WORDS_FIRST; ;) {
      this.#examination.restart();
      session.restart();
      try {
        this.#walkAll(words);
        if (session.cut !== 'all' || words === WORDS_MAX) break;
        words *= 2;
      } catch (error) {
        // Accesses of other sizes were found: everything anew, with smaller pieces.
        if (!(error instanceof Resplit)) throw error;
      } finally {
        session.inputs.draw = undefined;
      }
    }
    this.#examination.sampled();
  }

  #walkAll(words: number): void {
    const { seed, samples } = this.#settings;
    const { session } = this.#examination;
    const random = new SeededRandom(seed);
    const options = walkOptions(this.#settings, random);
    session.inputs.draw = (count) => random.below(count);
    for (let sample = 0; sample < samples; sample++) {
      if (!this.#examination.step(samples - sample)) return;
      session.inputs.clear();
      if (!this.#walkOne(words, options)) return;
      if (session.cut === 'all' && words < WORDS_MAX) return;
    }
  }

  #walkOne(words: number, options: WalkOptions): boolean {
    const { session } = this.#examination;
    try {
      this.names = (session.prepare() as TestInstance).names;
    } catch (error) {
      if (error instanceof Unasked) return true;
      if (error instanceof Resplit || hasCode(error)) throw error;
      this.#examination.failSetUp(error);
      return false;
    }
    const walker = new Walker(this.#explored.consistency, session, words, options);
    session.use(walker);
    return walker.walk(this.#examination);
  }
}

/** How walks are made that the settings ask for. */
function walkOptions(settings: Settings, random: SeededRandom): WalkOptions {
  if (settings.strategy !== 'pct') {
    return { random, schedule: new EvenSchedule(random), isInTurn: false };
  }
  const schedule = new PrioritySchedule(random, settings.depth);
  return { random, schedule, isInTurn: settings.model === 'sc' };
}
