/**
 * Whether it matters how often a loop goes round. A thread that waits in a loop is blocked after
 * the first round that changes nothing (`Spins`), and executions in which it leaves the loop later
 * are not built: they differ from those with fewer rounds in nothing but what the thread itself
 * keeps, such as a counter. So threads that have left such a loop are run again with the round
 * before that some times over. If one then does something else, or what it returns is another
 * value, its loops carry something on: exploration begins anew, and shows every round of that
 * thread that sees a change, and one that does not. If even more rounds of that one matter, they
 * count: exploration begins anew once more, shows some of them, and says that there are others.
 *
 * This is a trial and no proof: a loop whose thousandth round makes the difference goes unnoticed.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Graph, Kind } from '../explore/graph.ts';
import { isSame } from './label.ts';
import { Resplit } from './locations.ts';
import { hashOf, keyOf, type Past, pastOf, type Step } from './past.ts';
import { type Decider, type Instance, makeRun, type Run } from './run.ts';
import { Script } from './script.ts';

/** How many rounds of a loop whose rounds count are shown, one behind the other. */
export const ROUNDS_SHOWN = 3;

/** What a thread's loops do beside waiting: they carry something on, or their rounds count. */
export const Looping = { CARRIES: 1, COUNTS: 2 } as const;

/**
 * Rounds after which a loop that never gave up is taken for one that never will, and events after
 * which it is in any case; the second for those that only read other values than one asked before.
 */
const ENDLESS_ROUNDS = [10_000, 2_000] as const;
const ENDLESS_EVENTS = 50_000;

/** So many rounds more are tried. */
const TRIED: readonly number[] = [1, 2, 5, 100];

/** Loops of one thread that are asked whether they are without end. */
const LOOPS_ASKED_MAX = 16;

/** Runs and loops of one thread that are kept, and so compared with each other. */
const KEPT_MAX = 200;

/** What each thread had. */
export type Execution = readonly Past[];

/** How a run went that was given its steps. */
interface Outcome {
  /** Whether it did just that, and nothing more. */
  readonly isSame: boolean;
  readonly result: unknown;
}

/** What this asks of who runs threads. */
interface RoundsHost {
  readonly inputs: { readonly values: readonly number[] };
  /** Does something with an instance of its own. */
  aside<T>(body: (instance: Instance) => T): T;
  decide(thread: number, instance: Instance, decider: Decider): unknown;
  anew(): Resplit;
}

/** A loop that only waits, as a thread came to it. */
export interface Loop {
  /** Events before the loop, and behind them the first round. */
  readonly steps: readonly Step[];
  readonly period: number;
}

interface Thread {
  readonly runs: Past[];
  readonly loops: Loop[];
  readonly known: Set<string>;
  /** Hashes of runs: most runs are one of a few, and telling them apart by name costs more. */
  readonly met: Set<number>;
  /** How many of them others were given. */
  given: { readonly runs: number; readonly loops: number };
}

/** What was kept of a thread, for others to compare with what they have. */
export interface Seen {
  readonly thread: number;
  readonly runs: readonly Past[];
  readonly loops: readonly Loop[];
}

/** See the head of this file. */
export class Rounds {
  readonly #host: RoundsHost;
  readonly #threads = new Map<number, Thread>();
  /** By thread what its loops do; this outlives beginning anew. */
  readonly looping: Map<number, number> = new Map();
  /** Whether to find out which those are. */
  isLearning: boolean = true;
  #inputs = '';

  constructor(host: RoundsHost) {
    this.#host = host;
  }

  /** Takes over what is known of a thread's loops. */
  adopt(thread: number, level: number): void {
    this.looping.set(thread, Math.max(level, this.looping.get(thread) ?? 0));
  }

  /** Forgets runs and loops. */
  clear(): void {
    this.#threads.clear();
  }

