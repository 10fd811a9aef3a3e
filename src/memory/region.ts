/** A region: a named extent of the arena, as its owner holds it. */
import { misuse } from '../base/index.ts';
import type { Arena } from './arena.ts';
import { Entry } from './layout.ts';

/** What the directory says about a region. */
export interface RegionInfo {
  readonly name: string;
  /** The part of the program that allocated it; '' when it did not say. */
  readonly owner: string;
  /** What is inside: 'plain', 'slab', 'blocks', 'window', 'counters', or the owner's own word. */
  readonly kind: string;
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Bytes asked for. */
  readonly size: number;
  /** Bytes in use, as its owner last reported. */
  readonly used: number;
  /** `threadId` of the thread that allocated it. */
  readonly thread: number;
  /** 'claimed' is an allocation or release in progress, or one whose thread was ended half-way. */
  readonly state: 'live' | 'claimed';
}

/** What a region is made from; not for users, who call `Arena.allocate`. @internal */
export interface RegionParts {
  readonly arena: Arena;
  readonly entry: number;
  /** The state word while this region lives: tells it from later ones in the same entry. */
  readonly word: number;
  readonly name: string;
  readonly owner: string;
  readonly kind: string;
  readonly offset: number;
  readonly size: number;
}

/** Memory of an arena with a name. Any thread may release it, once. */
export class Region {
  readonly name: string;
  readonly owner: string;
  readonly kind: string;
  /** Where it begins, in bytes from the arena's start; never 0. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly #arena: Arena;
  readonly #entry: number;
  readonly #word: number;

  /** @internal */
  constructor(parts: RegionParts) {
    this.#arena = parts.arena;
    this.#entry = parts.entry;
    this.#word = parts.word;
    this.name = parts.name;
    this.owner = parts.owner;
    this.kind = parts.kind;
    this.offset = parts.offset;
    this.size = parts.size;
  }

  /** Whether it was released, by whichever thread. */
  get released(): boolean {
    return this.#arena.words[this.#entry + Entry.STATE] !== this.#word;
  }

  /** Bytes in use, 0 to `size`, for observers. A plain store: one thread should report. */
  get used(): number {
    this.#assertLive('read');
    return this.#arena.unsigned[this.#entry + Entry.USED]!;
  }

  set used(bytes: number) {
    this.#assertLive('set');
    this.#arena.unsigned[this.#entry + Entry.USED] = bytes;
  }

  /**
   * Gives the memory back. Whoever still writes to it after that writes to somebody else's memory:
   * the owner must know that no thread and no kernel operation does.
   * @throws {TypeError} ERR_REGION_RELEASED when it was released before
   */
  release(): void {
    if (!this.#arena.releaseEntry(this.#entry, this.#word)) {
      throw misuse('ERR_REGION_RELEASED', `Cannot release region "${this.name}" twice`);
    }
  }

  #assertLive(action: string): void {
    if (!this.released) return;
    throw misuse(
      'ERR_REGION_RELEASED',
      `Cannot ${action} the use of region "${this.name}": it was released`,
    );
  }
}
