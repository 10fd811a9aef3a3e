/** Looking at executions: races, deadlocks, and what a test says must hold. */
import type { Visitor } from '../explore/explorer.ts';
import { Flag, type Graph, Kind, Status } from '../explore/graph.ts';
import { Fault } from '../program/faults.ts';
import { Resplit } from '../program/locations.ts';
import { placesOf } from '../program/places.ts';
import { Looping, ROUNDS_SHOWN } from '../program/rounds.ts';
import { NotEnumerated } from '../program/run.ts';
import { Session } from '../program/session.ts';
import { siteHere } from '../program/site.ts';
import { valueSince } from '../program/spin.ts';
import { type TestBody, TestInstance } from '../program/test.ts';
import { lastOf, labelsOfSteps, memoryOf } from '../strategy/values.ts';
import type { Ended, Looped } from '../strategy/looped.ts';
import { Preemptions } from '../strategy/preemptions.ts';
import type { Tally } from '../strategy/state.ts';
import {
  graphOf,
  labelsOf,
  type Token,
  type TokenGraph,
  type TokenSetUp,
  type TokenValues,
  writeToken,
} from '../strategy/token.ts';
import { codeOf, messageOf } from './causes.ts';
import type { Failure, FailureKind } from './check.ts';
import { Enumeration, Feed, type FinalState, type Step } from './enumeration.ts';
import { type Explored, MODEL_NAMES } from './models.ts';
import type { Settings } from './options.ts';
import { traceOf, traceOfSteps } from './trace.ts';

/** Who knows how far exploration is. */
export interface Observer {
  /** How many executions there may be altogether. */
  estimate(): number | undefined;
  /** The time was looked at, between two executions; false puts exploration off. */
  looked(now: number): boolean;
  /** The time was looked at in the midst of an execution; true puts it off. Default: never. */
  isToStop?(now: number): boolean;
}

/** How often progress is told, and steps between two looks at the clock. */
const PROGRESS_MS = 100;
const LOOK_STEPS = 16;

/** After so much more, progress is told in the midst of an execution. */
const LONG_MS = 1000;

const TORN = 'no tearing where accesses that may be torn race with atomic ones';

const BUFFERING =
  'no load buffering: reads without order might also see writes that come after them';

/** Executions that are looked at once more with other rounds of loops. */
const ENDED_MAX = 50;

/** Executions of which the values are kept. */
const NOTED_MAX = 1000;

/** Races that are named. */
const RACES_MAX = 16;

/** Looks at every execution, and keeps what is to be told. */
export class Examination implements Visitor {
  readonly session: Session;
  readonly body: TestBody;
  readonly #settings: Settings;
  readonly #preemptions = new Preemptions();
  readonly #model: Explored;
  /** Whether reads could see writes that come after them. */
  #isBuffering = false;
  /** By location: values that were written. */
  readonly #domain = new Map<number, Set<unknown>>();
  readonly races: Set<string> = new Set();
  #steps = 0;
  #nextTold = 0;
  /** When it must be over; NaN before it has begun. */
  #deadline = NaN;
  /** How many executions there may be, as it was guessed last. */
  #estimate: number | undefined;
  /** Executions of which the counts were taken over. */
  #earlier = 0;
  /** Something was left out because of the bound of preemptions. */
  #isCut = false;
  /** Where accesses race that may be torn, and have not been yet. */
  readonly #torn = new Set<number>();
  /**
   * Whether all executions in which nothing is torn come first: they are few, and fail as well.
   * Only for whoever calls `finish`, or wants no more than one execution.
   */
  putsOffTears: boolean = false;
  /** Accesses that may be torn race with others that see memory as a whole. */
  #isTorn = false;
  /** The first whole executions, with what memory held at their ends. */
  readonly #ended: Ended[] = [];
  observer: Observer | undefined;
  executions = 0;
  blocked = 0;
  bounded: string | undefined;
  /** What the executions are a sample of, and how it is drawn. */
  sample: string | undefined;
  failure: Failure | undefined;

  constructor(body: TestBody, settings: Settings, model: Explored) {
    this.body = body;
    this.#settings = settings;
    this.#model = model;
    this.session = new Session(() => this.instance(), {
      events: settings.events,
      hasBarriers: model.hasBarriers,
      splitsUnaligned: model.splitsUnaligned === true,
    });
  }

