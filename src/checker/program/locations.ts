/**
 * Numbers of locations: ranges of bytes of the memories that a test makes, and words of the
 * checker's own. The same range has the same number in every run of a test, and ranges never
 * overlap: an access that does not fit what was seen before splits it, and exploration starts anew
 * (`Resplit`).
 */
import { RondoError } from '../../base/index.ts';

/** Thrown inside the checker when ranges must be split: everything begins again. */
export class Resplit extends Error {}

/** A range of bytes of one memory. */
export interface Location {
  /** Which memory, in the order in which the test makes them; -1 for the checker's own words. */
  readonly memory: number;
  readonly offset: number;
  /** Bytes: 1, 2, 4 or 8. */
  readonly size: number;
  /** What reports call it. */
  readonly label: string;
}

/** Locations at most: a test is small. */
const LOCATIONS_MAX = 4096;

/** Makes what is thrown when everything begins again, and sees to it that nobody swallows that. */
export type BeginAnew = () => Resplit;

/** See the head of this file. */
export class Locations {
  readonly #anew: BeginAnew;
  readonly #all: Location[] = [];
  readonly #numbers = new Map<number, number>();
  readonly #hidden = new Map<string, number>();
  readonly #tearable = new Set<number>();
  readonly #whole = new Set<number>();
  /**
   * By memory: offsets at which ranges must end, because of an access that began or ended there.
   */
  readonly #cuts: Set<number>[] = [];
  /** By memory and byte: the location that has it. */
  readonly #owners = new Map<number, number>();

  constructor(anew: BeginAnew) {
    this.#anew = anew;
  }

  /** The location with a number. */
  at(number: number): Location {
    return this.#all[number]!;
  }

  get count(): number {
    return this.#all.length;
  }

  /** Memories and offsets at which ranges end. */
  get cuts(): [number, number][] {
    return this.#cuts.flatMap((offsets, memory) =>
      [...offsets].map((offset): [number, number] => [memory, offset]),
    );
  }

  /** Says that ranges end there. */
  cut(memory: number, offset: number): void {
    (this.#cuts[memory] ??= new Set()).add(offset);
  }

  /** Forgets all numbers, but not where ranges must be split. */
  reset(): void {
    this.#all.length = 0;
    this.#numbers.clear();
    this.#hidden.clear();
    this.#owners.clear();
    this.#tearable.clear();
    this.#whole.clear();
  }

  /** The number of the range, when it is not split; -1 when it is: see `pieces`. */
  of(memory: number, offset: number, size: number, label: string): number {
    const key = (memory * 0x1_0000_0000 + offset) * 16 + size;
    const known = this.#numbers.get(key);
    return known ?? this.#make(key, memory, offset, size, label);
  }

  /** Says that the specification lets accesses of a range tear, byte by byte. */
  markTearable(number: number): void {
    this.#tearable.add(number);
  }

  /** Says that an access must see a range as a whole. */
  markWhole(number: number): void {
    this.#whole.add(number);
  }

  /**
   * Makes each byte of a range a location of its own.
   * @throws {Resplit} when it was not before
   */
  split(memory: number, offset: number, size: number): void {
    const cuts = (this.#cuts[memory] ??= new Set());
    const before = cuts.size;
    for (let cut = offset; cut <= offset + size; cut++) cuts.add(cut);
    if (cuts.size > before) throw this.#anew();
  }

  /** Whether any accesses may. */
  get mayTearAny(): boolean {
    return this.#tearable.size > 0;
  }

  /** Whether accesses of a range may tear, if they race. */
  mayTear(number: number): boolean {
    const { memory, size } = this.#all[number]!;
    return this.#tearable.has(number) && memory >= 0 && size > 1;
  }

  /** Whether an access must see a range as a whole, so that it is not split. */
  isWhole(number: number): boolean {
    return this.#whole.has(number);
  }

  /**
   * Splits ranges into their bytes.
   * @throws {Resplit} always
   */
  tear(numbers: Iterable<number>): never {
    for (const number of numbers) {
      const { memory, offset, size } = this.#all[number]!;
      const cuts = (this.#cuts[memory] ??= new Set());
      for (let cut = offset + 1; cut < offset + size; cut++) cuts.add(cut);
    }
    throw this.#anew();
  }

  /** A word of the checker's own, by its name. */
  hidden(name: string): number {
    const known = this.#hidden.get(name);
    if (known !== undefined) return known;
    const number = this.#push({ memory: -1, offset: 0, size: 0, label: name });
    this.#hidden.set(name, number);
    return number;
  }

  /** The ranges of which a split one consists: offset and size, in order. */
  pieces(memory: number, offset: number, size: number): [number, number][] {
    const cuts = this.#cuts[memory];
    const pieces: [number, number][] = [];
    let start = offset;
    for (let end = offset + 1; end <= offset + size; end++) {
      if (end === offset + size || cuts?.has(end) === true) {
        pieces.push([start, end - start]);
        start = end;
      }
    }
    return pieces;
  }

  #make(key: number, memory: number, offset: number, size: number, label: string): number {
    const cuts = (this.#cuts[memory] ??= new Set());
    for (let cut = offset + 1; cut < offset + size; cut++) {
      if (cuts.has(cut)) {
        this.#numbers.set(key, -1);
        return -1;
      }
    }
    for (let byte = offset; byte < offset + size; byte++) {
      if (!this.#owners.has(memory * 0x1_0000_0000 + byte)) continue;
      // Another range has some of these bytes: both end where either does.
      for (const number of new Set(this.#numbers.values())) {
        const other = this.#all[number];
        if (other?.memory !== memory) continue;
        if (other.offset >= offset + size || offset >= other.offset + other.size) continue;
        for (const end of [offset, offset + size, other.offset, other.offset + other.size]) {
          cuts.add(end);
        }
      }
      throw this.#anew();
    }
    const number = this.#push({ memory, offset, size, label });
    for (let byte = offset; byte < offset + size; byte++) {
      this.#owners.set(memory * 0x1_0000_0000 + byte, number);
    }
    this.#numbers.set(key, number);
    return number;
  }

  #push(location: Location): number {
    if (this.#all.length >= LOCATIONS_MAX) {
      throw new RondoError(
        'ERR_CHECKER_SIZE',
        `Cannot check more than ${LOCATIONS_MAX} locations: make the test smaller`,
      );
    }
    this.#all.push(location);
    return this.#all.length - 1;
  }
}
