/** Which clause an execution breaks, and the story of how. */
import type { Candidate, Edge } from './candidate.ts';
import { sectionOrders } from './critical-sections.ts';
import { accessOf } from './evaluate.ts';
import { INIT } from './events.ts';
import { pairsOf, type Budget } from './executions.ts';
import { memoryOrder, type ReadsFrom, type Reason, type Trail } from './memory-order.ts';
import type { ResolvedEcmaOptions } from './options.ts';
import { Order } from './order.ts';
import { tearsWith } from './races.ts';
import { overwriter, slotsOf, type Slot } from './sources.ts';

/** The conditions of a valid execution, as the specification names them. */
export type Clause =
  | 'valid chosen reads'
  | 'wait and notify'
  | 'happens-before'
  | 'coherent reads'
  | 'tear-free reads'
  | 'memory order';

/** An execution that is not valid. */
export interface Failure {
  readonly clause: Clause;
  /** How many conditions it satisfies before that. */
  readonly rank: number;
  readonly lines: readonly string[];
}

const MEANING: Readonly<Record<Clause, string>> = {
  'valid chosen reads': 'a read has each byte from some write of that byte, or the initial one',
  'wait and notify': 'critical sections of a list of waiters come one after the other',
  'happens-before': 'happens-before has no circle',
  'coherent reads': 'no read sees a write that comes later, or one that was overwritten before it',
  'tear-free reads': 'an aligned access of an integer array is not a mixture of two writes',
  'memory order': 'there is one order of all events that keeps what Atomics promise',
};

/** The clause with what it says. */
export function clauseText(clause: Clause): string {
  return `The clause: ${clause} (${MEANING[clause]})`;
}

/** How a step of an order came about. */
interface Step {
  readonly from: number;
  readonly to: number;
  /** By the order within a thread: several of these are told as one. */
  readonly inThread: boolean;
  readonly text: (from: string, to: string) => string;
}

/** A failure for each way of reading that a candidate has; it must have no valid execution. */
export function* failureOf(
  candidate: Candidate,
  options: ResolvedEcmaOptions,
  budget: Budget,
): Generator<Failure> {
  if (!candidate.messagesAgree()) return;
  let orders = 0;
  for (const sections of sectionOrders(candidate)) {
    orders++;
    const edges = [...candidate.fixedEdges(), ...sections];
    // Nothing is left out for incoherence: that is what is to be told.
    const slots = slotsOf(candidate, new Order(candidate.events.length));
    if (!slots) {
      yield { clause: 'valid chosen reads', rank: 1, lines: [LONELY] };
      continue;
    }
    for (const chosen of choicesOf(slots)) {
      budget.take();
      yield judge(candidate, edges, slots, chosen, options);
    }
  }
  if (orders === 0) yield { clause: 'wait and notify', rank: 0, lines: [NO_SECTIONS] };
}

const LONELY = 'A value that is read is written by nothing but the reading access itself.';
const NO_SECTIONS = 'In no order do the calls of wait and notify wake and sleep like that.';

function* choicesOf(slots: readonly Slot[], at = 0): Generator<readonly (readonly number[])[]> {
  const slot = slots[at];
  if (!slot) {
    yield [];
    return;
  }
  for (const sources of slot.options) {
    for (const rest of choicesOf(slots, at + 1)) yield [sources, ...rest];
  }
}

function judge(
  candidate: Candidate,
  edges: readonly Edge[],
  slots: readonly Slot[],
  chosen: readonly (readonly number[])[],
  options: ResolvedEcmaOptions,
): Failure {
  const story = new Story(candidate);
  const before = new Order(candidate.events.length);
  const pairs = pairsOf(slots, chosen);
  const steps: Step[] = [];
  const all = [...edges.map(fixedStep), ...synchronizing(candidate, pairs)];
  for (const step of all) {
    if (!before.add(step.from, step.to)) return story.circle('happens-before', 2, steps, step);
    steps.push(step);
  }
  for (const [at, { read, writers }] of slots.entries()) {
    for (const source of chosen[at]!) {
      const other = overwriter(before, read, writers, source);
      if (other !== undefined) return story.incoherent(steps, read, source, other);
    }
  }
  const torn = tornPair(candidate, pairs, options.initTearing);
  if (torn) return story.torn(torn);
  const trail: Trail = { drawn: [], failed: undefined };
  memoryOrder(candidate, before, pairs, options.model, trail);
  const failed = trail.failed!;
  const drawn = trail.drawn.map((reason) => story.reasonStep(reason));
  return story.circle('memory order', 5, [...steps, ...drawn], story.reasonStep(failed));
}

