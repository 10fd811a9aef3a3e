/**
 * The arena: one shared linear memory for everything hot in the process.
 *
 * It is a shared `WebAssembly.Memory` with initial = maximum. Such a memory never grows, so views
 * never go stale, and pages that were never touched cost nothing. `layout.ts` has its tables,
 * `directory.ts` the rules by which threads share it.
 *
 * A region's memory is zeroed when it is handed out: by never having been touched, by the page
 * releaser when there is one, or by filling it. Releasing is the owner's word that nobody writes to
 * it any more, the kernel included.
 */
import { threadId } from 'node:worker_threads';
import { sanitizer } from '#sanitizer';
import {
  booleanOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
  RondoError,
  secureKey,
  stringOption,
} from '../base/index.ts';
import { nativeStatus } from '../native/index.ts';
import { Directory, NO_ENTRY, NO_PAGES } from './directory.ts';
import {
  Entry,
  ENTRY_WORDS,
  EntryText,
  FIRST_PAGE,
  FLAG_DEBUG,
  Header,
  MAGIC,
  PAGE_BYTES,
  POISON,
  State,
  STATE_MASK,
  VERSION,
  WASM_PAGE_BYTES,
} from './layout.ts';
import { Region, type RegionInfo } from './region.ts';
import type { Taken } from './sanitizer/contract.ts';
import { readField, writeField } from './text.ts';
import { WasmMemory } from './wasm.ts';

const MIB = 1024 * 1024;
const ARENA_BYTES_MIN = MIB;
/** All that 32-bit offsets and WebAssembly can address. */
const ARENA_BYTES_MAX = 4096 * MIB;
const ARENA_BYTES_DEFAULT = 256 * MIB;
const ALIGNMENT_DEFAULT = 128;
/** How many holders the message of ERR_ARENA_EXHAUSTED names. */
const HOLDERS_NAMED = 8;

/** How an arena is made. */
export interface ArenaOptions {
  /**
   * Bytes, a multiple of 64 KiB, 1 MiB to 4 GiB. Only pages that are used cost memory.
   * @default 256 MiB
   */
  readonly size?: number;
  /** Poison freed memory and check for writes into it. For all threads; slow. @default false */
  readonly debug?: boolean;
}

interface ResolvedArenaOptions {
  readonly size: number;
  readonly debug: boolean;
}

/** How a region is allocated. */
export interface RegionOptions {
  /** The part of the program it is for; up to 32 bytes of UTF-8 are kept. @default '' */
  readonly owner?: string;
  /** Of its offset: bytes, a power of two, 1 to 64 KiB. @default 128 */
  readonly alignment?: number;
  /** What is inside; up to 16 bytes of UTF-8 are kept. @default 'plain' */
  readonly kind?: string;
}

/** How full an arena is, in bytes. */
export interface ArenaUsage {
  readonly size: number;
  /** In regions, rounded up to pages. */
  readonly held: number;
  /** In the arena's own tables. */
  readonly tables: number;
  /** At most this much is in claims: see `RegionInfo.state`. */
  readonly claimed: number;
  /** The largest region that could be allocated now. */
  readonly largest: number;
}

/**
 * Gives physical pages back to the system: both arguments are multiples of 4096. Returns whether
 * the range now reads as zeros.
 */
export type PageReleaser = (offset: number, length: number) => boolean;

function resolveArenaOptions(options: ArenaOptions): ResolvedArenaOptions {
  rejectUnknown('Arena.create', options, ['size', 'debug']);
  const size = integerOption(
    'size',
    options.size,
    ARENA_BYTES_DEFAULT,
    ARENA_BYTES_MIN,
    ARENA_BYTES_MAX,
  );
  if (size % WASM_PAGE_BYTES !== 0) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use size: it must be a multiple of ${WASM_PAGE_BYTES}, got ${size}`,
    );
  }
  return Object.freeze({ size, debug: booleanOption('debug', options.debug, false) });
}

function resolveRegionOptions(options: RegionOptions): Required<RegionOptions> {
  rejectUnknown('Arena.allocate', options, ['owner', 'alignment', 'kind']);
  const alignment = integerOption(
    'alignment',
    options.alignment,
    ALIGNMENT_DEFAULT,
    1,
    WASM_PAGE_BYTES,
  );
  if ((alignment & (alignment - 1)) !== 0) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use alignment: it must be a power of two, got ${alignment}`,
    );
  }
  return {
    owner: stringOption('owner', options.owner, ''),
    alignment,
    kind: stringOption('kind', options.kind, 'plain'),
  };
}

