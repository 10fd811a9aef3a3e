/**
 * Explores a test: each combination of what it takes while it is set up, one after the other, and
 * anew when the size of locations or of graphs turns out to be another. It can be put off at any
 * step, and go on from there.
 */
import type { Examination } from '../check/examination.ts';
import type { Explored } from '../check/models.ts';
import type { Settings } from '../check/options.ts';
import { Explorer } from '../explore/explorer.ts';
import { Graph } from '../explore/graph.ts';
import { Unasked } from '../program/inputs.ts';
import { Resplit } from '../program/locations.ts';
import type { TestInstance } from '../program/test.ts';
import { Reader } from './codec.ts';
import { identityOf } from './identity.ts';
import { loopedBytes, readLooped } from './looped.ts';
import {
  type LoopedPart,
  loadState,
  readTally,
  readWork,
  removeState,
  type Saved,
  saveState,
  tallyBytes,
  type Work,
  workBytes,
} from './state.ts';

/** Words of the sets of events, at first and at most: 64 and 1,024 events. */
export const WORDS_FIRST = 2;
export const WORDS_MAX = 32;

/** What is left of one combination of inputs, and what was seen of loops under it. */
interface Rest extends Work {
  readonly graphs: Graph[];
  readonly looped: LoopedPart[];
}

/** See the head of this file. */
export class Exploration {
  readonly #examination: Examination;
  readonly #explored: Explored;
  readonly #settings: Settings;
  #explorer: Explorer | undefined;
  #words = WORDS_FIRST;
  #nextSave = 0;
  /** Work that was put off, and behind which inputs all others are left. */
  #waiting: Rest[] = [];
  #cursor: Saved['cursor'] | undefined;
  #test = '';
  /** Names of the threads. */
  names: readonly string[] = [];

  constructor(examination: Examination, explored: Explored, settings: Settings) {
    this.#examination = examination;
    this.#explored = explored;
    this.#settings = settings;
  }

  /** @throws {RondoError} ERR_CHECKER_RESUME, and what the test does wrong */
  run(): void {
    const { resume, clock, resumeEvery } = this.#settings;
    const examination = this.#examination;
    // What is put off in a file says nothing of tears.
    examination.putsOffTears = resume === undefined;
    let saved: Saved | undefined;
    if (resume !== undefined) {
      this.#test = identityOf(examination.body, this.#explored, this.#settings);
      saved = loadState(resume, this.#test);
      this.#nextSave = clock.now() + resumeEvery;
    }
    examination.observer = {
      estimate: () => this.#estimate(),
      looked: (now) => this.#looked(now),
    };
    this.#runFrom(saved);
    if (resume === undefined) return;
    if (this.#isPutOff()) this.#save(resume);
    else removeState(resume);
  }

  #runFrom(saved: Saved | undefined): void {
    const examination = this.#examination;
    const { session } = examination;
    this.#words = saved?.words ?? WORDS_FIRST;
    for (let from = saved; ; from = undefined) {
      examination.restart();
      session.restart();
      try {
        this.#exploreInputs(from);
        if (!this.#isTooSmall()) {
          examination.finish(32 * this.#words);
          return;
        }
        this.#words *= 2;
      } catch (error) {
        // Accesses of other sizes were found: everything anew, with smaller pieces.
        if (!(error instanceof Resplit)) throw error;
      }
    }
  }

  #isTooSmall(): boolean {
    const { session, failure, bounded } = this.#examination;
    const isOver = failure !== undefined || bounded !== undefined;
    return session.cut === 'all' && this.#words < WORDS_MAX && !isOver;
  }

  /** Whether something is left to explore, and nothing has failed. */
  #isPutOff(): boolean {
    return this.#examination.failure === undefined && (this.#explorer?.pending.length ?? 0) > 0;
  }

