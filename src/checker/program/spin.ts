/**
 * Finding loops that only wait. A thread that is about to do again what it did a few events ago,
 * and has changed nothing since, may be in a loop that goes on until somebody else writes. Whether
 * it is, a look ahead tells (`Session`): the thread runs on with the values that it has read before.
 * If it then does the same for many rounds, running the loop once more shows nothing that its first
 * round does not show with other values read: the thread is blocked until one of its reads is
 * another one.
 */
import { Flag, type Graph, Kind } from '../explore/graph.ts';
import type { Label } from './label.ts';
import type { Probe, Run } from './run.ts';
import { stackHere } from './site.ts';

/** Most events of one round. */
const PERIOD_MAX = 24;

/**
 * Rounds after which a loop is taken for one without end: more than the events that a thread may
 * have, so that a loop that gives up after some tries is never mistaken without being bounded. That
 * much is asked once of what a thread reads in a loop, and less after other values before it.
 */
const ROUNDS_FIRST = 1100;
const ROUNDS = 200;
/** Answers that are kept. */
const KNOWN_MAX = 20_000;

/** What looking for loops asks of who runs the thread. */
export interface SpinContext {
  /** What a read of the log read. */
  valueOf(event: number): unknown;
  /** Which thread it is, and with which inputs: part of the names of answers. */
  name(): string;
  /** Whether the thread does the last `period` events again for so many rounds. */
  repeats(period: number, rounds: number): Repetition;
  /** Where in the source the loop is that was asked about last. */
  place(): string;
}

/**
 * What a look ahead has shown: the same again, at the same place; the same, but it came from
 * another place into it; or something else.
 */
export type Repetition = 'same' | 'elsewhere' | 'ends';

/**
 * Finds loops, and remembers answers. What a thread does next is decided by what it has read, so an
 * answer is good wherever a thread has read the same.
 */
export class Spins {
  readonly #endless = new Map<string, Repetition>();
  /** Loops that went on for `ROUNDS_FIRST`. */
  readonly #loops = new Set<string>();
  /** The run that asked last, how long its log was, and by bit of their periods: loops that end. */
  #run: Run | undefined;
  #length = 0;
  #ended = 0;

  /** Forgets all answers. */
  clear(): void {
    this.#endless.clear();
    this.#loops.clear();
  }

  /** Events of one round of the loop that a thread is in, when it asks for `next`; 0 is no loop. */
  find(graph: Graph, run: Run, next: Label, context: SpinContext): number {
    const { log, cursor: length } = run;
    const ended = this.#run === run && this.#length === length - 1 ? this.#ended : 0;
    this.#run = run;
    this.#length = length;
    this.#ended = 0;
    for (let period = 1; period <= Math.min(PERIOD_MAX, length); period++) {
      const event = log[length - period]!;
      const kind = graph.kind(event);
      if (kind === Kind.WRITE) {
        if (!changesNothing(graph, event, (read) => context.valueOf(read))) return 0;
      } else if (kind !== Kind.READ && kind !== Kind.FENCE) return 0;
      const isAgain =
        kind === next.kind &&
        graph.location(event) === next.location &&
        graph.order(event) === next.order &&
        graph.flags(event) === next.flags;
      if (!isAgain) continue;
      const isKnown =
        ((ended & (1 << period)) !== 0 && isRepeated(graph, run, period, length - 1, context)) ||
        this.#isOfRoundsThatEnd(graph, run, period, context);
      const found = isKnown ? 'ends' : this.#lookAhead(graph, run, period, context);
      if (found === 'same') return period;
      if (found === 'ends') this.#ended |= 1 << period;
    }
    return 0;
  }

  /** Whether a round is several of a shorter loop, which ends. */
  #isOfRoundsThatEnd(graph: Graph, run: Run, period: number, context: SpinContext): boolean {
    for (let part = 1; 2 * part <= period; part++) {
      const isPart = period % part === 0 && (this.#ended & (1 << part)) !== 0;
      const from = run.cursor - period + part;
      if (isPart && isRepeated(graph, run, part, from, context)) return true;
    }
    return false;
  }

