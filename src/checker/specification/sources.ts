/**
 * Who may be read from. The specification has each byte of a read come from some write. Trying all
 * of them byte by byte is not needed: within a piece of a read whose bytes have the same writers,
 * it only matters **which** writes are read from, and fewer are always better, because every
 * condition of a valid execution forbids more when there are more pairs in reads-from (and hence in
 * synchronizes-with and happens-before). So for each piece the smallest sets of writes that give
 * all of its bytes are enough. Only a race may need one write more: see races.ts.
 */
import type { Candidate } from './candidate.ts';
import { covers, INIT, type MemoryEvent } from './events.ts';
import type { Order } from './order.ts';

/** A piece of a read whose bytes are written by the same writes. */
export interface Slot {
  readonly read: number;
  /** One of its bytes: all conditions are the same for the others. */
  readonly byte: number;
  /** All writes of these bytes. */
  readonly writers: readonly number[];
  /** Which writes, or INIT, give at least one byte of the value. */
  readonly matching: readonly number[];
  /** The smallest sets of writes that give all bytes. */
  readonly options: readonly (readonly number[])[];
  /** Addresses of its bytes. */
  readonly bytes: readonly number[];
}

/**
 * The pieces of all reads, with the sources that happens-before leaves to them; undefined when a
 * piece has none. `before` is what of happens-before is known.
 */
export function slotsOf(candidate: Candidate, before: Order): Slot[] | undefined {
  const found: Slot[] = [];
  for (const read of candidate.reads) {
    const pieces = piecesOf(candidate, read);
    for (const { bytes, writers } of pieces) {
      const slot = slotOf(candidate, before, read, bytes, writers);
      if (slot.options.length === 0) return undefined;
      found.push(slot);
    }
  }
  return found;
}

/**
 * Whether a read may have a byte from a write: it is not from later, and nothing in between has
 * overwritten it (the clause of coherent reads).
 */
export function coherent(before: Order, { read, writers }: Slot, source: number): boolean {
  return overwriter(before, read, writers, source) === undefined;
}

/**
 * What makes a read of a write incoherent: the write itself when it is later, or what overwrote it.
 */
export function overwriter(
  before: Order,
  read: number,
  writers: readonly number[],
  source: number,
): number | undefined {
  if (source !== INIT && before.has(read, source)) return source;
  return writers.find((other) => {
    return before.has(other, read) && (source === INIT || before.has(source, other));
  });
}

function piecesOf(
  candidate: Candidate,
  read: number,
): Iterable<{ bytes: number[]; writers: readonly number[] }> {
  const { address, size } = candidate.at(read);
  const pieces = new Map<string, { bytes: number[]; writers: readonly number[] }>();
  for (let byte = address; byte < address + size; byte++) {
    const writers = candidate.writes.filter((write) => covers(candidate.at(write), byte));
    const key = writers.join(',');
    const piece = pieces.get(key);
    if (piece) piece.bytes.push(byte);
    else pieces.set(key, { bytes: [byte], writers });
  }
  return pieces.values();
}

function slotOf(
  candidate: Candidate,
  before: Order,
  read: number,
  bytes: readonly number[],
  writers: readonly number[],
): Slot {
  const wanted = candidate.at(read);
  // No event reads from itself.
  const sources = [INIT, ...writers.filter((writer) => writer !== read)];
  const masks = new Map<number, number>();
  for (const source of sources) {
    if (overwriter(before, read, writers, source) !== undefined) continue;
    const mask = matches(candidate, wanted, bytes, source);
    if (mask !== 0) masks.set(source, mask);
  }
  const options = smallestCovers([...masks], 2 ** bytes.length - 1);
  return { read, byte: bytes[0]!, bytes, writers, matching: [...masks.keys()], options };
}

/** Which of the bytes a source gives, as bits. */
function matches(
  candidate: Candidate,
  wanted: MemoryEvent,
  bytes: readonly number[],
  source: number,
): number {
  const from = source === INIT ? undefined : candidate.at(source);
  return bytes.reduce((mask, byte, bit) => {
    const given = from ? from.writes![byte - from.address] : candidate.memory.initial(byte);
    return given === wanted.reads![byte - wanted.address] ? mask | (1 << bit) : mask;
  }, 0);
}

/** All sets that give all bytes and of which none can be left out. */
function smallestCovers(masks: readonly [source: number, mask: number][], all: number): number[][] {
  const found = new Map<string, number[]>();
  const cover = (chosen: number[], covered: number): void => {
    if (covered === all) {
      const key = [...chosen].sort((one, other) => one - other);
      if (isSmallest(key, masks, all)) found.set(key.join(','), key);
      return;
    }
    const lowest = ~covered & (covered + 1);
    for (const [source, mask] of masks) {
      if ((mask & lowest) !== 0) cover([...chosen, source], covered | mask);
    }
  };
  cover([], 0);
  return [...found.values()];
}

function isSmallest(
  chosen: readonly number[],
  masks: readonly [source: number, mask: number][],
  all: number,
): boolean {
  const used = masks.filter(([source]) => chosen.includes(source));
  return used.every(([left]) => {
    const rest = used.reduce((sum, [source, mask]) => (source === left ? sum : sum | mask), 0);
    return rest !== all;
  });
}
