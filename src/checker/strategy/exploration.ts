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
import {
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

/** See the head of this file. */
export class Exploration {
  readonly #examination: Examination;
  readonly #explored: Explored;
  readonly #settings: Settings;
  #explorer: Explorer | undefined;
  #words = WORDS_FIRST;
  #nextSave = 0;
  /** Work that was put off, and behind which inputs all others are left. */
  #waiting: Work[] = [];
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
    const { session, failure } = this.#examination;
    return session.cut === 'all' && this.#words < WORDS_MAX && failure === undefined;
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
      const { works, cursor } = this.#load(saved);
      this.#waiting = [...works];
      for (let work = this.#waiting.pop(); work !== undefined; work = this.#waiting.pop()) {
        session.inputs.set(work.inputs, work.counts);
        if (!this.#exploreOne(work.graphs)) return;
      }
      session.inputs.set(cursor.inputs, cursor.counts);
      this.#cursor = undefined;
    }
    while (session.inputs.advance()) if (!this.#exploreOne(undefined)) return;
  }

  #load({ layout, tally, works, cursor }: Saved): { works: Work[]; cursor: Omit<Work, 'graphs'> } {
    const { session } = this.#examination;
    session.adopt(layout);
    this.#examination.add(readTally(new Reader(tally), session.locations));
    const { consistency } = this.#explored;
    this.#cursor = cursor;
    return {
      works: works.map((bytes) => readWork(new Reader(bytes), session, consistency, this.#words)),
      cursor,
    };
  }

  /** Explores one combination of inputs: from its start, or what is left of it. */
  #exploreOne(graphs: readonly Graph[] | undefined): boolean {
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
    for (const graph of graphs ?? [new Graph(session.count, this.#words)]) explorer.add(graph);
    const goesOn = explorer.explore();
    if (examination.failure === undefined) examination.proveRounds();
    return goesOn;
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
    saveState(file, this.#test, {
      words: this.#words,
      layout: session.layout,
      tally: tallyBytes(session.locations, tally),
      works: works.map((work) => workBytes(session.locations, work)),
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
