/**
 * The clients' memory for messages: blocks of a slab, further slabs when one is not enough, and
 * regions of their own for messages that fit into none. So a thread of few clients with small
 * messages costs the arena little, and the arena's size is the only limit.
 */
import { RondoError } from '../../base/index.ts';
import { Blocks, type Arena, type Region } from '../../memory/index.ts';
import type { BlockSource } from '../codec/index.ts';

const KIB = 1024;
const SLAB_BYTES = 8 * KIB * KIB;
const BLOCK_BYTES_MIN = KIB;
const BLOCK_BYTES_MAX = KIB * KIB;

/** See the head of this file. */
export class ClientMemory implements BlockSource {
  readonly #arena: Arena;
  readonly #owner: string;
  /** The first stays, others go when nothing is held of them. */
  readonly #slabs: Blocks[] = [];
  readonly #regions: Map<number, Region> = new Map();

  /** @throws {RondoError} ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS */
  constructor(arena: Arena, owner: string) {
    this.#arena = arena;
    this.#owner = owner;
    this.#slabs.push(this.#makeSlab());
  }

  /** For what must go on: 0 only when the arena is full. */
  acquire(size: number): number {
    try {
      return size > BLOCK_BYTES_MAX ? this.#allocate(size) : this.#acquireBlock(size);
    } catch (error) {
      if (error instanceof RondoError) return 0;
      throw error;
    }
  }

  /** For what can wait: 0 while a good part of the first slab is held. */
  acquireSpare(size: number): number {
    const first = this.#slabs[0]!;
    return first.held < SLAB_BYTES / 2 ? first.acquire(size) : 0;
  }

  release(offset: number): void {
    const region = this.#regions.get(offset);
    if (region !== undefined) {
      this.#regions.delete(offset);
      region.release();
      return;
    }
    const slab = this.#slabOf(offset);
    slab.release(offset);
    if (slab.held > 0 || slab === this.#slabs[0]) return;
    this.#slabs.splice(this.#slabs.indexOf(slab), 1);
    slab.destroy();
  }

  sizeOf(offset: number): number {
    return this.#regions.get(offset)?.size ?? this.#slabOf(offset).sizeOf(offset);
  }

  /** Gives everything back; nothing may be held. @throws {TypeError} ERR_SLAB_HELD */
  destroy(): void {
    for (const slab of this.#slabs) slab.destroy();
  }

  #acquireBlock(size: number): number {
    for (const slab of this.#slabs) {
      const offset = slab.acquire(size);
      if (offset !== 0) return offset;
    }
    const slab = this.#makeSlab();
    this.#slabs.push(slab);
    return slab.acquire(size);
  }

  #allocate(size: number): number {
    const region = this.#arena.allocate('message', size, { owner: this.#owner });
    this.#regions.set(region.offset, region);
    return region.offset;
  }

  #makeSlab(): Blocks {
    return Blocks.create(this.#arena, {
      name: 'messages',
      owner: this.#owner,
      size: SLAB_BYTES,
      minBlock: BLOCK_BYTES_MIN,
      maxBlock: BLOCK_BYTES_MAX,
    });
  }

  #slabOf(offset: number): Blocks {
    return this.#slabs.find(({ region }) => {
      return offset >= region.offset && offset < region.offset + region.size;
    })!;
  }
}
