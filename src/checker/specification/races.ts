/**
 * Data races of a valid execution. Two accesses race when neither happens before the other and both
 * write bytes in common, or one reads from the other; the race is a data race unless both are
 * sequentially consistent and their ranges are not partly different.
 */
import type { Candidate } from './candidate.ts';
import { equalRanges, INIT, intersect } from './events.ts';
import type { ReadsFrom } from './memory-order.ts';
import type { Order } from './order.ts';
import { coherent, type Slot } from './sources.ts';

/** Two accesses that race. */
export interface RacingPair {
  readonly one: number;
  readonly other: number;
}

/** All data races of an execution. */
export function racesOf(
  candidate: Candidate,
  before: Order,
  pairs: readonly ReadsFrom[],
): RacingPair[] {
  const { writes } = candidate;
  const found = new Map<string, RacingPair>();
  const consider = (first: number, second: number): void => {
    const [one, other] = first < second ? [first, second] : [second, first];
    if (isUnordered(before, one, other) && wouldBeDataRace(candidate, one, other)) {
      found.set(`${one},${other}`, { one, other });
    }
  };
  for (const [at, one] of writes.entries()) {
    for (const other of writes.slice(at + 1)) {
      if (intersect(candidate.at(one), candidate.at(other))) consider(one, other);
    }
  }
  for (const { read, write } of pairs) if (write !== INIT) consider(read, write);
  return [...found.values()];
}

/**
 * A data race in an execution that differs from this one in that a read gets a byte from one write
 * more, which gives that byte too. Such a write is ordered with the read by nothing, so that
 * nothing else changes; and of several such writes any one is enough.
 */
export function hiddenRace(
  candidate: Candidate,
  before: Order,
  slots: readonly Slot[],
  chosen: readonly (readonly number[])[],
  initTearing: boolean,
): RacingPair | undefined {
  for (const [at, slot] of slots.entries()) {
    const { read } = slot;
    const sources = slots.flatMap((other, index) => (other.read === read ? chosen[index]! : []));
    for (const write of slot.matching) {
      if (write === INIT || chosen[at]!.includes(write)) continue;
      if (!isUnordered(before, read, write) || !wouldBeDataRace(candidate, read, write)) continue;
      if (!coherent(before, slot, write)) continue;
      const tears = sources.some((source) => {
        return tearsWith(candidate, read, source, write, initTearing);
      });
      if (!tears) return { one: Math.min(read, write), other: Math.max(read, write) };
    }
  }
  return undefined;
}

/** Whether a read that never tears must not read from both (the clause of tear-free reads). */
export function tearsWith(
  candidate: Candidate,
  read: number,
  one: number,
  other: number,
  initTearing: boolean,
): boolean {
  const reader = candidate.at(read);
  if (!reader.noTear || one === other) return false;
  const isWhole = (source: number): boolean => {
    if (source === INIT) return !initTearing;
    const write = candidate.at(source);
    return write.noTear && equalRanges(write, reader);
  };
  return isWhole(one) && isWhole(other);
}

function isUnordered(before: Order, one: number, other: number): boolean {
  return !before.has(one, other) && !before.has(other, one);
}

function wouldBeDataRace(candidate: Candidate, one: number, other: number): boolean {
  const first = candidate.at(one);
  const second = candidate.at(other);
  return !(first.seqCst && second.seqCst && equalRanges(first, second));
}
