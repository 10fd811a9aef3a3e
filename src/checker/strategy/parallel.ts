/**
 * Explores a test in several threads. Each explores what it has; one that runs dry is given half of
 * what waits in another. What was counted is added up, so that the sums are those of one thread.
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
import type { Layout } from '../program/run.ts';
import type { TestBody, TestInstance } from '../program/test.ts';
import { Reader } from './codec.ts';
import { hasCode, WORDS_FIRST, WORDS_MAX } from './exploration.ts';
import { identityOf } from './identity.ts';
import type { Counts, Order, Report, WorkerStart } from './messages.ts';
import { loadState, readTally, removeState, saveState, tallyBytes, workBytes } from './state.ts';

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
  counts: Counts | undefined;
}

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
  #words = WORDS_FIRST;
  #layout: Layout = { cuts: [], changing: [], looping: [] };
  /** Work that nobody has. */
  #queue: Uint8Array[] = [];
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
      this.#finish = resolve;
      this.#fail = reject;
    });
    const abort = (): void => this.#end('it was stopped');
    signal?.addEventListener('abort', abort);
    try {
      for (let index = 0; index < count; index++) this.#hands.push(this.#start());
      if (signal?.aborted === true) abort();
      await over;
    } finally {
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
    this.#layout = saved.layout;
    session.adopt(saved.layout);
    this.#examination.add(readTally(new Reader(saved.tally), session.locations));
    this.#queue = [...saved.works];
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
      counts: undefined,
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
    if (report.kind === 'error') {
      throw new RondoError(report.code as 'ERR_CHECKER_USE', report.message);
    }
    if (report.kind === 'ready') hand.isReady = true;
    else if (report.attempt === this.#attempt) this.#note(hand, report);
    this.#goOn();
  }

  #note(hand: Hand, report: Exclude<Report, { kind: 'ready' | 'error' }>): void {
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
        if (report.isLarger && this.#words < WORDS_MAX) this.#words *= 2;
        else if (report.isLarger) this.#bound ??= `${32 * this.#words} events`;
        this.#merge(report.layout);
        this.#stopAll(this.#bound === undefined ? 'again' : 'bound');
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
    hand.counts = report;
    const { session } = this.#examination;
    const { executions, blocked } = readTally(new Reader(report.tally), session.locations);
    Object.assign(hand, { executions, blocked, pending: 0 });
  }

  #merge({ cuts, changing, looping }: Layout): void {
    this.#layout = {
      cuts: unite(this.#layout.cuts, cuts),
      changing: unite(this.#layout.changing, changing),
      looping: unite(this.#layout.looping, looping),
    };
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
    if (this.#visited + sum.executions + sum.blocked >= most) this.#end(`${most} executions`);
    else if (now >= this.#deadline) this.#end(`${milliseconds} ms`);
    else if (now >= this.#nextSave) {
      this.#nextSave = now + resumeEvery;
      this.#stopAll('save');
    }
    if (onProgress === undefined || now < this.#nextTold) return;
    this.#nextTold = now + 100;
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

  /** Gives everybody something to do, or ends it, when all have said what they had to say. */
  #goOn(): void {
    const hands = this.#hands;
    if (this.#stop !== undefined) {
      if (hands.some(({ isBusy }) => isBusy)) return;
      const why = this.#stop;
      this.#stop = undefined;
      if (why === 'again') this.#beginAnew();
      else if (why === 'save') this.#save();
      else {
        this.#finish();
        return;
      }
    }
    for (const hand of hands) {
      if (hand.isReady && !hand.isBusy && !this.#give(hand)) break;
    }
    const isOver = hands.every(({ isReady, isBusy }) => isReady && !isBusy);
    if (isOver || this.#stop !== undefined) this.#finish();
    else if (hands.some(({ isReady, isBusy }) => isReady && !isBusy)) this.#askRichest();
  }

  #beginAnew(): void {
    const { session } = this.#examination;
    this.#attempt += 1;
    this.#queue = [];
    this.#isFirst = true;
    this.#hasInputs = true;
    this.#examination.restart();
    session.restart();
    session.adopt(this.#layout);
    for (const hand of this.#hands) {
      Object.assign(hand, { isAsked: false, executions: 0, blocked: 0, counts: undefined });
    }
  }

  /** Gives work to a worker; false when there is none. */
  #give(hand: Hand): boolean {
    const work = this.#queue.pop() ?? this.#nextInputs();
    if (work === undefined) return false;
    hand.isBusy = true;
    const attempt = this.#attempt;
    this.#order(hand, { kind: 'work', attempt, words: this.#words, layout: this.#layout, work });
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
    const { session } = this.#examination;
    for (const hand of this.#hands) {
      if (hand.counts === undefined) continue;
      this.#examination.add(readTally(new Reader(hand.counts.tally), session.locations));
      if (hand.counts.isTooLong) session.cut = 'thread';
      this.#visited += hand.executions + hand.blocked;
      Object.assign(hand, { executions: 0, blocked: 0, counts: undefined });
    }
  }

  #save(): void {
    this.#collect();
    // Workers count from 0 in the next attempt, and take up what was given back.
    this.#attempt += 1;
    for (const hand of this.#hands) hand.isAsked = false;
    const { session, tally } = this.#examination;
    const { values: inputs, counts } = session.inputs;
    saveState(this.#settings.resume!, this.#test!, {
      words: this.#words,
      layout: this.#layout,
      tally: tallyBytes(session.locations, tally),
      works: this.#queue,
      cursor: { inputs, counts },
    });
  }

  #result(): CheckResult {
    const examination = this.#examination;
    const { model, resume } = this.#settings;
    this.#collect();
    const isPutOff = this.#bound !== undefined && this.#token === undefined;
    if (resume !== undefined && isPutOff) this.#save();
    else if (resume !== undefined) removeState(resume);
    if (this.#bound !== undefined) examination.bound(this.#bound);
    if (this.#token !== undefined) {
      examination.failure = check({ token: this.#token, model }, this.#body).failure;
    } else if (examination.failure === undefined) {
      const finish = (): void => examination.finish(32 * this.#words);
      withGlobals(() => withSession(examination.session, finish));
    }
    return resultOf(model, examination, this.#names);
  }
}

type Pairs = readonly (readonly [number, number])[];

function unite(one: Pairs, other: Pairs): Pairs {
  const all = new Map<string, readonly [number, number]>();
  for (const pair of [...one, ...other]) all.set(pair.join(), pair);
  return [...all.values()];
}
