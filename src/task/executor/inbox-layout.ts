/**
 * Where things are inside an inbox: the only place that knows these offsets. Words of 32 bits.
 *
 * | word  | what                                      | writer             | readers          |
 * |-------|-------------------------------------------|--------------------|------------------|
 * | 0     | magic `RNDI`                              | owner, once        | observers        |
 * | 1     | epoch: goes up when the inbox is closed   | owner              | posters          |
 * | 2     | slots                                     | owner, once        | observers        |
 * | 3     | cells, a power of two                     | owner, once        | posters          |
 * | 4     | log2 of cells                             | owner, once        | posters          |
 * | 5     | word of the first leaf, from the arena's  | owner, once        | wakers           |
 * | 6     | word of the first generation, as before   | owner, once        | wakers           |
 * | 7     | word of the first cell, as before         | owner, once        | posters          |
 * | 32    | tail: next position to be filled          | posters, exchanged | posters          |
 * | 64 …  | summary: one bit for each leaf            | wakers (1), owner (0) | both          |
 * | …     | leaves: one bit for each slot             | wakers (1), owner (0) | both          |
 * | …     | generations: one word for each slot       | owner              | wakers           |
 * | …     | cells                                     | posters (fill), owner (empty) | both  |
 *
 * Each part begins on a 128-byte line of its own.
 *
 * A cell: bit 31 = 1 when full; then bit 30 is the lowest bit of its lap, bits 27 to 29 the kind
 * and bits 0 to 26 the argument of the message. When empty, bits 0 to 30 are the lap in which it
 * may be filled; the lap of a position is `position >>> log2(cells)`.
 */
import { assert } from '../../base/index.ts';

/** `RNDI`, little-endian. */
export const MAGIC = 0x49444e52;

/** Word indices of the header. */
export const Header = {
  MAGIC: 0,
  EPOCH: 1,
  SLOTS: 2,
  CELLS: 3,
  SHIFT: 4,
  LEAVES_AT: 5,
  GENERATIONS_AT: 6,
  CELLS_AT: 7,
  TAIL: 32,
  SUMMARY: 64,
} as const;

/** Set in a full cell. */
export const FULL: number = 1 << 31;
/** Where a full cell keeps the lowest bit of its lap. */
export const PARITY_SHIFT = 30;
/** Where a full cell keeps its kind. */
export const KIND_SHIFT = 27;
/** The highest kind of a message. */
export const KIND_MAX = 7;
/** The highest argument of a message. */
export const ARGUMENT_MAX: number = 2 ** KIND_SHIFT - 1;

const LINE_WORDS = 32;
const SLOTS_PER_LEAF = 32;
const LEAVES_PER_SUMMARY = 32;

/** Where the parts begin, in words from the start, and how many words it takes. */
export interface InboxParts {
  readonly leaves: number;
  readonly generations: number;
  readonly cells: number;
  readonly words: number;
}

/** The parts of an inbox of that size. */
export function partsOf(slots: number, cells: number): InboxParts {
  const leaves = Math.ceil(slots / SLOTS_PER_LEAF);
  const leavesAt = Header.SUMMARY + lines(Math.ceil(leaves / LEAVES_PER_SUMMARY));
  const generationsAt = leavesAt + lines(leaves);
  const cellsAt = generationsAt + lines(slots);
  return {
    leaves: leavesAt,
    generations: generationsAt,
    cells: cellsAt,
    words: cellsAt + lines(cells),
  };
}

function lines(words: number): number {
  return Math.ceil(words / LINE_WORDS) * LINE_WORDS;
}

assert(((KIND_MAX << KIND_SHIFT) | ARGUMENT_MAX) >>> PARITY_SHIFT === 0, 'a message fits its bits');