function fixedStep({ from, to, why }: Edge): Step {
  return {
    from,
    to,
    inThread: why === 'agent order',
    text: (one, other) => {
      if (why === 'agent order') return `${one} comes before ${other} in its thread`;
      if (why === 'message') return `${one} comes before ${other}, which gets the message`;
      return `${one} leaves the critical section of wait and notify before ${other} enters it`;
    },
  };
}

function synchronizing(candidate: Candidate, pairs: readonly ReadsFrom[]): Step[] {
  return pairs
    .filter(({ read, write }) => candidate.synchronizes(write, read))
    .map(({ read, write }) => ({
      from: write,
      to: read,
      inThread: false,
      text: (one, other) => `${one} synchronizes with ${other}, which reads what it wrote`,
    }));
}

function tornPair(
  candidate: Candidate,
  pairs: readonly ReadsFrom[],
  initTearing: boolean,
): { read: number; one: number; other: number } | undefined {
  for (const { read, write: one } of pairs) {
    const other = pairs.find((pair) => {
      return pair.read === read && tearsWith(candidate, read, one, pair.write, initTearing);
    });
    if (other) return { read, one, other: other.write };
  }
  return undefined;
}

/** Tells failures. */
class Story {
  readonly #candidate: Candidate;
  constructor(candidate: Candidate) {
    this.#candidate = candidate;
  }

  incoherent(steps: readonly Step[], read: number, source: number, other: number): Failure {
    const reader = this.#name(read);
    if (source === other) {
      const lines = [
        `${reader} would read from ${this.#name(source)}, which happens only after it:`,
        ...this.#path(steps, read, source),
      ];
      return { clause: 'coherent reads', rank: 3, lines };
    }
    const old = source === INIT ? 'the initial value' : `what ${this.#name(source)} wrote`;
    const lines = [
      `${reader} would read ${old}, but ${this.#name(other)} has overwritten it before:`,
      ...(source === INIT ? [] : this.#path(steps, source, other)),
      ...this.#path(steps, other, read),
    ];
    return { clause: 'coherent reads', rank: 3, lines };
  }

  torn({ read, one, other }: { read: number; one: number; other: number }): Failure {
    const [first, second] = [one, other].map((event) => {
      return event === INIT ? 'the initial value' : this.#name(event);
    });
    const text = `${this.#name(read)} would have some bytes of ${first} and some of ${second}.`;
    return { clause: 'tear-free reads', rank: 4, lines: [text] };
  }

  /** A step that closes a circle. */
  circle(clause: Clause, rank: number, steps: readonly Step[], last: Step): Failure {
    const path = this.#path(steps, last.to, last.from);
    const lines = ['Following what must come before what leads back to where it began:'];
    return { clause, rank, lines: [...lines, ...path, `  ${this.#text(last)}`] };
  }

  reasonStep(reason: Reason): Step {
    const { from, to, intruder, pair } = reason;
    const write =
      pair.write === INIT ? 'the initial value' : `what ${this.#name(pair.write)} wrote`;
    const between = `so ${this.#name(intruder)} must not come between the two`;
    return {
      from,
      to,
      inThread: false,
      text: (one, other) =>
        `${one} comes before ${other}: ${this.#name(pair.read)} reads ${write}, ${between}`,
    };
  }

  /** The shortest way from one event to another, a line each; steps in one thread are one. */
  #path(steps: readonly Step[], from: number, to: number): string[] {
    const reached = new Map<number, Step | undefined>([[from, undefined]]);
    for (const event of reached.keys()) {
      for (const step of steps) {
        if (step.from === event && !reached.has(step.to)) reached.set(step.to, step);
      }
    }
    const way: Step[] = [];
    for (let at = to; at !== from;) {
      const step = reached.get(at)!;
      const next = way[0];
      if (step.inThread && next?.inThread) way[0] = { ...step, to: next.to };
      else way.unshift(step);
      at = step.from;
    }
    return way.map((step) => `  ${this.#text(step)}`);
  }

  #text({ from, to, text }: Step): string {
    return text(this.#name(from), this.#name(to));
  }

  #name(event: number): string {
    const { thread, statement } = accessOf(this.#candidate, event);
    return `thread ${thread} \`${statement}\``;
  }
}