/** A region as the sanitizer knows it; other threads may take what this one gave back. */
function regionTaken(arena: Arena, { name, offset, size: length }: Region): Taken {
  const isFree = (): boolean =>
    !arena.regions().some((now) => now.offset < offset + length && offset < now.offset + now.size);
  return { offset, length, what: `region "${name}"`, isFree };
}

/** See the head of this file. Every thread has its own `Arena` object over the one memory. */
export class Arena {
  /** What to hand to another thread, which calls `Arena.attach` or `adoptArena`. */
  readonly memory: WasmMemory;
  /** The whole memory as bytes. */
  readonly bytes: Uint8Array;
  /** The whole memory as 16-bit words; index = offset / 2. */
  readonly halves: Uint16Array;
  /** The whole memory as signed words; index = offset / 4. */
  readonly words: Int32Array;
  /** The whole memory as unsigned words; index = offset / 4. */
  readonly unsigned: Uint32Array;
  /** The whole memory as doubles; index = offset / 8. */
  readonly doubles: Float64Array;
  /** Bytes. */
  readonly size: number;
  /** Whether freed memory is poisoned and checked; the same on every thread. */
  readonly debug: boolean;
  readonly #directory: Directory;
  #releasePages: PageReleaser | undefined;

  private constructor(memory: WasmMemory) {
    const { buffer } = memory;
    this.memory = memory;
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
    this.unsigned = new Uint32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.size = buffer.byteLength;
    this.debug = (this.words[Header.FLAGS]! & FLAG_DEBUG) !== 0;
    this.#directory = new Directory(this.words);
  }

  /**
   * A new arena.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_ARENA_EXHAUSTED when the system has not that much address space
   */
  static create(options: ArenaOptions = {}): Arena {
    const { size, debug } = resolveArenaOptions(options);
    const pages = size / WASM_PAGE_BYTES;
    let memory: WasmMemory;
    try {
      memory = new WasmMemory({ initial: pages, maximum: pages, shared: true });
    } catch (cause) {
      throw new RondoError(
        'ERR_ARENA_EXHAUSTED',
        `Cannot create an arena of ${size} bytes: the system refuses that much address space`,
        { cause },
      );
    }
    const words = new Int32Array(memory.buffer);
    words[Header.VERSION] = VERSION;
    words[Header.PAGES] = size / PAGE_BYTES;
    words[Header.FLAGS] = debug ? FLAG_DEBUG : 0;
    words[Header.ID] = secureKey();
    words[Header.ID_HIGH] = secureKey();
    Directory.format(words);
    // Last, so that a memory with the magic word is complete. Handing it over publishes all of it.
    words[Header.MAGIC] = MAGIC;
    return new Arena(memory);
  }

  /**
   * The arena that another thread made.
   * @throws {TypeError} ERR_ARENA_FOREIGN when the memory is no arena, or of another version
   */
  static attach(memory: WasmMemory): Arena {
    if (!(memory instanceof WasmMemory)) {
      throw misuse('ERR_ARENA_FOREIGN', 'Cannot attach to an arena: not a WebAssembly.Memory');
    }
    if (!(memory.buffer instanceof SharedArrayBuffer) || memory.buffer.byteLength < PAGE_BYTES) {
      throw misuse('ERR_ARENA_FOREIGN', 'Cannot attach to an arena: the memory is not shared');
    }
    const words = new Int32Array(memory.buffer);
    if (words[Header.MAGIC] !== MAGIC) {
      throw misuse('ERR_ARENA_FOREIGN', 'Cannot attach to an arena: the memory has no arena in it');
    }
    if (words[Header.VERSION] !== VERSION) {
      throw misuse(
        'ERR_ARENA_FOREIGN',
        `Cannot attach to an arena: its version must be ${VERSION}, got ${words[Header.VERSION]}`,
      );
    }
    if (words[Header.PAGES]! * PAGE_BYTES !== memory.buffer.byteLength) {
      throw misuse(
        'ERR_ARENA_FOREIGN',
        `Cannot attach to an arena: its header says ${words[Header.PAGES]} pages, ` +
          `the memory has ${memory.buffer.byteLength} bytes`,
      );
    }
    return new Arena(memory);
  }

  /**
   * Whether it is this arena that lies in a memory. Each message between threads brings another
   * object for the same memory, and another for its buffer.
   */
  isIn(memory: WasmMemory): boolean {
    if (memory.buffer === this.memory.buffer) return true;
    const other = Arena.attach(memory).words;
    return (
      other[Header.ID] === this.words[Header.ID] &&
      other[Header.ID_HIGH] === this.words[Header.ID_HIGH]
    );
  }

