/** Which slab references a message has. */
import type { StructType } from '../memory/index.ts';
import type { PieceField } from './lanes/inbox.ts';

/** The slab fields of a struct, as the ring looks at them. */
export function piecesOf(type: StructType<unknown, string>): PieceField[] {
  return type.fields
    .filter((field) => field.type.kind === 'slab')
    .map((field) => ({
      offset: field.offset,
      presence: field.presence < 0 ? -1 : type.presenceOffset,
      bit: Math.max(0, field.presence),
    }));
}

/**
 * Whether all references of the message at `offset` stay inside a slab of `slabBytes`, and are no
 * more than that together.
 */
export function piecesInside(
  unsigned: Uint32Array,
  offset: number,
  pieces: readonly PieceField[],
  slabBytes: number,
): boolean {
  let total = 0;
  for (const piece of pieces) {
    const isThere =
      piece.presence < 0 || (unsigned[(offset + piece.presence) >>> 2]! & (1 << piece.bit)) !== 0;
    if (!isThere) continue;
    const at = (offset + piece.offset) >>> 2;
    const length = unsigned[at + 1]!;
    const start = (unsigned[at]! & (slabBytes - 1)) >>> 0;
    if (length > 0 && start + length > slabBytes) return false;
    total += length;
  }
  return total <= slabBytes;
}
