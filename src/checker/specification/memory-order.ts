/**
 * The memory order: whether all events can be put into one line that agrees with happens-before,
 * and in which no sequentially consistent write V comes between a write W and a read R that reads
 * from it, when
 *
 * 1. W synchronizes with R, and V and R have equal ranges; or
 * 2. W and V both happen before R, W is sequentially consistent, and W and V have equal ranges; or
 * 3. W happens before R and V, R is sequentially consistent, and V and R have equal ranges.
 *
 * W is before R in each case, so 2 says that V is before W, and 3 that V is after R: edges. Only 1
 * leaves a choice, V before W or after R, and what is known mostly decides it: the search branches
 * on the rest.
 *
 * Before the repair of 2020 (ecma262 pull request 1511, found by Watt et al., PLDI 2020) there was
 * no clause 2, so that programs without data races could behave as under no interleaving (issue
 * 1354), and clause 1 spoke of every V, sequentially consistent or not, which LDAR and STLR of
 * ARMv8 do not give.
 */
import type { Candidate } from './candidate.ts';
import { equalRanges, INIT } from './events.ts';
import { Order } from './order.ts';

/** A read and a write that it reads from, or INIT. */
export interface ReadsFrom {
  readonly read: number;
  readonly write: number;
}

/** Why one event must be before another. */
export interface Reason {
  readonly from: number;
  readonly to: number;
  readonly clause: 1 | 2 | 3;
  /** The write that must not come in between. */
  readonly intruder: number;
  readonly pair: ReadsFrom;
}

/** V before W, or R before V. */
interface Choice {
  readonly intruder: number;
  readonly pair: ReadsFrom;
}

/**
 * What the search met, for explanations: the edges that it drew and the one that closed a circle.
 */
export interface Trail {
  readonly drawn: Reason[];
  failed: Reason | undefined;
}

/**
 * The conditions as an order of which every line is a memory order; undefined when there is none.
 * `trail` gets the first failure.
 */
export function memoryOrder(
  candidate: Candidate,
  before: Order,
  pairs: readonly ReadsFrom[],
  model: 'es' | 'es2019',
  trail?: Trail,
): Order | undefined {
  const order = new Order(before.size);
  order.copy(before);
  const choices: Choice[] = [];
  for (const pair of pairs) {
    for (const intruder of candidate.writes) {
      if (intruder === pair.write || intruder === pair.read) continue;
      const reason = forced(candidate, before, pair, intruder, model);
      if (reason && !draw(order, reason, trail)) return undefined;
      if (isChoice(candidate, pair, intruder, model)) choices.push({ intruder, pair });
    }
  }
  return decide(order, choices, trail);
}

/** Clauses 2 and 3. */
function forced(
  candidate: Candidate,
  before: Order,
  pair: ReadsFrom,
  intruder: number,
  model: 'es' | 'es2019',
): Reason | undefined {
  const { read, write } = pair;
  const other = candidate.at(intruder);
  if (!other.seqCst) return undefined;
  if (write !== INIT && !before.has(write, read)) return undefined;
  const source = write === INIT ? undefined : candidate.at(write);
  const repaired = model !== 'es2019';
  if (repaired && source?.seqCst && before.has(intruder, read) && equalRanges(source, other)) {
    return { from: intruder, to: write, clause: 2, intruder, pair };
  }
  const reader = candidate.at(read);
  // Initial bytes happen before every access to them.
  const after = write === INIT || before.has(write, intruder);
  if (after && reader.seqCst && equalRanges(other, reader)) {
    return { from: read, to: intruder, clause: 3, intruder, pair };
  }
  return undefined;
}

/** Clause 1. */
function isChoice(
  candidate: Candidate,
  { read, write }: ReadsFrom,
  intruder: number,
  model: 'es' | 'es2019',
): boolean {
  const other = candidate.at(intruder);
  const counts = other.seqCst || model === 'es2019';
  return counts && candidate.synchronizes(write, read) && equalRanges(other, candidate.at(read));
}

/** Decides all choices, in place where nothing else is possible. */
function decide(order: Order, choices: readonly Choice[], trail?: Trail): Order | undefined {
  let open = choices;
  for (let drawn = true; drawn;) {
    drawn = false;
    const left: Choice[] = [];
    for (const choice of open) {
      const { intruder, pair } = choice;
      if (order.has(intruder, pair.write) || order.has(pair.read, intruder)) continue;
      const only = order.has(pair.write, intruder)
        ? late(choice)
        : order.has(intruder, pair.read)
          ? early(choice)
          : undefined;
      if (!only) left.push(choice);
      else if (draw(order, only, trail)) drawn = true;
      else return undefined;
    }
    open = left;
  }
  const [first, ...rest] = open;
  if (!first) return order;
  for (const way of [late(first), early(first)]) {
    const copy = new Order(order.size);
    copy.copy(order);
    const decided = draw(copy, way, trail) ? decide(copy, rest, trail) : undefined;
    if (decided) return decided;
  }
  return undefined;
}

function late({ intruder, pair }: Choice): Reason {
  return { from: pair.read, to: intruder, clause: 1, intruder, pair };
}

function early({ intruder, pair }: Choice): Reason {
  return { from: intruder, to: pair.write, clause: 1, intruder, pair };
}

/** Draws an edge; false when it closes a circle. */
function draw(order: Order, reason: Reason, trail: Trail | undefined): boolean {
  const drawn = order.add(reason.from, reason.to);
  if (trail && !trail.failed) {
    if (drawn) trail.drawn.push(reason);
    else trail.failed = reason;
  }
  return drawn;
}
