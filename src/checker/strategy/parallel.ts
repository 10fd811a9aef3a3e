/**
 * Explores a test in several threads. Each explores what it has; one that runs dry is given half of
 * what waits in another. What was counted is added up, so that the sums are those of one thread.
 *
 * The session here explores nothing: it brings together what the workers have found out of memory,
 * and finds out when that does not go together. Then everything begins anew, as it does in one
 * thread. So it does with what they have seen of loops, when nothing is left under some inputs.
 */
import { Worker } from 'node:worker_threads';
import { integerOption, RondoError } from '../../base/index.ts';
import { check, type CheckOptions, type CheckResult, resultOf } from '../check/check.ts';
import { Examination } from '../check/examination.ts';
import { consistencyOf, type Explored } from '../check/models.ts';
import { resolveCheckOptions, type Settings } from '../check/options.ts';
import { Graph } from '../explore/graph.ts';
import { withSession } from '../program/current.ts';
import { withGlobals } from '../program/globals.ts';
import { Unasked } from '../program/inputs.ts';
import { Resplit } from '../program/locations.ts';
import { assertTest, type TestBody, type TestInstance } from '../program/test.ts';
import { Reader } from './codec.ts';
import { hasCode, WORDS_FIRST } from './exploration.ts';
import { identityOf } from './identity.ts';
import { type Looped, loopedBytes, readLooped } from './looped.ts';
import type { Known, Order, Report, WorkerStart } from './messages.ts';
import {
  inputsOf,
  type LoopedPart,
  loadState,
  readTally,
  removeState,
  saveState,
  type Tally,
  tallyBytes,
  type Work,
  workBytes,
} from './state.ts';

/** Where a test is declared. */
export interface TestSource {
  /** The URL of the file that declares it with `model`. */
  readonly file: string;
  /** Its name, which no other test of the file has. */
  readonly name: string;
}

/** How it is explored by several threads. */
export interface ParallelOptions {
  /** Threads, 1 to 64. */
  readonly workers: number;
  /** Ends it: the result is bounded. */
  readonly signal?: AbortSignal;
}

/**
 * As `check`, in several threads. Samples and tokens are checked here, in this thread.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} as `check`
 */
export async function checkParallel(
  source: TestSource,
  options: CheckOptions,
  body: TestBody,
  { workers, signal }: ParallelOptions,
): Promise<CheckResult> {
  const count = integerOption('workers', workers, 1, 1, 64);
  assertTest(body);
  if (options.token !== undefined || (options.strategy ?? 'all') !== 'all') {
    return check(options, body);
  }
  const coordinator = new Coordinator(source, options, body);
  try {
    return await coordinator.run(count, signal);
  } finally {
    await coordinator.close();
  }
}

/** A worker, as the coordinator sees it. */
interface Hand {
  readonly worker: Worker;
  isReady: boolean;
  isBusy: boolean;
  isAsked: boolean;
  /** What it has counted in this attempt: the last that it said, and all when it is not busy. */
  executions: number;
  blocked: number;
  pending: number;
  found: Tally | undefined;
  /** The inputs of its last order. */
  inputs: Inputs | undefined;
}

type Inputs = Omit<Work, 'graphs'>;

/** Between two looks at the bounds when workers say nothing, and two reports of progress. */
const LOOK_MS = 100;

/** Why all workers are stopped, and what is done then. */
type Stop = 'bound' | 'save' | 'again' | 'failure';

class Coordinator {
  readonly #source: TestSource;
  readonly #settings: Settings;
  readonly #body: TestBody;
  readonly #explored: Explored;
  readonly #examination: Examination;
  readonly #hands: Hand[] = [];
  readonly #test: string | undefined;
  #names: readonly string[] = [];
  #attempt = 0;
  /** Words of the sets of events, in this attempt and in the next one. */
  #words = WORDS_FIRST;
  #nextWords = WORDS_FIRST;
  /** What the workers have found out of memory does not go together: no count of theirs is good. */
  #isVoid = false;
  /** Work that nobody has. */
  #queue: Uint8Array[] = [];
  /** By inputs that are not done with, what was seen of loops. */
  readonly #looped = new Map<string, LoopedPart[]>();
  /** Whether combinations of inputs are left behind the last that was taken. */
  #hasInputs = true;
  #isFirst = true;
  #stop: Stop | undefined;
  #token: string | undefined;
  #bound: string | undefined;
  /** Executions that were visited, of those that are added up. */
  #visited = 0;
  #nextTold = 0;
  #nextSave = 0;
  #deadline = Infinity;
  #isOver = false;
  #finish!: () => void;
  #fail!: (error: unknown) => void;

