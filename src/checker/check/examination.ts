/** Looking at executions: races, deadlocks, and what a test says must hold. */
import { RondoError } from '../../base/index.ts';
import type { Visitor } from '../explore/explorer.ts';
import { Flag, type Graph, Kind, Status } from '../explore/graph.ts';
import { Resplit } from '../program/locations.ts';
import { placesOf } from '../program/places.ts';
import { NotEnumerated } from '../program/run.ts';
import { Session } from '../program/session.ts';
import { siteHere } from '../program/site.ts';
import { type TestBody, TestInstance } from '../program/test.ts';
import type { Failure, FailureKind } from './check.ts';
import { Enumeration, Feed, type FinalState } from './enumeration.ts';
import type { Explored } from './models.ts';
import { traceOf, traceOfSteps } from './trace.ts';

/** Bounds of an examination. */
export interface Limits {
  readonly executions: number;
  readonly events: number;
  readonly failsOnRaces: boolean;
}

const BUFFERING =
  'no load buffering: reads without order might also see writes that come after them';

/** Executions of which the values are kept. */
const NOTED_MAX = 1000;

/** Races that are named. */
const RACES_MAX = 16;

/** Looks at every execution, and keeps what is to be told. */
export class Examination implements Visitor {
  readonly session: Session;
  readonly #body: TestBody;
  readonly #limits: Limits;
  readonly #model: Explored;
  /** Whether reads could see writes that come after them. */
  #isBuffering = false;
  /** By location: values that were written. */
  readonly #domain = new Map<number, Set<unknown>>();
  readonly races: Set<string> = new Set();
  executions = 0;
  blocked = 0;
  bounded: string | undefined;
  failure: Failure | undefined;

  constructor(body: TestBody, limits: Limits, model: Explored) {
    this.#body = body;
    this.#limits = limits;
    this.#model = model;
    this.session = new Session(() => this.instance(), {
      events: limits.events,
      hasBarriers: model.hasBarriers,
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
    this.#domain.clear();
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
    return new TestInstance(this.session, this.#body);
  }

  step(): boolean {
    if (this.executions + this.blocked < this.#limits.executions) return true;
    this.bounded = `${this.#limits.executions} executions`;
    return false;
  }

  failed(graph: Graph): boolean {
    const cause = this.session.error;
    if (cause instanceof RondoError && cause.code === 'ERR_CHECKER_NONDETERMINISTIC') throw cause;
    if (cause instanceof Resplit) throw cause;
    return this.#fail('error', graph, messageOf(cause), cause);
  }

  visit(graph: Graph, ending: 'complete' | 'blocked'): boolean {
    const race = this.#findRace(graph);
    if (race !== undefined && this.#limits.failsOnRaces) {
      return this.#fail('race', graph, `data race on ${race}`, undefined);
    }
    // Such reads may see writes that hang on them: no such execution is built here.
    if (!this.#isBuffering) this.#isBuffering = this.#model.isBuffering(graph, this.races.size > 0);
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
      let values = this.#domain.get(location);
      if (values === undefined) this.#domain.set(location, (values = new Set()));
      if (kind === Kind.WRITE) values.add(graph.values[event]);
    }
  }

  /**
   * Finds executions in which reads see writes that come after them, where the model has such and the
   * test is small enough. Called when exploration is over and nothing has failed.
   */
  enumerate(): void {
    if (!this.#isBuffering || this.bounded !== undefined) return;
    const { enumeration } = this.#model;
    if (enumeration === undefined || this.blocked > 0 || this.inputs.length > 0) {
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

  #concludeState({ reads, threw, memory }: FinalState): boolean {
    const instance = this.instance();
    const thrown = threw.find((error) => error !== undefined);
    let cause: unknown = thrown;
    const feeds = reads.map((values) => new Feed(values, siteHere));
    const results = feeds.map((feed, thread) => {
      try {
        return this.session.decide(thread, instance, feed);
      } catch {
        return undefined;
      }
    });
    if (thrown === undefined) {
      try {
        instance.conclude(memory, results);
        return true;
      } catch (error) {
        cause = error;
      }
    }
    const trace = traceOfSteps(
      this.session,
      instance,
      feeds.map(({ steps }) => steps),
    );
    const message = messageOf(cause);
    this.failure = { kind: 'error', message, cause, trace, inputs: [] };
    return false;
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
    if (!instance.hasAfter) return true;
    this.session.error = undefined;
    const results = this.session.replay(graph, instance);
    const last = new Map<number, unknown>();
    for (let location = 0; location < this.session.locations.count; location++) {
      const write = graph.lastWrite(location);
      if (write > 0) last.set(location, graph.values[write]);
    }
    try {
      instance.conclude(last, results);
      return true;
    } catch (error) {
      return this.#fail('error', graph, messageOf(error), error);
    }
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
      } else if (status === Status.DOZING) {
        // That it is woken by its time is another execution.
        return true;
      } else if (status !== Status.ENDED) asleep ??= thread;
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

  /** Whether what a spinning thread reads is the last that was written. */
  #seesAll(graph: Graph, thread: number): boolean {
    let left = graph.round(thread);
    for (let event = graph.head(thread); event >= 0; event = graph.previous(event)) {
      const kind = graph.kind(event);
      if (left-- === 0) break;
      if (kind === Kind.READ && graph.rf(event) !== graph.lastWrite(graph.location(event))) {
        return false;
      }
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
    };
  }

  #fail(kind: FailureKind, graph: Graph, message: string, cause: unknown): boolean {
    const trace = traceOf(this.session, graph, this.instance());
    this.failure = { kind, message, cause, trace, inputs: this.inputs };
    return false;
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