  /**
   * Whether a thread that goes round in a loop of `period` events has shown enough of it.
   * @throws {Resplit} when its rounds count
   */
  isLast(run: Run, graph: Graph, period: number): boolean {
    const { thread, cursor } = run;
    const level = this.looping.get(thread);
    if (level === undefined && !this.#asks(thread)) return true;
    const { steps } = pastOf(run, graph, cursor);
    if (level !== undefined) {
      const rounds = level === Looping.COUNTS ? ROUNDS_SHOWN : 2;
      if (!isSteady(steps, period) || !isShown(steps, period, rounds)) return false;
    }
    if (!this.#asks(thread)) return true;
    this.#keepLoop(thread, { steps, period });
    return true;
  }

  /**
   * A thread has come to its end.
   * @throws {Resplit} when rounds of a loop that it went through count
   */
  ended(run: Run, graph: Graph): void {
    const { thread, cursor } = run;
    if (!this.#asks(thread)) return;
    const { met } = this.#keptOf(thread);
    const hash = hashOf(run, graph);
    if (met.has(hash)) return;
    met.add(hash);
    this.#keepRun(thread, pastOf(run, graph, cursor));
  }

  /** Runs and loops of this combination of inputs: all, or those that were not given before. */
  give(isAll: boolean): Seen[] {
    const seen: Seen[] = [];
    for (const [thread, kept] of this.#kept()) {
      const { runs, loops } = kept;
      const given = isAll ? { runs: 0, loops: 0 } : kept.given;
      if (given.runs === runs.length && given.loops === loops.length) continue;
      seen.push({ thread, runs: runs.slice(given.runs), loops: loops.slice(given.loops) });
      kept.given = { runs: runs.length, loops: loops.length };
    }
    return seen;
  }

  /**
   * Takes over what threads had elsewhere, with the inputs of now.
   * @throws {Resplit} when rounds count
   */
  take(seen: readonly Seen[]): void {
    for (const { thread, runs, loops } of seen) {
      for (const loop of loops) if (this.#asks(thread)) this.#keepLoop(thread, loop);
      for (const past of runs) if (this.#asks(thread)) this.#keepRun(thread, past);
    }
  }

  #keepLoop(thread: number, loop: Loop): void {
    const kept = this.#keptOf(thread);
    if (isKnown(kept, 'loop', loop.steps)) return;
    kept.loops.push(loop);
    if (kept.runs.some((past) => this.#counts(thread, past, loop))) this.#show([thread]);
  }

  #keepRun(thread: number, past: Past): void {
    const kept = this.#keptOf(thread);
    if (isKnown(kept, 'run', past.steps)) return;
    kept.runs.push(past);
    if (kept.loops.some((loop) => this.#counts(thread, past, loop))) this.#show([thread]);
  }

  /** What all threads had in a whole execution, for `prove`. */
  record(graph: Graph, instance: Instance): Execution {
    return instance.threads.map((_, thread) => {
      const run = makeRun(thread, instance, [], 0, undefined);
      const length = graph.log(thread, run.log);
      const isEnded = graph.kind(run.log[length - 1]!) === Kind.END;
      return pastOf(run, graph, isEnded ? length - 1 : length);
    });
  }

  /**
   * Runs all threads of a whole execution with more rounds of the loops that they went through, and
   * asks whether what holds at its end still does.
   * @throws {Resplit} when it does not
   */
  prove(execution: Execution, instance: Instance, holds: (results: unknown[]) => void): void {
    const longer: number[] = [];
    const scripts = execution.map((past, thread) => {
      const isIt = (loop: Loop): boolean => isIn(past, loop);
      const loop = this.#asks(thread) ? this.#kept().get(thread)?.loops.find(isIt) : undefined;
      if (loop === undefined) return new Script(past.steps);
      longer.push(thread);
      return new Script(withRounds(past.steps, loop, ROUNDS_SHOWN));
    });
    if (longer.length === 0) return;
    let thread = -1;
    try {
      const results = scripts.map((script, index) => {
        thread = index;
        return this.#host.decide(index, instance, script);
      });
      thread = -1;
      holds(results);
    } catch (error) {
      if (error instanceof Resplit) throw error;
      // Who does something else without another round, such as to write a new object, is no proof.
      if (thread < 0 || longer.includes(thread)) this.#show(longer);
    }
  }

  #asks(thread: number): boolean {
    if (!this.isLearning || this.looping.get(thread) === Looping.COUNTS) return false;
    const { runs = [], loops = [] } = this.#kept().get(thread) ?? {};
    return runs.length < KEPT_MAX && loops.length < KEPT_MAX;
  }

  /** Begins anew, with more rounds of some threads' loops. */
  #show(threads: readonly number[], level?: number): never {
    for (const thread of threads) {
      this.looping.set(thread, level ?? (this.looping.get(thread) ?? 0) + 1);
    }
    throw this.#host.anew();
  }

  /**
   * Makes sure that loops which were taken for such without end go on for long.
   * @throws {Resplit} when one gives up
   */
  assertEndless(): void {
    for (const [thread, { loops }] of this.#kept()) {
      const asked = new Set<string>();
      for (const loop of this.#asks(thread) ? loops : []) {
        const round = loop.steps.slice(-loop.period);
        const name = keyOf(round);
        const place = round.map(({ kind, location }) => `${kind}:${location}`).join(' ');
        if (asked.has(name) || asked.size >= LOOPS_ASKED_MAX) continue;
        const most = ENDLESS_ROUNDS[asked.has(place) ? 1 : 0];
        asked.add(name).add(place);
        const rounds = Math.min(most, Math.ceil(ENDLESS_EVENTS / loop.period));
        const script = new Script(loop.steps, loop.period, rounds);
        this.#run(thread, script);
        if (!script.wasFollowed) this.#show([thread], Looping.COUNTS);
      }
    }
  }

  /** What is kept under the inputs of now. */
  #kept(): Map<number, Thread> {
    const inputs = this.#host.inputs.values.join();
    if (inputs !== this.#inputs) this.#threads.clear();
    this.#inputs = inputs;
    return this.#threads;
  }

  #keptOf(thread: number): Thread {
    let kept = this.#kept().get(thread);
    if (kept === undefined) {
      const given = { runs: 0, loops: 0 };
      kept = { runs: [], loops: [], known: new Set(), met: new Set(), given };
      this.#threads.set(thread, kept);
    }
    return kept;
  }

  #runAgain(thread: number, steps: readonly Step[]): Outcome {
    return this.#run(thread, new Script(steps));
  }

  #run(thread: number, script: Script): Outcome {
    return this.#host.aside((instance) => {
      try {
        const result = this.#host.decide(thread, instance, script);
        return { isSame: script.wasFollowed, result };
      } catch (error) {
        if (error instanceof Resplit) throw error;
        return { isSame: false, result: undefined };
      }
    });
  }