  constructor(source: TestSource, options: CheckOptions, body: TestBody) {
    this.#source = source;
    this.#settings = resolveCheckOptions(options);
    this.#body = body;
    this.#explored = consistencyOf(this.#settings.model, this.#settings.failsOnRaces);
    this.#examination = new Examination(body, this.#settings, this.#explored);
    const { resume } = this.#settings;
    this.#test =
      resume === undefined
        ? undefined
        : withGlobals(() => identityOf(body, this.#explored, this.#settings));
  }

  async run(count: number, signal: AbortSignal | undefined): Promise<CheckResult> {
    const { clock, milliseconds, resume, resumeEvery } = this.#settings;
    const now = clock.now();
    this.#deadline = now + milliseconds;
    this.#nextSave = resume === undefined ? Infinity : now + resumeEvery;
    this.#examination.restart();
    this.#load();
    const over = new Promise<void>((resolve, reject) => {
      this.#finish = () => {
        this.#isOver = true;
        resolve();
      };
      this.#fail = (error) => {
        this.#isOver = true;
        reject(error);
      };
    });
    // Workers report between two executions, and one may take longer than all the time there is.
    const looks = setInterval(() => this.#lookAgain(), LOOK_MS);
    const abort = (): void => this.#end('it was stopped');
    signal?.addEventListener('abort', abort);
    try {
      for (let index = 0; index < count; index++) this.#hands.push(this.#start());
      if (signal?.aborted === true) abort();
      await over;
    } finally {
      clearInterval(looks);
      signal?.removeEventListener('abort', abort);
    }
    return this.#result();
  }

  async close(): Promise<void> {
    await Promise.all(this.#hands.map(({ worker }) => worker.terminate()));
  }

  #load(): void {
    const { resume } = this.#settings;
    const saved = resume === undefined ? undefined : loadState(resume, this.#test!);
    if (saved === undefined) return;
    const { session } = this.#examination;
    this.#words = saved.words;
    this.#nextWords = saved.words;
    session.adopt(saved.layout, saved.constants);
    this.#examination.add(readTally(new Reader(saved.tally), session.locations));
    this.#queue = [...saved.works];
    for (const part of saved.looped) this.#addLooped(part);
    const [first = saved.looped[0]] = saved.works.map((work) => inputsOf(work));
    if (first !== undefined) {
      session.inputs.set(first.inputs, first.counts);
      this.#names = this.#within(() => session.prepare() as TestInstance).names;
    }
    session.inputs.set(saved.cursor.inputs, saved.cursor.counts);
    this.#isFirst = false;
  }

  #start(): Hand {
    const { model, events, preemptions, failsOnRaces } = this.#settings;
    const workerData: WorkerStart = {
      file: this.#source.file,
      name: this.#source.name,
      model,
      options: {
        events,
        races: failsOnRaces ? 'fail' : 'allow',
        ...(preemptions === Infinity ? {} : { preemptions }),
      },
    };
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
    const hand: Hand = {
      worker,
      isReady: false,
      isBusy: false,
      isAsked: false,
      executions: 0,
      blocked: 0,
      pending: 0,
      found: undefined,
      inputs: undefined,
    };
    worker.on('message', (report: Report) => {
      try {
        this.#hear(hand, report);
      } catch (error) {
        this.#fail(error);
      }
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#fail(new Error('a worker of the checker has ended')));
    return hand;
  }

  #hear(hand: Hand, report: Report): void {
    if (this.#isOver) return;
    if (report.kind === 'error') {
      throw new RondoError(report.code as 'ERR_CHECKER_USE', report.message);
    }
    if (report.kind === 'ready') hand.isReady = true;
    else if (report.attempt === this.#attempt) this.#note(hand, report);
    this.#goOn();
  }

  #note(hand: Hand, report: Exclude<Report, { kind: 'ready' | 'error' }>): void {
    if (report.known !== undefined) this.#adopt(report.known);
    switch (report.kind) {
      case 'progress':
        ({ executions: hand.executions, blocked: hand.blocked, pending: hand.pending } = report);
        this.#look();
        return;
      case 'shared':
        hand.isAsked = false;
        hand.pending = 0;
        if (report.work !== undefined) this.#queue.push(report.work);
        return;
      case 'again':
        hand.isBusy = false;
        if (report.isLarger) this.#nextWords = 2 * this.#words;
        this.#renounce();
        return;
      case 'failed':
        this.#token ??= report.token;
        this.#stopAll('failure');
        break;
      case 'stopped':
        if (report.work !== undefined) this.#queue.push(report.work);
        break;
      case 'idle':
    }
    hand.isBusy = false;
    if (report.looped !== undefined) this.#addLooped({ ...hand.inputs!, bytes: report.looped });
    const { locations } = this.#examination.session;
    this.#attemptTo(() => {
      hand.found = readTally(new Reader(report.tally), locations);
      const { executions, blocked } = hand.found;
      Object.assign(hand, { executions, blocked, pending: 0 });
    });
  }

  #addLooped(part: LoopedPart): void {
    const key = part.inputs.join();
    const parts = this.#looped.get(key);
    if (parts === undefined) this.#looped.set(key, [part]);
    else parts.push(part);
  }