  #exploreInputs(saved: Saved | undefined): void {
    const { session } = this.#examination;
    this.#waiting = [];
    this.#cursor = undefined;
    if (saved === undefined) {
      if (!this.#exploreOne(undefined)) return;
    } else {
      this.#load(saved);
      for (let rest = this.#waiting.pop(); rest !== undefined; rest = this.#waiting.pop()) {
        session.inputs.set(rest.inputs, rest.counts);
        if (!this.#exploreOne(rest)) return;
      }
      session.inputs.set(saved.cursor.inputs, saved.cursor.counts);
      this.#cursor = undefined;
    }
    while (session.inputs.advance()) if (!this.#exploreOne(undefined)) return;
  }

  #load({ layout, constants, tally, works, looped, cursor }: Saved): void {
    const { session } = this.#examination;
    session.adopt(layout, constants);
    this.#examination.add(readTally(new Reader(tally), session.locations));
    const { consistency } = this.#explored;
    this.#cursor = cursor;
    const rests = new Map<string, Rest>();
    const restOf = ({ inputs, counts }: Omit<Work, 'graphs'>): Rest => {
      const rest = rests.get(inputs.join()) ?? { inputs, counts, graphs: [], looped: [] };
      rests.set(inputs.join(), rest);
      return rest;
    };
    for (const bytes of works) {
      const work = readWork(new Reader(bytes), session, consistency, this.#words);
      restOf(work).graphs.push(...work.graphs);
    }
    for (const part of looped) restOf(part).looped.push(part);
    this.#waiting = [...rests.values()];
  }

  /** Explores one combination of inputs: from its start, or what is left of it. */
  #exploreOne(rest: Rest | undefined): boolean {
    const examination = this.#examination;
    const { session } = examination;
    this.#explorer = undefined;
    try {
      this.names = (session.prepare() as TestInstance).names;
    } catch (error) {
      if (error instanceof Unasked) return true;
      if (error instanceof Resplit || hasCode(error)) throw error;
      examination.failSetUp(error);
      return false;
    }
    const explorer = new Explorer(this.#explored.consistency, session, examination, this.#words);
    this.#explorer = explorer;
    session.use(explorer);
    for (const { bytes } of rest?.looped ?? []) {
      examination.takeLooped(readLooped(bytes, session.locations));
    }
    for (const graph of rest?.graphs ?? [new Graph(session.count, this.#words)]) {
      explorer.add(graph);
    }
    const goesOn = explorer.explore();
    if (examination.failure === undefined && (goesOn || this.#isEnough)) examination.proveRounds();
    return goesOn;
  }

  /** Whether it is over after so many executions, and not because somebody has no more time. */
  get #isEnough(): boolean {
    const { executions, resume } = this.#settings;
    return resume === undefined && this.#examination.bounded === `${executions} executions`;
  }

  /** How many executions there may be: as many as were met in that part of everything. */
  #estimate(): number | undefined {
    const { executions, blocked, session } = this.#examination;
    let width = 1;
    let part = 0;
    const { values, counts } = session.inputs;
    for (const [index, value] of values.entries()) {
      width /= counts[index] ?? 1;
      part += value * width;
    }
    const { pending = [] } = this.#explorer ?? {};
    let left = 0;
    for (const graph of pending) left += graph.share;
    part += (1 - left) * width;
    return part > 0 ? Math.round((executions + blocked) / Math.min(1, part)) : undefined;
  }

  #looked(now: number): boolean {
    const { resume, resumeEvery } = this.#settings;
    if (resume === undefined || now < this.#nextSave) return true;
    this.#nextSave = now + resumeEvery;
    this.#save(resume);
    return true;
  }

  #save(file: string): void {
    const { session, tally } = this.#examination;
    const { values: inputs, counts } = session.inputs;
    const graphs = this.#explorer?.pending ?? [];
    const works = [...this.#waiting, { inputs, counts, graphs }];
    const looped = this.#waiting.flatMap((rest) => rest.looped);
    const bytes = loopedBytes(session.locations, this.#examination.giveLooped(true));
    if (bytes !== undefined) looped.push({ inputs: [...inputs], counts: [...counts], bytes });
    saveState(file, this.#test, {
      words: this.#words,
      layout: session.layout,
      constants: session.constants.read,
      tally: tallyBytes(session.locations, tally),
      works: works.map((work) => workBytes(session.locations, work)),
      looped,
      cursor: this.#cursor ?? { inputs, counts },
    });
  }
}

/**
 * Whether an error is the checker's own: a test that is not as it must be, rather than one that
 * fails.
 */
export function hasCode(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && /^ERR_(CHECKER|OPTION)_/.test(code);
}
