/** Which fields of a struct in memory were never written. */
import { sizeOf } from '../struct/layout.ts';
import type { StructDescriptor, TypeDescriptor } from '../struct/types.ts';
import { firstUnwritten, isExactlyUnwritten } from './patterns.ts';
import type { Shadow } from './shadow.ts';

/** What was written through a cursor since its bytes were cleared. */
export class Written {
  readonly #ranges: { readonly from: number; readonly to: number }[] = [];

  add(offset: number, length: number): void {
    this.#ranges.push({ from: offset, to: offset + length });
  }

  covers(offset: number, length: number): boolean {
    return this.#ranges.some(({ from, to }) => from <= offset && offset + length <= to);
  }
}

/** A field that is no struct or array of others. */
export interface Leaf {
  readonly label: string;
  readonly offset: number;
  readonly size: number;
}

/**
 * Whether a leaf was never written. With `written`, its bytes must be the pattern's, and nothing
 * have been written through the cursor; without, whole words around it.
 */
export function isUnwritten(
  shadow: Shadow,
  offset: number,
  size: number,
  written: Written | undefined,
): boolean {
  if (written) return !written.covers(offset, size) && isExactlyUnwritten(shadow, offset, size);
  if (size > 8) return firstUnwritten(shadow, offset, size) >= 0;
  return shadow.isUnwritten(offset) && (size <= 4 || shadow.isUnwritten(offset + 4));
}

/** Marks all leaves of a type as never written. What is between them is zero: nobody writes it. */
export function clearLeaves(shadow: Shadow, type: TypeDescriptor, offset: number): void {
  if (type.kind === 'struct') {
    for (const field of type.fields) clearLeaves(shadow, field.type, offset + field.offset);
  } else if (type.kind === 'array') {
    const stride = sizeOf(type.element);
    for (let index = 0; index < type.length; index++) {
      clearLeaves(shadow, type.element, offset + index * stride);
    }
  } else {
    shadow.clear(offset, sizeOf(type));
  }
}

/** The first leaf of a struct at an offset that was never written. */
export function unwrittenLeaf(
  shadow: Shadow,
  type: TypeDescriptor,
  offset: number,
  label: string,
  written: Written | undefined,
): Leaf | undefined {
  if (type.kind === 'struct') return unwrittenField(shadow, type, offset, label, written);
  if (type.kind === 'array') {
    const stride = sizeOf(type.element);
    for (let index = 0; index < type.length; index++) {
      const at = offset + index * stride;
      const found = unwrittenLeaf(shadow, type.element, at, `${label}[${index}]`, written);
      if (found) return found;
    }
    return undefined;
  }
  const size = sizeOf(type);
  return isUnwritten(shadow, offset, size, written) ? { label, offset, size } : undefined;
}

function unwrittenField(
  shadow: Shadow,
  struct: StructDescriptor,
  offset: number,
  label: string,
  written: Written | undefined,
): Leaf | undefined {
  for (const { name, type, offset: at, presence } of struct.fields) {
    if (!isThere(shadow, offset + struct.presenceOffset, presence)) continue;
    const found = unwrittenLeaf(shadow, type, offset + at, `${label}.${name}`, written);
    if (found) return found;
  }
  return undefined;
}

/** Whether the presence word at `offset` says that a field is there; -1 is always. */
export function isThere({ u32 }: Shadow, offset: number, presence: number): boolean {
  return presence < 0 || (u32[offset >>> 2]! & (1 << presence)) !== 0;
}