  /** Takes over what a worker has found out of memory. */
  #adopt({ layout, constants }: Known): void {
    this.#attemptTo(() => this.#examination.session.adopt(layout, constants));
  }

  /** Does what may show that this attempt is void. */
  #attemptTo(body: () => void): void {
    try {
      body();
    } catch (error) {
      if (!(error instanceof Resplit)) throw error;
      this.#renounce();
    }
  }

  /** This attempt is void. */
  #renounce(): void {
    this.#isVoid = true;
    // So are its counts: there is no bound that they have come to.
    if (this.#bound === this.#boundOfCounts) {
      this.#bound = undefined;
      if (this.#stop === 'bound') this.#stop = 'again';
    }
    this.#stopAll('again');
  }

  get #boundOfCounts(): string {
    return `${this.#settings.executions} executions`;
  }

  #lookAgain(): void {
    if (this.#isOver) return;
    try {
      this.#look();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Looks at bounds, and tells how far it is. */
  #look(): void {
    const { clock, executions: most, milliseconds, onProgress, resumeEvery } = this.#settings;
    const now = clock.now();
    const sum = { executions: 0, blocked: 0, pending: this.#queue.length };
    for (const { executions, blocked, pending } of this.#hands) {
      sum.executions += executions;
      sum.blocked += blocked;
      sum.pending += pending;
    }
    const visited = this.#visited + sum.executions + sum.blocked;
    if (visited >= most && !this.#isVoid) this.#end(this.#boundOfCounts);
    else if (now >= this.#deadline) this.#end(`${milliseconds} ms`);
    else if (now >= this.#nextSave) {
      this.#nextSave = now + resumeEvery;
      this.#stopAll('save');
    }
    if (onProgress === undefined || now < this.#nextTold) return;
    this.#nextTold = now + LOOK_MS;
    const earlier = this.#examination;
    const told = {
      executions: sum.executions + earlier.executions,
      blocked: sum.blocked + earlier.blocked,
      pending: sum.pending,
      estimate: undefined,
    };
    if (onProgress(told) === false) this.#end('it was stopped');
  }

  #end(bound: string): void {
    if (this.#isOver) return;
    this.#bound ??= bound;
    this.#stopAll('bound');
    this.#goOn();
  }

  /** Stops all workers; the weightiest of several reasons counts. */
  #stopAll(why: Stop): void {
    const weights: readonly (Stop | undefined)[] = [undefined, 'save', 'again', 'bound', 'failure'];
    if (weights.indexOf(why) > weights.indexOf(this.#stop)) {
      if (this.#stop === undefined) {
        for (const hand of this.#hands) {
          if (hand.isBusy) this.#order(hand, { kind: 'stop', attempt: this.#attempt });
        }
      }
      this.#stop = why;
    }
  }

  #order(hand: Hand, order: Order): void {
    hand.worker.postMessage(order);
  }

  /** Goes on until something must be waited for, or all is over. */
  #goOn(): void {
    while (!this.#isOver && this.#takesTurn());
  }

  /** Does what comes next; false when that is to wait. */
  #takesTurn(): boolean {
    const hands = this.#hands;
    if (this.#stop === undefined) this.#proveDone();
    if (this.#stop === undefined) {
      for (const hand of hands) {
        if (hand.isReady && !hand.isBusy && !this.#give(hand)) break;
      }
    }
    const isBusy = hands.some((hand) => hand.isBusy);
    if (this.#stop !== undefined) {
      if (!isBusy) this.#stopped(this.#stop);
      return !isBusy;
    }
    if (isBusy) this.#askRichest();
    if (isBusy || hands.some(({ isReady }) => !isReady)) return false;
    this.#collect();
    this.#attemptTo(() => this.#within((examination) => examination.finish(32 * this.#words)));
    if (!this.#isVoid) this.#finish();
    return this.#isVoid;
  }

  /** All workers have stopped. */
  #stopped(why: Stop): void {
    this.#stop = undefined;
    if (why === 'again') this.#beginAnew();
    else if (why === 'save') this.#save();
    else this.#finish();
  }

  #within<T>(body: (examination: Examination) => T): T {
    const examination = this.#examination;
    return withGlobals(() => withSession(examination.session, () => body(examination)));
  }

  /** Brings together what was seen of loops under inputs that nobody explores any more. */
  #proveDone(): void {
    for (const [key, parts] of this.#looped) {
      const isIt = ({ inputs }: Inputs): boolean => inputs.join() === key;
      if (this.#hands.some(({ isBusy, inputs }) => isBusy && isIt(inputs!))) continue;
      if (this.#queue.some((work) => isIt(inputsOf(work)))) continue;
      this.#looped.delete(key);
      this.#bring(parts, (examination, all) => {
        const hasLoops = all.some(({ seen }) => seen.some(({ loops }) => loops.length > 0));
        if (hasLoops) examination.proveRounds();
      });
      if (this.#isVoid) return;
    }
  }

  /** Does something with all that was seen of loops under some inputs. */
  #bring(
    parts: readonly LoopedPart[],
    body: (examination: Examination, all: readonly Looped[]) => void,
  ): void {
    const { inputs, locations } = this.#examination.session;
    const cursor = [[...inputs.values], [...inputs.counts]] as const;
    inputs.set(parts[0]!.inputs, parts[0]!.counts);
    this.#attemptTo(() => {
      this.#within((examination) => {
        examination.clearLooped();
        examination.session.prepare();
        const all = parts.map(({ bytes }) => readLooped(bytes, locations));
        for (const looped of all) examination.takeLooped(looped);
        body(examination, all);
      });
    });
    inputs.set(...cursor);
  }

  #beginAnew(): void {
    const { session } = this.#examination;
    this.#attempt += 1;
    this.#isVoid = false;
    this.#words = this.#nextWords;
    this.#queue = [];
    this.#looped.clear();
    this.#isFirst = true;
    this.#hasInputs = true;
    this.#visited = 0;
    this.#examination.restart();
    session.restart();
    for (const hand of this.#hands) {
      Object.assign(hand, { isAsked: false, executions: 0, blocked: 0, found: undefined });
    }
  }

  /** Gives work to a worker; false when there is none. */
  #give(hand: Hand): boolean {
    const work = this.#queue.pop() ?? this.#nextInputs();
    if (work === undefined) return false;
    const { layout, constants } = this.#examination.session;
    const known: Known = { layout, constants: constants.read };
    hand.isBusy = true;
    hand.inputs = inputsOf(work);
    this.#order(hand, { kind: 'work', attempt: this.#attempt, words: this.#words, known, work });
    return true;
  }

  /** The next combination of inputs, from its start. */
  #nextInputs(): Uint8Array | undefined {
    const { session } = this.#examination;
    while (this.#hasInputs) {
      if (!this.#isFirst && !session.inputs.advance()) {
        this.#hasInputs = false;
        break;
      }
      this.#isFirst = false;
      try {
        const prepare = (): TestInstance => session.prepare() as TestInstance;
        this.#names = withGlobals(() => withSession(session, prepare)).names;
      } catch (error) {
        if (error instanceof Unasked) continue;
        if (hasCode(error)) throw error;
        this.#examination.failSetUp(error);
        this.#hasInputs = false;
        this.#stopAll('failure');
        break;
      }
      const { values: inputs, counts } = session.inputs;
      const graphs = [new Graph(session.count, this.#words)];
      return workBytes(session.locations, { inputs, counts, graphs });
    }
    return undefined;
  }

  /** Somebody has nothing to do: whoever has most gives half of it away. */
  #askRichest(): void {
    if (this.#hands.some(({ isAsked }) => isAsked)) return;
    let richest: Hand | undefined;
    for (const hand of this.#hands) {
      if (hand.isBusy && hand.pending > (richest?.pending ?? 1)) richest = hand;
    }
    if (richest === undefined) return;
    richest.isAsked = true;
    this.#order(richest, { kind: 'share', attempt: this.#attempt });
  }

  /** Adds what workers have counted to the rest; they begin to count anew. */
  #collect(): void {
    for (const hand of this.#hands) {
      if (hand.found === undefined) continue;
      this.#examination.add(hand.found);
      this.#visited += hand.executions + hand.blocked;
      Object.assign(hand, { executions: 0, blocked: 0, found: undefined });
    }
  }

  /** Writes where exploration is, unless that turns out to be void. */
  #save(): void {
    this.#collect();
    // Workers count from 0 in the next attempt, and take up what was given back.
    this.#attempt += 1;
    for (const hand of this.#hands) hand.isAsked = false;
    const { session, tally } = this.#examination;
    const { locations } = session;
    for (const [key, parts] of this.#looped) {
      if (parts.length < 2) continue;
      this.#bring(parts, (examination) => {
        const bytes = loopedBytes(locations, examination.giveLooped(true))!;
        this.#looped.set(key, [{ ...parts[0]!, bytes }]);
      });
      if (this.#isVoid) return;
    }
    const { values: inputs, counts } = session.inputs;
    saveState(this.#settings.resume!, this.#test!, {
      words: this.#words,
      layout: session.layout,
      constants: session.constants.read,
      tally: tallyBytes(locations, tally),
      works: this.#queue,
      looped: [...this.#looped.values()].flat(),
      cursor: { inputs, counts },
    });
  }

  /** Writes where exploration is when it is bounded: at its start, if what was found is void. */
  #putOff(): void {
    if (!this.#isVoid) this.#save();
    if (!this.#isVoid) return;
    this.#beginAnew();
    const first = this.#nextInputs();
    if (first !== undefined) this.#queue.push(first);
    this.#save();
  }

  #result(): CheckResult {
    const examination = this.#examination;
    const { model, resume } = this.#settings;
    const isPutOff = this.#bound !== undefined && this.#token === undefined;
    if (this.#isVoid && isPutOff && resume === undefined) this.#beginAnew();
    this.#collect();
    if (resume !== undefined && isPutOff) this.#putOff();
    else if (resume !== undefined) removeState(resume);
    if (this.#bound !== undefined) examination.bound(this.#bound);
    if (this.#token !== undefined) {
      examination.failure = check({ token: this.#token, model }, this.#body).failure;
    }
    return resultOf(model, examination, this.#names);
  }
}
