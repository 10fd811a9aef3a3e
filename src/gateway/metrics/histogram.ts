/**
 * A histogram in shared memory, written by one thread with plain stores and read by any. Its
 * buckets are log-linear: each octave (2^n, 2^(n+1)] is divided into equal parts, so that a bucket
 * is nowhere wider than `1 / parts` of its values. Each holds its upper bound and not its lower one, as `le`
 * of Prometheus wants it. As with counters, a reader sees each value whole, and all of them
 * together of slightly different moments.
 *
 * The region: word 0 magic `RNDH`, word 1 the number of buckets, word 2 the lowest exponent (signed),
 * word 3 the highest, word 4 the logarithm of the parts. At 128 bytes the values, doubles: the sum
 * of what was recorded, then the counts of the buckets.
 */
import { loadAcquire, storeRelease } from '#atomics';
import { assert, misuse } from '../../base/index.ts';
import type { Arena, Region } from '../../memory/index.ts';

const MAGIC = 0x48444e52;
const KIND = 'histogram';
const VALUES_OFFSET = 128;

/** A double has 52 bits of mantissa, of which the upper 20 are in its upper half. */
const MANTISSA_BITS = 20;
const EXPONENT_BIAS = 1023;

/** The bits of a value. The upper half is the second, as the byte order of the arena is little. */
const scratch: Float64Array = new Float64Array(1);
const halves: Int32Array = new Int32Array(scratch.buffer);

/** Which values a histogram tells apart. */
export interface HistogramScale {
  /** The first bucket holds values from 0 to 2^lowest; -1022 to 1022. */
  readonly lowest: number;
  /** The last bucket holds values above 2^highest; above `lowest`. */
  readonly highest: number;
  /** Buckets of each octave between: 2^partBits; 0 to 6. */
  readonly partBits: number;
}

/** What a histogram held at a moment. */
export interface HistogramSnapshot {
  /** How many values were recorded. */
  readonly count: number;
  readonly sum: number;
  /** The upper bound of each bucket, which it includes; the last is Infinity. */
  readonly bounds: readonly number[];
  /** How many values fell into each bucket. */
  readonly counts: readonly number[];
  /** Buckets of each octave: `bounds[i]` is a power of two where `i` is a multiple of them. */
  readonly parts: number;
}

/** See the head of this file. */
export class Histogram {
  readonly #region: Region;
  readonly #doubles: Float64Array;
  /** Index of the sum; the counts follow. */
  readonly #base: number;
  readonly #scale: HistogramScale;
  readonly #last: number;
  readonly #shift: number;
  readonly #first: number;
  #final: HistogramSnapshot | undefined;

  private constructor(arena: Arena, region: Region, scale: HistogramScale) {
    this.#region = region;
    this.#doubles = arena.doubles;
    this.#base = (region.offset + VALUES_OFFSET) / 8;
    this.#scale = scale;
    this.#last = bucketsOf(scale) - 1;
    this.#shift = MANTISSA_BITS - scale.partBits;
    this.#first = ((EXPONENT_BIAS + scale.lowest) << scale.partBits) - 1;
  }

  /** @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS */
  static create(arena: Arena, name: string, owner: string, scale: HistogramScale): Histogram {
    const { lowest, highest, partBits } = scale;
    assert(lowest >= -1022 && lowest < highest && highest <= 1022, 'a histogram has octaves');
    assert(partBits >= 0 && partBits <= 6, 'an octave has 1 to 64 parts');
    const buckets = bucketsOf(scale);
    const size = VALUES_OFFSET + (1 + buckets) * 8;
    const region = arena.allocate(name, size, { owner, kind: KIND, alignment: 128 });
    const word = region.offset / 4;
    arena.words.set([buckets, lowest, highest, partBits], word + 1);
    // Publishes the words above; partner: the load in attach().
    storeRelease(arena.words, word, MAGIC);
    region.used = size;
    return new Histogram(arena, region, { lowest, highest, partBits });
  }

  /**
   * A histogram that another thread made, to be read here.
   * @throws {TypeError} ERR_REGION_RELEASED, ERR_REGION_KIND
   */
  static attach(arena: Arena, regionOffset: number): Histogram {
    const region = arena.regionAt(regionOffset);
    const word = region.offset / 4;
    if (region.kind !== KIND || loadAcquire(arena.words, word) !== MAGIC) {
      throw misuse(
        'ERR_REGION_KIND',
        `Cannot attach a histogram to region "${region.name}": its kind is "${region.kind}"`,
      );
    }
    const [buckets, lowest, highest, partBits] = arena.words.subarray(word + 1, word + 5);
    const scale = { lowest: lowest!, highest: highest!, partBits: partBits! };
    assert(bucketsOf(scale) === buckets, 'a histogram has the buckets of its scale');
    return new Histogram(arena, region, scale);
  }

  /** Where it is: what `attach` takes on another thread. */
  get offset(): number {
    return this.#region.offset;
  }

  /** Counts a value. Negative ones, NaN and Infinity are left out. */
  record(value: number): void {
    if (!(value >= 0 && value < Infinity) || this.#final !== undefined) return;
    scratch[0] = value + 0; // -0 becomes 0.
    // The number before this one in the order of doubles: a bound falls into the bucket below it.
    const upper = halves[1]! - (halves[0] === 0 ? 1 : 0);
    let bucket = (upper >> this.#shift) - this.#first;
    if (bucket < 0) bucket = 0;
    else if (bucket > this.#last) bucket = this.#last;
    this.#doubles[this.#base]! += value;
    this.#doubles[this.#base + 1 + bucket]! += 1;
  }

  /** What it holds now; after `release`, what it held then. */
  snapshot(): HistogramSnapshot {
    if (this.#final !== undefined) return this.#final;
    const from = this.#base + 1;
    const counts = [...this.#doubles.subarray(from, from + this.#last + 1)];
    const parts = 1 << this.#scale.partBits;
    const bounds = counts.map((_, bucket) => {
      if (bucket === this.#last) return Infinity;
      const octave = Math.floor(bucket / parts);
      return 2 ** (this.#scale.lowest + octave) * (1 + (bucket % parts) / parts);
    });
    const count = counts.reduce((sum, each) => sum + each, 0);
    return { count, sum: this.#doubles[this.#base]!, bounds, counts, parts };
  }

  /** Gives the memory back; the last values stay readable, what comes later is not counted. */
  release(): void {
    if (this.#final !== undefined) return;
    this.#final = Object.freeze(this.snapshot());
    this.#region.release();
  }
}

/** The octaves' buckets, one below them and one above. */
function bucketsOf({ lowest, highest, partBits }: HistogramScale): number {
  return ((highest - lowest) << partBits) + 2;
}