  /**
   * A region of `size` bytes, all zero, 1 to the arena's size. Lock-free; any thread. Takes whole
   * pages of 4096 bytes, so use a slab, blocks or a bump region inside for what is small. Of the
   * name, up to 48 bytes of UTF-8 are kept.
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   */
  allocate(name: string, size: number, options: RegionOptions = {}): Region {
    const { owner, alignment, kind } = resolveRegionOptions(options);
    stringOption('name', name, '');
    integerOption('size', size, 0, 1, ARENA_BYTES_MAX);
    const alignmentPages = Math.max(1, alignment / PAGE_BYTES);
    const pages = Math.ceil(size / PAGE_BYTES);
    const entry = this.#directory.take(pages, alignmentPages);
    if (entry === NO_PAGES) throw this.#exhausted(name, size);
    if (entry === NO_ENTRY) throw this.#tableFull(name);
    const { bytes, words, unsigned } = this;
    const first = words[entry + Entry.FIRST]!;
    const offset = Math.ceil(first / alignmentPages) * alignmentPages * PAGE_BYTES;
    unsigned[entry + Entry.OFFSET] = offset;
    unsigned[entry + Entry.SIZE] = size;
    unsigned[entry + Entry.USED] = 0;
    words[entry + Entry.THREAD] = threadId;
    writeField(bytes, entry * 4 + EntryText.NAME, EntryText.NAME_BYTES, name);
    writeField(bytes, entry * 4 + EntryText.OWNER, EntryText.OWNER_BYTES, owner);
    writeField(bytes, entry * 4 + EntryText.KIND, EntryText.KIND_BYTES, kind);
    if (words[entry + Entry.CLEAN] === 0) bytes.fill(0, offset, offset + pages * PAGE_BYTES);
    const word = this.#directory.settle(entry, State.LIVE);
    const region = new Region({ arena: this, entry, word, name, owner, kind, offset, size });
    sanitizer?.taken(this.memory.buffer, regionTaken(this, region));
    return region;
  }

