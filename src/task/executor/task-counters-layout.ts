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
 * | 3    | bytes from the region's start to the hot rows                    |
 * | 4    | bytes from the region's start to the cold rows                   |
 * | 5    | bytes from the region's start to the names                       |
 * | 6    | arena offset of the totals: `Counters`                           |
 * | 7    | rows that were ever used: those behind are all zero              |
 * | 32   | row of the task that is being polled, -1 for none                |
 *
 * A hot row, 32 bytes (what polls and wakes touch: two to a cache line of 64); one more behind the
 * last for all tasks that have none:
 *
 * | word | unit  | what                                                |
 * |------|-------|-----------------------------------------------------|
 * | 0    | count | polls (wraps, as the other 32-bit counts do)        |
 * | 1    | count | times it was put in the queue; polls + 1 = it waits |
 * | 2    | count | wakes by itself, while it was polled                |
 * | 3    | count | wakes while it was in the queue                     |
 * | 4, 5 | ms    | when it was last polled, a double; 0 = never        |
 * | 6    | count | wakers that exist: clones less drops                |
 * | 7    | -     | bit 0: is being cancelled; bits 8 to 15: priority   |
 *
 * A cold row, 48 bytes, of doubles but for the last; also one more:
 *
 * | double | unit  | what                                                              |
 * |--------|-------|-------------------------------------------------------------------|
 * | 0      | -     | id; 0 = no task                                                   |
 * | 1      | us    | busy: being polled                                                |
 * | 2      | us    | waited: in the queue                                              |
 * | 3      | ms    | when it was spawned                                               |
 * | 4      | -     | id of the task that spawned it, 0 = none                          |
 * | 5      | entry | a word: of its name in bits 0 to 15, of its location in the others |
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
  HOT_AT: 3,
  COLD_AT: 4,
  NAMES_AT: 5,
  TOTALS: 6,
  USED: 7,
  RUNNING: 32,
} as const;

export const HEADER_BYTES = 256;

export const HOT_WORDS = 8;
/** Word indices in a hot row. */
export const Hot = {
  POLLS: 0,
  SCHEDULED: 1,
  WOKEN_BY_SELF: 2,
  WOKEN_AGAIN: 3,
  WAKERS: 6,
  FLAGS: 7,
} as const;
/** Index of the double in a hot row. */
export const HOT_LAST_POLL = 2;
/** Bit of `Hot.FLAGS`. */
export const CANCELLING = 1;
/** Where `Hot.FLAGS` has the priority. */
export const PRIORITY_SHIFT = 8;

export const COLD_DOUBLES = 6;
/** Indices of doubles in a cold row; the last is a word. */
export const Cold = { ID: 0, BUSY: 1, WAITED: 2, SPAWNED: 3, PARENT: 4, NAMES: 5 } as const;

export const NAME_BYTES = 128;
/** Bytes of text in a name. */
export const NAME_TEXT_BYTES: number = NAME_BYTES - 8;
/** Entries that 16 bits can name. */
export const NAMES_MAX = 65_536;
