/**
 * Where things are in the region of task counters: the only place that knows these offsets.
 *
 * Header, 256 bytes, written once by the owner except for words 7 and 32:
 *
 * | word | what                                                             |
 * |------|------------------------------------------------------------------|
 * | 0    | magic `RNDT`, last                                               |
 * | 1    | rows                                                             |
 * | 2    | entries of the table of names, entry 0 (no name) included        |
 * | 3    | bytes from the region's start to the rows                        |
 * | 4    | bytes from the region's start to the cold rows                   |
 * | 5    | bytes from the region's start to the names                       |
 * | 6    | arena offset of the totals: `Counters`                           |
 * | 7    | rows that were ever used: those behind are all zero              |
 * | 32   | row of the task that is being polled, -1 for none                |
 *
 * A row, 64 bytes; one more behind the last for all tasks that have none:
 *
 * | word   | unit  | what                                                |
 * |--------|-------|-----------------------------------------------------|
 * | 0      | -     | bit 0: is being cancelled; bits 8 to 15: priority   |
 * | 1      | count | polls (wraps, as the other 32-bit counts do)        |
 * | 2, 3   | -     | id, a double; 0 = no task                           |
 * | 4      | count | times it was put in the queue; polls + 1 = it waits |
 * | 5      | count | wakes while it was in the queue                     |
 * | 6      | count | wakes by itself, while it was polled                |
 * | 7      | count | wakers that exist: clones less drops                |
 * | 8, 9   | us    | busy: being polled, a double                        |
 * | 10, 11 | us    | waited: in the queue, a double                      |
 * | 12, 13 | ms    | when it was spawned, a double                       |
 * | 14, 15 | ms    | when it was last polled, a double; 0 = never        |
 *
 * A cold row, 16 bytes: the id of the task that spawned it, a double, 0 = none; then one word with
 * the entry of its name in bits 0 to 15 and that of its location above.
 *
 * A name, 128 bytes: word 0 its version (odd while it is written), word 1 its length in bytes, then
 * UTF-8. Entry 0 is the empty text.
 *
 * The owner writes all with plain stores except for the versions of names; observers read.
 */

/** `RNDT`, little-endian. */
export const MAGIC = 0x54444e52;
/** Kind of the region. */
export const KIND = 'tasks';

/** Word indices of the header. */
export const Header = {
  MAGIC: 0,
  ROWS: 1,
  NAMES: 2,
  ROWS_AT: 3,
  COLD_AT: 4,
  NAMES_AT: 5,
  TOTALS: 6,
  USED: 7,
  RUNNING: 32,
} as const;

export const HEADER_BYTES = 256;

export const ROW_WORDS = 16;
/** Word indices in a row. */
export const Row = {
  FLAGS: 0,
  POLLS: 1,
  SCHEDULED: 4,
  WOKEN_AGAIN: 5,
  WOKEN_BY_SELF: 6,
  WAKERS: 7,
} as const;
/** Indices of doubles in a row. */
export const RowDouble = { ID: 1, BUSY: 4, WAITED: 5, SPAWNED: 6, LAST_POLL: 7 } as const;
/** Bit of `Row.FLAGS`. */
export const CANCELLING = 1;
/** Where `Row.FLAGS` has the priority. */
export const PRIORITY_SHIFT = 8;

export const COLD_WORDS = 4;
/** Word indices in a cold row; its first double is the parent. */
export const Cold = { NAMES: 2 } as const;

export const NAME_BYTES = 128;
/** Bytes of text in a name. */
export const NAME_TEXT_BYTES: number = NAME_BYTES - 8;
/** Entries that 16 bits can name. */
export const NAMES_MAX = 65_536;