  /** Begins anew. */
  restart(): void {
    this.executions = 0;
    this.blocked = 0;
    this.bounded = undefined;
    this.failure = undefined;
    this.races.clear();
    this.#isBuffering = false;
    this.#isCut = false;
    this.#isTorn = false;
    this.#torn.clear();
    this.#earlier = 0;
    this.#domain.clear();
    this.#ended.length = 0;
    this.session.cut = undefined;
    this.session.inputs.clear();
  }

  /** Says that not everything was looked at, and why. */
  bound(reason: string): void {
    this.bounded ??= reason;
  }

  /** What the test took while it was set up. */
  get inputs(): readonly number[] {
    return [...this.session.inputs.values];
  }

  /** Sets the test up once more. */
  instance(): TestInstance {
    this.session.inputs.start();
    return new TestInstance(this.session, this.body);
  }

  /** What was found so far. */
  get tally(): Tally {
    return {
      executions: this.executions,
      blocked: this.blocked,
      races: [...this.races],
      isBuffering: this.#isBuffering,
      isCut: this.#isCut,
      isTorn: this.#isTorn,
      cut: this.session.cut,
      domain: this.#domain,
    };
  }

  /** Takes over what was found elsewhere. */
  add(tally: Tally): void {
    this.executions += tally.executions;
    this.blocked += tally.blocked;
    this.#earlier += tally.executions + tally.blocked;
    this.#isBuffering ||= tally.isBuffering;
    this.#isCut ||= tally.isCut;
    this.#isTorn ||= tally.isTorn;
    if (tally.cut === 'all') this.session.cut = 'all';
    else this.session.cut ??= tally.cut;
    for (const race of tally.races) if (this.races.size < RACES_MAX) this.races.add(race);
    for (const [location, values] of tally.domain) {
      for (const value of values) this.#keep(location, value);
    }
  }

  step(pending: number): boolean {
    const { executions } = this.#settings;
    if (this.executions + this.blocked - this.#earlier >= executions) {
      this.bounded = `${executions} executions`;
      return false;
    }
    const isLook = this.#steps++ % LOOK_STEPS === 0;
    return !isLook || this.#look(pending, this.#settings.clock.now());
  }

