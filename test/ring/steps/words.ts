/** The words of a segment that these tests look at, from spec/ring.md and not from the library. */
import { loadAcquire, storeRelease } from '#atomics';
import type { SharedRings } from '../../../src/ring/index.ts';

/** Offsets of §2 and §5. */
const ENTRIES = 128;
const ENTRY_BYTES = 64;
const PARTICIPANTS = 4096;
const PARTICIPANT_BYTES = 128;
const PARTICIPANTS_COUNT = 64;
/** Offsets of §4. */
const LANE_OWNERS = 512;
const PLACE_OWNERS = 768;
const CONTROLS = 1024;
const LINE = 128;

/** Of a lane's control. */
export const LaneWord = { tail: 0, intent: 4, slabTail: 8, slabIntent: 12, state: 16 } as const;

/** One ring of a segment. Offsets are those of the file. */
export class Words {
  readonly lanes: number;
  readonly places: number;
  readonly slots: number;
  readonly cursors: number;
  readonly #words: Int32Array;
  readonly #first: number;
  /** Offset of the ring block. */
  readonly block: number;

  constructor({ memory, offset }: SharedRings, ring: number = 0) {
    this.#words = new Int32Array(memory.buffer);
    this.#first = offset;
    this.block = this.load(ENTRIES + ring * ENTRY_BYTES);
    this.lanes = this.load(this.block + 12);
    this.cursors = this.load(this.block + 16);
    this.places = this.load(this.block + 20);
    this.slots = this.load(this.block + 24);
  }

  load(offset: number): number {
    return loadAcquire(this.#words, (this.#first + offset) >>> 2) >>> 0;
  }

  store(offset: number, value: number): void {
    storeRelease(this.#words, (this.#first + offset) >>> 2, value | 0);
  }

  lane(lane: number, word: keyof typeof LaneWord): number {
    return this.block + CONTROLS + lane * LINE * (2 + this.cursors) + LaneWord[word];
  }

  head(lane: number, cursor: number): number {
    return this.lane(lane, 'tail') + LINE * (2 + cursor);
  }

  laneOwner(lane: number): number {
    return this.block + LANE_OWNERS + 4 * lane;
  }

  placeOwner(place: number): number {
    return this.block + PLACE_OWNERS + 4 * place;
  }

  /** Participants that are not free. */
  participants(): number {
    let count = 0;
    for (let index = 0; index < PARTICIPANTS_COUNT; index++) {
      if ((this.load(PARTICIPANTS + index * PARTICIPANT_BYTES) & 3) !== 0) count += 1;
    }
    return count;
  }

  /** Makes a ring that nobody has used begin at other positions than 0. */
  begin(position: number, slabPosition: number): void {
    for (let lane = 0; lane < this.lanes; lane++) {
      this.store(this.lane(lane, 'tail'), position);
      this.store(this.lane(lane, 'intent'), position);
      this.store(this.lane(lane, 'slabTail'), slabPosition);
      this.store(this.lane(lane, 'slabIntent'), slabPosition);
      for (let each = 0; each < this.cursors; each++) this.store(this.head(lane, each), position);
    }
  }
}
