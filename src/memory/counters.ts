/**
 * Named counters in shared memory: doubles that one thread writes with plain stores and any thread
 * reads. A double counts exactly to 2^53 (104 days of bytes at 1 GB/s) and rounds beyond. An
 * aligned one is written whole on every 64-bit machine: a reader sees an old value or a new one.
 *
 * The region: word 0 magic `RNDC`, word 1 the number of counters, word 2 the offset of the values
 * from the region's start in bytes, word 3 the bytes of the names, which follow at 16 as UTF-8
 * joined by line feeds. The values stand on 128-byte lines of their own, for the writer alone.
 */
import { loadAcquire, storeRelease } from '#atomics';
import { assert, misuse } from '../base/index.ts';
import type { Arena } from './arena.ts';
import type { Region } from './region.ts';
import { copyText } from './text.ts';

const MAGIC = 0x43444e52;
const KIND = 'counters';
const NAMES_OFFSET = 16;
const LINE_BYTES = 128;

/** A fixed list of counters. */
export class Counters<N extends string = string> {
  /** Their names, in order. */
  readonly names: readonly N[];
  /** The arena's doubles, for hot code of the writer; counter `i` is `doubles[base + i]`. */
  readonly doubles: Float64Array;
  /** Index of the first counter in `doubles`. */
  readonly base: number;
  readonly #region: Region;

  private constructor(arena: Arena, region: Region, names: readonly N[], valuesOffset: number) {
    this.names = names;
    this.doubles = arena.doubles;
    this.base = (region.offset + valuesOffset) / 8;
    this.#region = region;
  }

  /**
   * New counters, all 0. Names are not empty and have no line feed; there is at least one.
   * @throws {TypeError} ERR_OPTION_TYPE
   * @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
   */
  static create<const N extends string>(
    arena: Arena,
    name: string,
    owner: string,
    names: readonly N[],
  ): Counters<N> {
    for (const each of names) {
      if (typeof each === 'string' && each !== '' && !each.includes('\n')) continue;
      throw misuse(
        'ERR_OPTION_TYPE',
        `Cannot use counter name ${JSON.stringify(each)}: it must be text without line feeds`,
      );
    }
    if (names.length === 0 || new Set<string>(names).size !== names.length) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot use counter names: they must be some, and distinct');
    }
    const text = new TextEncoder().encode(names.join('\n'));
    const valuesOffset = Math.ceil((NAMES_OFFSET + text.length) / LINE_BYTES) * LINE_BYTES;
    const size = valuesOffset + Math.ceil((names.length * 8) / LINE_BYTES) * LINE_BYTES;
    const region = arena.allocate(name, size, { owner, kind: KIND, alignment: LINE_BYTES });
    const word = region.offset / 4;
    arena.bytes.set(text, region.offset + NAMES_OFFSET);
    arena.words[word + 1] = names.length;
    arena.words[word + 2] = valuesOffset;
    arena.words[word + 3] = text.length;
    // Publishes the words and names above; partner: the load in attach().
    storeRelease(arena.words, word, MAGIC);
    region.used = size;
    return new Counters(arena, region, [...names], valuesOffset);
  }

  /**
   * Counters that another thread made, to be read here.
   * @throws {TypeError} ERR_REGION_RELEASED, ERR_REGION_KIND
   */
  static attach(arena: Arena, regionOffset: number): Counters {
    const region = arena.regionAt(regionOffset);
    const word = region.offset / 4;
    if (region.kind !== KIND || loadAcquire(arena.words, word) !== MAGIC) {
      throw misuse(
        'ERR_REGION_KIND',
        `Cannot attach counters to region "${region.name}": its kind is "${region.kind}"`,
      );
    }
    const text = copyText(arena.bytes, region.offset + NAMES_OFFSET, arena.words[word + 3]!, false);
    const names = text.split('\n');
    assert(names.length === arena.words[word + 1], 'every counter has a name');
    return new Counters(arena, region, names, arena.words[word + 2]!);
  }

  /** Where they are: what `attach` takes on another thread. */
  get offset(): number {
    return this.#region.offset;
  }

  /** Index in `doubles` of a counter. */
  index(name: N): number {
    const at = this.names.indexOf(name);
    assert(at >= 0, `there is a counter "${name}"`);
    return this.base + at;
  }

  /** All values now. Each is true by itself; together they may be of slightly different moments. */
  snapshot(): Record<N, number> {
    const values = {} as Record<N, number>;
    for (let i = 0; i < this.names.length; i++) {
      values[this.names[i]!] = this.doubles[this.base + i]!;
    }
    return values;
  }

  /** Gives the memory back. @throws {TypeError} ERR_REGION_RELEASED */
  release(): void {
    this.#region.release();
  }
}
