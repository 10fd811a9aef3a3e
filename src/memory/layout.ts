/**
 * Where things are inside an arena: the only place that knows these offsets.
 *
 * Header, at offset 0 (so that 0 is never an allocation):
 *
 * | word | offset | unit  | what                        | writer          | readers          |
 * |------|--------|-------|-----------------------------|-----------------|------------------|
 * | 0    | 0      | -     | magic `RNDA`                | creator, once   | attaching thread |
 * | 1    | 4      | -     | version of this layout      | creator, once   | attaching thread |
 * | 2    | 8      | pages | size of the arena           | creator, once   | all              |
 * | 3    | 12     | bits  | flags (1 = debug)           | creator, once   | attaching thread |
 * | 4    | 16     | bytes | offset of the directory     | creator, once   | observers        |
 * | 5    | 20     | count | entries of the directory    | creator, once   | observers        |
 * | 6, 7 | 24     | -     | id: random                  | creator, once   | adopting thread  |
 * | 32   | 128    | pages | top: first page never taken | allocators, CAS | allocators       |
 *
 * Directory, at offset 4096: 1024 entries of 128 bytes, each:
 *
 * | word | offset | unit  | what                                   | writer          |
 * |------|--------|-------|----------------------------------------|-----------------|
 * | 0    | 0      | -     | state (2 bits) and generation (30)     | CAS, see below  |
 * | 1    | 4      | page  | first page of the extent               | claimant        |
 * | 2    | 8      | pages | length of the extent                   | claimant        |
 * | 3    | 12     | 0, 1  | 1 when every byte of the extent is 0   | claimant        |
 * | 4    | 16     | bytes | offset of the region, inside the extent| claimant        |
 * | 5    | 20     | bytes | size asked for                         | claimant        |
 * | 6    | 24     | bytes | in use, as its owner reports           | region's owner  |
 * | 7    | 28     | -     | id of the thread that allocated        | claimant        |
 * | 8    | 32     | UTF-8 | name, 48 bytes, zero-padded            | claimant        |
 * | 20   | 80     | UTF-8 | owner, 32 bytes, zero-padded           | claimant        |
 * | 28   | 112    | UTF-8 | kind, 16 bytes, zero-padded            | claimant        |
 *
 * Readers of an entry are all threads; `directory.ts` says how they read it whole.
 */
import { assert } from '../base/index.ts';

/** `RNDA`, little-endian. */
export const MAGIC = 0x41444e52;
/** Changes whenever a table above does. */
export const VERSION = 2;

/** The unit in which extents are taken: the page of every platform that Rondo runs on natively. */
export const PAGE_BYTES = 4096;
/** The page of WebAssembly, hence the unit of an arena's size. */
export const WASM_PAGE_BYTES = 65536;

/** Word indices of the header. */
export const Header = {
  MAGIC: 0,
  VERSION: 1,
  PAGES: 2,
  FLAGS: 3,
  DIRECTORY: 4,
  ENTRIES: 5,
  ID: 6,
  ID_HIGH: 7,
  /** On its own 128-byte line: the only header word written after creation. */
  TOP: 32,
} as const;

/** Bit of `Header.FLAGS`: poison what is freed and check leases. */
export const FLAG_DEBUG = 1;

/** Offset of the directory in bytes. */
export const DIRECTORY_OFFSET = 4096;
/** Regions that can exist at once, released extents included. */
export const DIRECTORY_ENTRIES = 1024;
/** Words of one entry. */
export const ENTRY_WORDS = 32;
/** The first page that can be allocated. */
export const FIRST_PAGE: number =
  (DIRECTORY_OFFSET + DIRECTORY_ENTRIES * ENTRY_WORDS * 4) / PAGE_BYTES;

/** Word indices inside an entry. */
export const Entry = {
  STATE: 0,
  FIRST: 1,
  PAGES: 2,
  CLEAN: 3,
  OFFSET: 4,
  SIZE: 5,
  USED: 6,
  THREAD: 7,
} as const;

/** Byte offsets and lengths of an entry's texts. */
export const EntryText = {
  NAME: 32,
  NAME_BYTES: 48,
  OWNER: 80,
  OWNER_BYTES: 32,
  KIND: 112,
  KIND_BYTES: 16,
} as const;

/** The states of an entry: the low two bits of its state word. */
export const State = {
  /** Describes nothing. */
  FREE: 0,
  /** One thread is changing it; nobody else writes or trusts the rest of the entry. */
  CLAIMED: 1,
  /** A region. */
  LIVE: 2,
  /** An extent that nobody uses and anybody may claim. */
  RELEASED: 3,
} as const;

/** Mask of the state in the state word; the rest is the generation. */
export const STATE_MASK = 3;
/** Added to the state word at every transition: one generation. */
export const GENERATION = 4;

/** What freed memory is filled with under `debug`. */
export const POISON = 0xde;

assert(Number.isInteger(FIRST_PAGE), 'the directory ends on a page');
assert(EntryText.KIND + EntryText.KIND_BYTES === ENTRY_WORDS * 4, 'texts fill the entry');
assert(EntryText.NAME + EntryText.NAME_BYTES === EntryText.OWNER, 'owner follows name');
assert(EntryText.OWNER + EntryText.OWNER_BYTES === EntryText.KIND, 'kind follows owner');
