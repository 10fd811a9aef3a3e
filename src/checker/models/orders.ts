/** Total orders of a few members that put some before others. */
import { RondoError } from '../../base/index.ts';

/** Members that a set of bits holds. */
const MAX_COUNTED = 31;
/** Sets of members that can come first, each of which is counted once. */
const MAX_SETS = 1 << 20;

/** For each member, by its place, the members that must come before it; never itself. */
export type Before = readonly (readonly number[])[];

/** Whether there is any such order: whether nothing must come before itself. */
export function isOrderable(before: Before): boolean {
  const placed = new Set<number>();
  for (let left = -1; left !== 0 && left !== before.length - placed.size;) {
    left = before.length - placed.size;
    for (const [member, earlier] of before.entries()) {
      if (!placed.has(member) && earlier.every((one) => placed.has(one))) placed.add(member);
    }
  }
  return placed.size === before.length;
}

/**
 * How many such orders there are.
 * @throws {RondoError} ERR_LITMUS_SIZE when they are too many to be counted
 */
export function countOrders(before: Before): number {
  if (before.length > MAX_COUNTED) throw tooMany();
  const needs = before.map((earlier) => earlier.reduce((set, one) => set | (1 << one), 0));
  const known = new Map<number, number>();
  const all = before.length === 0 ? 0 : -1 >>> (32 - before.length);
  const count = (first: number): number => {
    if (first === all) return 1;
    const counted = known.get(first);
    if (counted !== undefined) return counted;
    let found = 0;
    for (const [member, need] of needs.entries()) {
      const bit = 1 << member;
      if ((first & bit) === 0 && (need & ~first) === 0) found += count(first | bit);
    }
    if (known.size >= MAX_SETS) throw tooMany();
    known.set(first, found);
    return found;
  };
  return count(0);
}

/** There are more orders than anybody waits for. */
export function tooMany(): RondoError {
  return new RondoError(
    'ERR_LITMUS_SIZE',
    'The seq_cst operations of the test can be ordered in too many ways',
  );
}
