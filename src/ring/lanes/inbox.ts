/**
 * Memory of a consumer alone: copies of messages with their pieces, which no other process can
 * change. References in the copies are rewritten to where the pieces lie here. It is part of the
 * arena, so that cursors over copies are of the same class as cursors over slots.
 */
import type { Arena, Region } from '../../memory/index.ts';

/** A slab reference in a slot: its offset, and the presence bit that says whether it is there. */
export interface PieceField {
  readonly offset: number;
  /** Offset of the presence word, or -1 when the field is not optional. */
  readonly presence: number;
  /** Its bit there. */
  readonly bit: number;
}

/** Bytes for pieces, to begin with. */
const PIECES_FIRST = 4096;
const PIECE_ALIGNMENT = 8;

/** See the head of this file. */
export class Inbox {
  /** For each piece of each copy its slab position, for validation; NaN for an empty one. */
  readonly positions: number[] = [];
  /** Changes whenever the memory does: a message's pieces needed more. */
  grown = 0;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #stride: number;
  readonly #pieces: readonly PieceField[];
  readonly #slabBytes: number;
  readonly #slotBytes: number;
  #region: Region;
  #size: number;
  #used = 0;

  /** For `capacity` slots; `pieces` are the slab references in a slot. */
  constructor(
    arena: Arena,
    shape: { readonly stride: number; readonly slabBytes: number },
    pieces: readonly PieceField[],
    capacity: number,
  ) {
    this.#arena = arena;
    this.#words = arena.words;
    this.#stride = shape.stride;
    this.#pieces = pieces;
    this.#slabBytes = shape.slabBytes;
    this.#slotBytes = shape.stride * capacity;
    this.#size = pieces.length === 0 ? 0 : Math.min(shape.slabBytes, PIECES_FIRST);
    this.#region = this.#allocate(this.#size);
  }

  /** Arena offset of the memory for pieces. */
  get base(): number {
    return this.#region.offset + this.#slotBytes;
  }

  /** Bytes for pieces: 0, or a power of two. */
  get size(): number {
    return this.#size;
  }

  /** Arena offset of a copy. */
  slot(index: number): number {
    return this.#region.offset + index * this.#stride;
  }

  /** Gives the memory back. */
  release(): void {
    this.#region.release();
  }

  /** Forgets all copies. */
  clear(): void {
    this.#used = 0;
  }

  /**
   * Copies the slot at `offset` to `index`, and its pieces from the slab at `slab`, all of them arena
   * offsets but the index. Gives `copied`, `full` when the pieces have no room behind those of
   * earlier copies, or `lie` when a reference reaches outside the slab.
   */
  copy(index: number, offset: number, slab: number): 'copied' | 'full' | 'lie' {
    const words = this.#words;
    const from = offset >>> 2;
    const to = this.slot(index) >>> 2;
    const count = this.#stride >>> 2;
    for (let word = 0; word < count; word++) words[to + word] = words[from + word]!;
    return this.#pieces.length === 0 ? 'copied' : this.#copyPieces(index, slab);
  }

  #copyPieces(index: number, slab: number): 'copied' | 'full' | 'lie' {
    const words = this.#words;
    // Bounded before anything is copied; read from the copy, so that they stay bounded.
    let total = 0;
    const to = this.slot(index) >>> 2;
    for (const piece of this.#pieces) {
      const at = to + (piece.offset >>> 2);
      if (!this.#isThere(to, piece)) words[at + 1] = 0;
      const length = words[at + 1]! >>> 0;
      if (length === 0) continue;
      const start = (words[at]! & (this.#slabBytes - 1)) >>> 0;
      if (start + length > this.#slabBytes) return 'lie';
      total += aligned(length);
    }
    // The pieces of a message lie side by side: more than a slab of them cannot be.
    if (total > this.#slabBytes) return 'lie';
    if (this.#used + total > this.#size) {
      if (index > 0) return 'full';
      this.#grow(total);
    }
    for (const [field, piece] of this.#pieces.entries()) {
      this.#copyPiece(index * this.#pieces.length + field, this.slot(index) >>> 2, piece, slab);
    }
    return 'copied';
  }

  #isThere(to: number, piece: PieceField): boolean {
    if (piece.presence < 0) return true;
    return (this.#words[to + (piece.presence >>> 2)]! & (1 << piece.bit)) !== 0;
  }

  #copyPiece(entry: number, to: number, piece: PieceField, slab: number): void {
    const words = this.#words;
    const at = to + (piece.offset >>> 2);
    const length = words[at + 1]! >>> 0;
    this.positions[entry] = length === 0 ? NaN : words[at]!;
    if (length > 0) {
      const start = slab + ((words[at]! & (this.#slabBytes - 1)) >>> 0);
      this.#arena.bytes.copyWithin(this.base + this.#used, start, start + length);
    }
    words[at] = length === 0 ? 0 : this.#used;
    this.#used += aligned(length);
  }

  /** Makes room for the pieces of the first copy. Each is at most a slab. */
  #grow(needed: number): void {
    let size = this.#size;
    while (size < needed) size *= 2;
    const old = this.#region;
    this.#region = this.#allocate(size);
    this.#size = size;
    this.#arena.bytes.copyWithin(this.#region.offset, old.offset, old.offset + this.#slotBytes);
    old.release();
    this.grown += 1;
  }

  #allocate(size: number): Region {
    const bytes = this.#slotBytes + size;
    return this.#arena.allocate('ring inbox', bytes, { owner: 'ring' });
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / PIECE_ALIGNMENT) * PIECE_ALIGNMENT;
}