  /**
   * In the midst of an execution, which only matters when one takes long: its graph is not among
   * those that wait, so that nobody may be told what those are.
   */
  looked(pending: number): boolean {
    const now = this.#settings.clock.now();
    if (!this.#hasTime(now) || this.observer?.isToStop?.(now) === true) return false;
    return now < this.#nextTold + LONG_MS || this.#tell(pending, now, this.#estimate);
  }

  #look(pending: number, now: number): boolean {
    if (!this.#hasTime(now) || this.observer?.looked(now) === false) return false;
    return this.#tell(pending, now, this.observer?.estimate());
  }

  #hasTime(now: number): boolean {
    const { milliseconds } = this.#settings;
    if (Number.isNaN(this.#deadline)) {
      this.#deadline = now + milliseconds;
      this.#nextTold = now + PROGRESS_MS;
    } else if (now >= this.#deadline) {
      this.bounded = `${milliseconds} ms`;
      return false;
    }
    return true;
  }

  /** Tells how far it is, now and then; false ends it. */
  #tell(pending: number, now: number, guess: number | undefined): boolean {
    const { onProgress } = this.#settings;
    this.#estimate = guess;
    if (onProgress === undefined || now < this.#nextTold) return true;
    this.#nextTold = now + PROGRESS_MS;
    const { executions, blocked } = this;
    const estimate = guess === undefined ? undefined : Math.max(guess, executions + blocked);
    if (onProgress({ executions, blocked, pending, estimate }) !== false) return true;
    this.bounded = 'it was stopped';
    return false;
  }

  /**
   * Whether what hangs on a graph may have few enough preemptions. What a write takes out again may
   * have cost one of each other thread.
   */
  admits(graph: Graph): boolean {
    const { preemptions } = this.#settings;
    if (preemptions === Infinity) return true;
    const most = preemptions + graph.threads;
    if (this.#preemptions.fewest(graph, most) <= most) return true;
    this.#isCut = true;
    return false;
  }

  /** Everything was looked at that there is, in graphs of so many events. */
  finish(events: number): void {
    const { cut, locations } = this.session;
    const isOver = this.failure !== undefined || this.bounded !== undefined;
    const torn = [...this.#torn].filter((location) => !locations.isWhole(location));
    if (torn.length > 0 && !isOver) locations.tear(torn);
    this.#isTorn ||= this.#torn.size > 0;
    if (this.failure === undefined && cut === undefined) this.enumerate();
    if (cut === 'all') this.bound(`${events} events`);
    if (cut === 'thread') this.bound(`${this.#settings.events} events of a thread`);
    if (this.#isCut) this.bound(`${this.#settings.preemptions} preemptions`);
    if (this.#isTorn) this.bound(TORN);
    const { looping } = this.session.layout;
    const [counting] = looping.find(([, level]) => level === Looping.COUNTS) ?? [];
    if (counting !== undefined && this.failure === undefined) {
      const name = this.instance().names[counting];
      this.bound(`${ROUNDS_SHOWN} rounds of a loop: how often it goes round matters to ${name}`);
    }
  }

  /** A sample is over. */
  sampled(): void {
    const { strategy, seed, depth } = this.#settings;
    const how = strategy === 'pct' ? `priorities of depth ${depth}, seed` : 'seed';
    this.sample = `${this.executions + this.blocked} random executions, ${how} ${seed}`;
    this.bounded = `a sample of ${this.sample}`;
  }

  failed(graph: Graph, thread: number): boolean {
    const cause = this.session.error;
    // The checker's own: the test is not as it must be.
    if (cause instanceof Resplit || codeOf(cause).startsWith('ERR_CHECKER_')) throw cause;
    return this.#fail(kindOf(cause), graph, messageOf(cause), cause, thread);
  }

  visit(graph: Graph, ending: 'complete' | 'blocked'): boolean {
    const { preemptions } = this.#settings;
    if (preemptions !== Infinity && this.#preemptions.fewest(graph, preemptions) > preemptions) {
      this.#isCut = true;
      return true;
    }
    this.#tear(graph);
    const race = this.#findRace(graph);
    if (race !== undefined && this.#settings.failsOnRaces) {
      return this.#fail('race', graph, `data race on ${race}`, undefined);
    }
    // Such reads may see writes that hang on them: no such execution is built here.
    if (!this.#isBuffering) this.#isBuffering = this.#model.isBuffering(graph);
    this.#note(graph);
    if (ending === 'blocked') return this.#visitBlocked(graph);
    this.executions += 1;
    return this.#conclude(graph);
  }

  /** Keeps what was written where, for `enumerate`. */
  #note(graph: Graph): void {
    if (this.#model.enumeration === undefined || this.executions > NOTED_MAX) return;
    for (let event = 1; event < graph.count; event++) {
      const kind = graph.kind(event);
      if (kind !== Kind.READ && kind !== Kind.WRITE) continue;
      if ((graph.flags(event) & Flag.HIDDEN) !== 0) continue;
      const location = graph.location(event);
      if (kind === Kind.WRITE) this.#keep(location, graph.values[event]);
      else if (!this.#domain.has(location)) this.#domain.set(location, new Set());
    }
  }

  #keep(location: number, value: unknown): void {
    const values = this.#domain.get(location);
    if (values === undefined) this.#domain.set(location, new Set([value]));
    else values.add(value);
  }

  /**
   * Finds executions in which reads see writes that come after them, where the model has such and
   * the test is small enough. Called when exploration is over and nothing has failed.
   */
  enumerate(): void {
    const isAsked = this.#model.needsRace !== true || this.races.size > 0;
    if (!this.#isBuffering || !isAsked || this.bounded !== undefined) return;
    const { enumeration } = this.#model;
    if (enumeration === undefined || this.blocked > 0 || this.session.inputs.isAsked) {
      this.bounded = BUFFERING;
      return;
    }
    const { lower, model } = enumeration;
    const instances = (): TestInstance => this.instance();
    try {
      const all = new Enumeration(this.session, instances, lower, model).run(this.#domain);
      this.executions = all.executions;
      for (const state of all.states) if (!this.#concludeState(state)) return;
    } catch (error) {
      if (error instanceof NotEnumerated || codeOf(error).startsWith('ERR_LITMUS_')) {
        this.bounded = BUFFERING;
      } else throw error;
    }
  }

  #concludeState({ reads, memory }: FinalState): boolean {
    return this.#concludeSteps(reads, () => memory).isGood;
  }

  /**
   * Looks at one execution of which the values are known: `last` says which write of each location
   * is the last. Gives what its steps are called.
   */
  concludeValues(reads: readonly (readonly unknown[])[], last: readonly number[]): string[] {
    this.executions += 1;
    return this.#concludeSteps(reads, (steps) => memoryOf(steps, last)).labels;
  }

  #concludeSteps(
    reads: readonly (readonly unknown[])[],
    memoryFor: (steps: readonly (readonly Step[])[]) => ReadonlyMap<number, unknown>,
  ): { isGood: boolean; labels: string[] } {
    const instance = this.instance();
    const errors: unknown[] = [];
    const feeds = reads.map((values) => new Feed(values, siteHere));
    const results = feeds.map((feed, thread) => {
      try {
        return this.session.decide(thread, instance, feed);
      } catch (error) {
        if (!(error instanceof NotEnumerated)) errors.push(error);
        return undefined;
      }
    });
    const threads = feeds.map(({ steps }) => steps);
    const labels = labelsOfSteps(this.session, threads, instance.names);
    const memory = memoryFor(threads);
    try {
      if (errors.length > 0) throw errors[0];
      instance.conclude(memory, results);
      return { isGood: true, labels };
    } catch (cause) {
      const trace = traceOfSteps(this.session, this.instance(), threads);
      const { layout } = this.session;
      const values: TokenValues = { form: 'values', layout, reads, last: lastOf(threads, memory) };
      const token = this.#tokenOf(values, labels);
      this.failure = { kind: 'error', message: messageOf(cause), cause, trace, inputs: [], token };
      return { isGood: false, labels };
    }
  }

  /** Splits what is torn when accesses race, and do. */
  #tear(graph: Graph): void {
    const { locations } = this.session;
    if (this.#model.tears !== true || !locations.mayTearAny) return;
    const splits = (location: number): boolean =>
      locations.mayTear(location) && !locations.isWhole(location) && !this.#torn.has(location);
    for (let race = this.#model.races(graph, splits); race !== undefined;) {
      this.#torn.add(graph.location(race[0]));
      if (!this.putsOffTears) locations.tear(this.#torn);
      race = this.#model.races(graph, splits);
    }
    const isWhole = (location: number): boolean =>
      locations.mayTear(location) && locations.isWhole(location);
    this.#isTorn ||= this.#model.races(graph, isWhole) !== undefined;
  }

  /** Where two accesses race, if any do. */
  #findRace(graph: Graph): string | undefined {
    if (this.races.size >= RACES_MAX) return undefined;
    const race = this.#model.races(graph);
    if (race === undefined) return undefined;
    const where = placesOf(this.session)[graph.location(race[0])]!.name;
    this.races.add(where);
    return where;
  }

  #conclude(graph: Graph): boolean {
    const instance = this.instance();
    // The first one is run again in any case: that shows whether threads do the same again.
    if (!instance.hasAfter && this.executions > 1) return true;
    this.session.error = undefined;
    const results = this.session.replay(graph, instance);
    if (codeOf(this.session.error).startsWith('ERR_CHECKER_')) throw this.session.error;
    const last = new Map<number, unknown>();
    for (let location = 0; location < this.session.locations.count; location++) {
      const write = graph.lastWrite(location);
      if (write > 0) last.set(location, graph.values[write]);
    }
    try {
      instance.conclude(last, results);
    } catch (error) {
      return this.#fail(kindOf(error), graph, messageOf(error), error);
    }
    const { rounds } = this.session;
    if (rounds.isLearning && this.#ended.length < ENDED_MAX) {
      this.#ended.push({ execution: rounds.record(graph, this.instance()), last });
    }
    return true;
  }

  /**
   * What is kept of loops under these inputs: all of it, or what is new since it was given last
   * to somebody who proves it instead.
   */
  giveLooped(isAll: boolean): Looped {
    const ended = isAll ? [...this.#ended] : this.#ended.splice(0);
    return { seen: this.session.rounds.give(isAll), ended };
  }

  /** Forgets what is kept of loops. */
  clearLooped(): void {
    this.#ended.length = 0;
    this.session.rounds.clear();
  }

  /**
   * Takes over what was kept of loops elsewhere, with the inputs of now.
   * @throws {Resplit} when rounds of theirs count
   */
  takeLooped({ seen, ended }: Looped): void {
    this.#ended.push(...ended.slice(0, ENDED_MAX - this.#ended.length));
    this.session.rounds.take(seen);
  }

  /**
   * Whether what holds at the end does so however often loops go round: asked of the first
   * executions when everything else about loops is known.
   */
  proveRounds(): void {
    for (const { execution, last } of this.#ended) {
      const instance = this.instance();
      this.session.rounds.prove(execution, instance, (results) => instance.conclude(last, results));
    }
    this.#ended.length = 0;
    this.session.rounds.assertEndless();
  }

  /** Some thread waits: for ever, unless it only waits in a loop for what may still come. */
  #visitBlocked(graph: Graph): boolean {
    this.blocked += 1;
    let isSpinning = false;
    let asleep: number | undefined;
    for (let thread = 0; thread < graph.threads; thread++) {
      const status = graph.status(thread);
      if (status === Status.SPINNING) {
        if (!this.#seesAll(graph, thread)) return true;
        isSpinning = true;
      } else if (status === Status.UNASKED || status === Status.DOZING) {
        // That a sleeper is woken by its time is another execution.
        return true;
      } else if (status !== Status.ENDED) asleep ??= thread;
    }
    const locks = this.#locksOf(graph);
    if (asleep === undefined && locks !== undefined) {
      return this.#fail('deadlock', graph, locks, undefined);
    }
    if (asleep === undefined && isSpinning) {
      return this.#fail(
        'livelock',
        graph,
        'a thread waits in a loop for what never comes',
        undefined,
      );
    }
    return this.#fail(
      'deadlock',
      graph,
      'a thread sleeps, and nobody is left to wake it',
      undefined,
    );
  }

  /** Which threads wait for whose locks, when that is all that threads wait for. */
  #locksOf(graph: Graph): string | undefined {
    const instance = this.instance();
    const waits: string[] = [];
    for (let thread = 0; thread < graph.threads; thread++) {
      if (graph.status(thread) !== Status.SPINNING) continue;
      const location = graph.location(graph.head(thread));
      const lock = instance.lockAt(location);
      const holder = instance.names[graph.values[graph.lastWrite(location)] as number];
      if (lock === undefined || holder === undefined) return undefined;
      waits.push(`${instance.names[thread]} waits for ${lock}, which ${holder} has`);
    }
    return waits.length === 0 ? undefined : waits.join('; ');
  }

  /** Whether what a spinning thread reads is the last that was written. */
  #seesAll(graph: Graph, thread: number): boolean {
    let left = graph.round(thread);
    const instance = this.instance();
    const valueOf = (read: number): unknown => {
      const write = graph.rf(read);
      return write === 0 ? instance.initial(graph.location(read)) : graph.values[write];
    };
    for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
      const kind = graph.kind(event);
      if (left-- === 0) break;
      if (kind !== Kind.READ) continue;
      const last = graph.lastWrite(graph.location(event));
      const seen = valueSince(graph, graph.rf(event), valueOf);
      if (seen !== valueSince(graph, last, valueOf)) return false;
    }
    return true;
  }

  /** What a combination of inputs has asked for before any thread: that it holds. */
  failSetUp(cause: unknown): void {
    this.failure = {
      kind: 'error',
      message: messageOf(cause),
      cause,
      trace: undefined,
      inputs: this.inputs,
      token: this.#tokenOf({ form: 'set-up' }, []),
    };
  }

  #fail(
    kind: FailureKind,
    graph: Graph,
    message: string,
    cause: unknown,
    thread: number = -1,
  ): boolean {
    const instance = this.instance();
    const trace = traceOf(this.session, graph, instance);
    const labels = labelsOf(this.session, graph, instance.names);
    const token = this.#tokenOf(graphOf(this.session, graph, thread), labels);
    this.failure = { kind, message, cause, trace, inputs: this.inputs, token };
    return false;
  }

  #tokenOf(what: TokenGraph | TokenValues | TokenSetUp, labels: readonly string[]): string {
    const { model, failsOnRaces } = this.#settings;
    const token: Token = {
      ...what,
      model: MODEL_NAMES.indexOf(model),
      failsOnRaces,
      inputs: this.inputs,
    };
    return writeToken(token, labels);
  }
}

function kindOf(cause: unknown): FailureKind {
  return cause instanceof Fault ? cause.kind : 'error';
}