  #goesOn(graph: Graph, run: Run, period: number, context: SpinContext): Repetition {
    const location = graph.location(run.log[run.cursor - period]!);
    const loop = `${context.name()} ${period} ${location} ${context.place()}`;
    const found = context.repeats(period, this.#loops.has(loop) ? ROUNDS : ROUNDS_FIRST);
    if (found === 'same') this.#loops.add(loop);
    return found;
  }

  #lookAhead(graph: Graph, run: Run, period: number, context: SpinContext): Repetition {
    const key = keyOf(graph, run.log, run.cursor, context);
    const name = key === undefined ? undefined : `${period} ${key}`;
    const known = name === undefined ? undefined : this.#endless.get(name);
    if (known !== undefined) return known;
    let found = context.repeats(period, 2);
    if (found === 'same') found = this.#goesOn(graph, run, period, context);
    if (name !== undefined) {
      if (this.#endless.size >= KNOWN_MAX) this.#endless.clear();
      this.#endless.set(name, found);
    }
    return found;
  }
}

/** Whether each event of the log from one on is the same as the one a round before it. */
function isRepeated(
  graph: Graph,
  { log, cursor: length }: Run,
  period: number,
  from: number,
  context: SpinContext,
): boolean {
  if (from < period) return false;
  for (let index = from; index < length; index++) {
    const event = log[index]!;
    const before = log[index - period]!;
    const isSame =
      graph.kind(event) === Kind.READ &&
      graph.kind(before) === Kind.READ &&
      graph.flags(event) === graph.flags(before) &&
      graph.location(event) === graph.location(before) &&
      graph.order(event) === graph.order(before) &&
      Object.is(context.valueOf(event), context.valueOf(before));
    if (!isSame) return false;
  }
  return true;
}

/** Names all that a thread has read; undefined where values have no names. */
function keyOf(
  graph: Graph,
  log: readonly number[],
  length: number,
  context: SpinContext,
): string | undefined {
  let key = context.name();
  for (let index = 0; index < length; index++) {
    const event = log[index]!;
    const kind = graph.kind(event);
    if (kind !== Kind.READ && kind !== Kind.CHOICE) continue;
    const value = kind === Kind.READ ? context.valueOf(event) : graph.values[event];
    const type = typeof value;
    if (Array.isArray(value)) key += ` [${value.join()}]`;
    else if ((type === 'object' && value !== null) || type === 'function' || type === 'symbol') {
      return undefined;
    } else key += Object.is(value, -0) ? ' -0' : ` ${type[0]}${String(value)}`;
  }
  return key;
}

/** Frames of a place that are compared. */
const FRAMES = 50;

/**
 * Notes where a thread stands when it reads, in a look ahead: before its last round and before the
 * next.
 */
export function notePlace(run: Run, probe: Probe): void {
  const at = run.cursor + probe.seen;
  if (probe.period === 0 || (at !== run.length - probe.period && at !== run.length)) return;
  probe.places.push(stackHere(FRAMES));
}

/**
 * Whether a thread that reads the same again does so at the same place. If not, it is not in a loop
 * yet: what it read before the loop must not be taken for the loop's first round.
 */
export function isOnePlace({ places }: Probe): boolean {
  return places[0] === places[1];
}

/**
 * Whether a write is half of a step that leaves the value as it was, such as an exchange that finds
 * a lock taken and takes it again. A loop of such steps waits as one of reads does: an execution
 * with one round less has the same values everywhere.
 */
function changesNothing(graph: Graph, write: number, valueOf: (read: number) => unknown): boolean {
  const isPair = (graph.flags(write) & (Flag.RMW | Flag.HIDDEN)) === Flag.RMW;
  return isPair && Object.is(graph.values[write], valueOf(graph.previous(write)));
}

/** The write that gave a location the value that it has after `write`. */
export function valueSince(
  graph: Graph,
  write: number,
  valueOf: (read: number) => unknown,
): number {
  let since = write;
  while (since > 0 && changesNothing(graph, since, valueOf)) since = graph.coPrevious(since);
  return since;
}