  #counts(thread: number, past: Past, loop: Loop): boolean {
    if (!isIn(past, loop)) return false;
    const run = past.steps;
    const before = this.#runAgain(thread, run);
    // A thread that returns another object each time is only asked what it does.
    const isComparable = isDeepStrictEqual(before.result, this.#runAgain(thread, run).result);
    return TRIED.some((count) => {
      const after = this.#runAgain(thread, withRounds(run, loop, count));
      if (!after.isSame) return before.isSame;
      return isComparable && !isDeepStrictEqual(before.result, after.result);
    });
  }
}

/**
 * Whether a thread came to a loop, as that was found, left it in its first round, and could have
 * gone round in it before: reads of one location never go back.
 */
function isIn({ steps: run, orders }: Past, { steps, period }: Loop): boolean {
  const start = steps.length - period;
  if (run.length <= start || !isSame(run[start]!, steps[start]!)) return false;
  const places = new Map<number, number>();
  for (let index = 0; index < start; index++) {
    const step = steps[index]!;
    const own = run[index]!;
    if (!isSame(own, step) || !Object.is(own.value, step.value)) return false;
    places.set(own.location, own.place);
  }
  for (const { kind, location, value } of steps.slice(start)) {
    if (kind !== Kind.READ) continue;
    const place = orders.get(location)?.indexOf(value, places.get(location) ?? 0) ?? -1;
    if (place < 0) return false;
    places.set(location, place);
  }
  const seen = new Set<number>();
  return run.slice(start).every(({ location, place }) => {
    if (seen.has(location)) return true;
    seen.add(location);
    return place >= (places.get(location) ?? 0);
  });
}

function withRounds(run: readonly Step[], { steps, period }: Loop, count: number): Step[] {
  const start = steps.length - period;
  const round = steps.slice(start);
  const rounds = Array.from({ length: count }, () => round).flat();
  return [...run.slice(0, start), ...rounds, ...run.slice(start)];
}

/**
 * Whether the last round of a thread read one value of each location: if it saw a change, it
 * cannot see the same again.
 */
function isSteady(steps: readonly Step[], period: number): boolean {
  const values = new Map<number, unknown>();
  for (const { kind, location, value } of steps.slice(-period)) {
    if (kind !== Kind.READ) continue;
    if (values.has(location) && !Object.is(values.get(location), value)) return false;
    values.set(location, value);
  }
  return true;
}

/** Whether the last rounds of a thread were the same, as often as is shown. */
function isShown(steps: readonly Step[], period: number, rounds: number): boolean {
  const from = steps.length - period * rounds;
  if (from < 0) return false;
  for (let index = from + period; index < steps.length; index++) {
    const step = steps[index]!;
    const before = steps[index - period]!;
    if (!isSame(step, before) || !Object.is(step.value, before.value)) return false;
  }
  return true;
}

function isKnown(kept: Thread, kind: string, steps: readonly Step[]): boolean {
  const key = `${kind}${keyOf(steps)}`;
  if (kept.known.has(key)) return true;
  kept.known.add(key);
  return false;
}