  /**
   * The region that begins at `offset`, for a thread that was told the offset.
   * @throws {TypeError} ERR_REGION_RELEASED when no region begins there
   */
  regionAt(offset: number): Region {
    let found: Region | undefined;
    this.#directory.each((entry, word) => {
      if ((word & STATE_MASK) !== State.LIVE) return;
      if (this.unsigned[entry + Entry.OFFSET] !== offset) return;
      const info = this.#read(entry, word);
      if (info?.offset === offset) found = new Region({ arena: this, entry, word, ...info });
    });
    if (found) {
      sanitizer?.taken(this.memory.buffer, regionTaken(this, found));
      return found;
    }
    throw misuse(
      'ERR_REGION_RELEASED',
      `Cannot find a region at offset ${offset}: none begins there`,
    );
  }

  /** Every region, of all threads, in the order of memory, as it is now. */
  regions(): RegionInfo[] {
    const found: RegionInfo[] = [];
    this.#directory.each((entry, word) => {
      const state = word & STATE_MASK;
      if (state !== State.LIVE && state !== State.CLAIMED) return;
      const info = this.#read(entry, word);
      if (info) found.push(info);
    });
    return found.sort((a, b) => a.offset - b.offset);
  }

  /**
   * Releases what a thread that has ended left behind, and returns how many regions that were.
   * Call it after the worker's `exit` event with the `threadId` it had: an `exit` means that the
   * kernel has let go of its memory too. Never for a thread that may still run.
   */
  releaseThread(thread: number): number {
    let released = 0;
    this.#directory.each((entry, word) => {
      if ((word & STATE_MASK) !== State.LIVE || this.words[entry + Entry.THREAD] !== thread) return;
      if (this.releaseEntry(entry, word)) released += 1;
    });
    return released;
  }

  /** How full it is. */
  usage(): ArenaUsage {
    const directory = this.#directory;
    let held = 0;
    let claimed = 0;
    directory.each((entry, word) => {
      const pages = this.words[entry + Entry.PAGES]!;
      if ((word & STATE_MASK) === State.LIVE) held += pages;
      if ((word & STATE_MASK) === State.CLAIMED) claimed += pages;
    });
    return {
      size: this.size,
      held: held * PAGE_BYTES,
      tables: FIRST_PAGE * PAGE_BYTES,
      claimed: claimed * PAGE_BYTES,
      largest: this.#largest() * PAGE_BYTES,
    };
  }

  /** Lets this thread give physical pages of released regions back. @internal */
  setPageReleaser(release: PageReleaser | undefined): void {
    this.#releasePages = release;
  }

  /** Releases the region that `word` stands for; false when it is gone. @internal */
  releaseEntry(entry: number, word: number): boolean {
    if (!this.#directory.claim(entry, word)) return false;
    const { bytes, words } = this;
    const start = this.unsigned[entry + Entry.OFFSET]!;
    sanitizer?.givenBack(this.memory.buffer, start, { fills: false });
    const offset = words[entry + Entry.FIRST]! * PAGE_BYTES;
    const length = words[entry + Entry.PAGES]! * PAGE_BYTES;
    words[entry + Entry.CLEAN] = 0;
    if (this.#isWindow(entry) && !this.#unmap(offset, length)) {
      // Somebody else's pages must not become anybody's region: the extent stays claimed.
      return true;
    }
    if (this.debug) bytes.fill(POISON, offset, offset + length);
    else if (this.#releasePages?.(offset, length)) words[entry + Entry.CLEAN] = 1;
    this.#directory.settle(entry, State.RELEASED);
    return true;
  }

  #isWindow(entry: number): boolean {
    const info = this.unsigned.slice(entry, entry + ENTRY_WORDS);
    return (
      readField(new Uint8Array(info.buffer), EntryText.KIND, EntryText.KIND_BYTES) === 'window'
    );
  }

  /** Fresh pages over what was another segment. */
  #unmap(offset: number, length: number): boolean {
    const status = nativeStatus();
    if (!status.available) return false;
    status.native.attachArena(this.bytes);
    return status.native.mapAnonymous(offset, length) === 0;
  }

  /** A consistent reading of one entry, or undefined when it changed meanwhile. */
  #read(entry: number, word: number): RegionInfo | undefined {
    // Private copies: text must not be decoded in place (see text.ts).
    const words = this.unsigned.slice(entry, entry + ENTRY_WORDS);
    if (!this.#directory.unchanged(entry, word)) return undefined;
    const bytes = new Uint8Array(words.buffer);
    const live = (word & STATE_MASK) === State.LIVE;
    return {
      name: readField(bytes, EntryText.NAME, EntryText.NAME_BYTES),
      owner: readField(bytes, EntryText.OWNER, EntryText.OWNER_BYTES),
      kind: readField(bytes, EntryText.KIND, EntryText.KIND_BYTES),
      offset: live ? words[Entry.OFFSET]! : words[Entry.FIRST]! * PAGE_BYTES,
      size: live ? words[Entry.SIZE]! : words[Entry.PAGES]! * PAGE_BYTES,
      used: live ? words[Entry.USED]! : 0,
      thread: words[Entry.THREAD]!,
      state: live ? 'live' : 'claimed',
    };
  }

  /** Pages of the largest extent that could be taken, joining what is free side by side. */
  #largest(): number {
    const untouched = this.#directory.untouched;
    const top = this.#directory.pages - untouched;
    let largest = untouched;
    let run = 0;
    let end = 0;
    for (const { first, pages } of this.#directory.released()) {
      run = first === end ? run + pages : pages;
      end = first + pages;
      largest = Math.max(largest, end === top ? run + untouched : run);
    }
    return largest;
  }

  #exhausted(name: string, size: number): RondoError {
    const largest = this.#largest() * PAGE_BYTES;
    return new RondoError(
      'ERR_ARENA_EXHAUSTED',
      `Cannot allocate ${size} bytes for region "${name}": the arena of ${this.size} bytes has ` +
        `at most ${largest} in one piece; held: ${this.#holders()}`,
    );
  }

  #tableFull(name: string): RondoError {
    return new RondoError(
      'ERR_ARENA_REGIONS',
      `Cannot allocate region "${name}": the table of regions is full; held: ${this.#holders()}`,
    );
  }

  #holders(): string {
    const regions = this.regions().sort((a, b) => b.size - a.size);
    const named = regions.slice(0, HOLDERS_NAMED).map((region) => {
      const owner = region.owner === '' ? '' : ` of ${region.owner}`;
      const claimed = region.state === 'claimed' ? ' (claimed)' : '';
      return `"${region.name}"${owner} ${region.size}${claimed}`;
    });
    const rest = regions.length - named.length;
    if (rest > 0) named.push(`${rest} more`);
    return named.length === 0 ? 'nothing' : named.join(', ');
  }
}
