/** The methods of cursors, the same for all structs; `CursorMethods` describes them. */
import { misuse } from '../../base/index.ts';
import { rangeError } from './codec.ts';
import { show } from './limits.ts';
import { reserveIn, startOf, type SlabSide } from './slab-side.ts';
import type { StructDescriptor } from './types.ts';
import { View } from './view.ts';
import type { Views } from './views.ts';

/** Bytes that a loop copies or clears before a call is faster. */
const BY_HAND_BYTES_MAX = 256;

/** A slab field. */
interface Reference {
  readonly name: string;
  readonly label: string;
  readonly offset: number;
  /** The bit of the presence word, 0 when it is always there. */
  readonly mask: number;
}

/** The slab fields of a struct. @internal */
export function referencesOf(struct: StructDescriptor): Reference[] {
  return struct.fields
    .filter(({ type }) => type.kind === 'slab')
    .map(({ name, offset, presence }) => {
      const mask = presence < 0 ? 0 : 1 << presence;
      return { name, label: `${struct.name}.${name}`, offset, mask };
    });
}

/** What cursors of all structs have; see `CursorMethods`. @internal */
export class StructView extends View {
  $located: number;
  declare readonly $struct: StructDescriptor;
  declare readonly $references: readonly Reference[];
  declare readonly $views: Views;

  constructor(slab: SlabSide | undefined) {
    super(slab);
    this.$located = 0;
  }

  $clear(): void {
    const { size } = this.$struct;
    const { u8, f64 } = this.$views;
    const offset = this.$offset;
    if (size > BY_HAND_BYTES_MAX || ((size | offset) & 7) !== 0) {
      u8.fill(0, offset, offset + size);
      return;
    }
    const end = (offset + size) / 8;
    for (let index = offset / 8; index < end; index++) f64[index] = 0;
  }

  $copyTo(offset: number): void {
    const { size } = this.$struct;
    const from = this.$offset;
    const { u8, u32 } = this.$views;
    // Words only where both are; not doubles, which may change the bits of a NaN.
    if (size > BY_HAND_BYTES_MAX || ((size | offset | from) & 3) !== 0) {
      u8.copyWithin(offset, from, from + size);
      return;
    }
    const distance = (offset - from) / 4;
    const end = (from + size) / 4;
    for (let word = from / 4; word < end; word++) u32[word + distance] = u32[word]!;
  }

  $view(name: string): View | undefined {
    const type = this.$struct.fields.find((field) => field.name === name)?.type;
    if (type?.kind === 'struct' || type?.kind === 'flags' || type?.kind === 'array') {
      return (this as unknown as Record<string, View | undefined>)[name];
    }
    throw misuse(
      'ERR_STRUCT_KEY',
      `Cannot view ${show(name)} of ${this.$struct.name}: it is no struct, flags or array`,
    );
  }

  $locate(name: string): number {
    const { label, offset, mask } = this.#reference(name);
    const { u32 } = this.$views;
    this.$located = 0;
    if (mask !== 0 && (u32[this.#presenceWord()]! & mask) === 0) return -1;
    const word = (this.$offset + offset) >>> 2;
    const length = u32[word + 1]!;
    const start = startOf(u32[word]!, length, this.$slab, label);
    this.$located = length;
    return start;
  }

  $reserve(name: string, length: number): number {
    const { label, offset, mask } = this.#reference(name);
    if (!Number.isInteger(length) || length < 0) {
      throw rangeError(label, 'of a length that is an integer from 0', length);
    }
    const { u32 } = this.$views;
    const start = reserveIn(u32, this.$offset + offset, length, this.$slab, label);
    if (start >= 0 && mask !== 0) u32[this.#presenceWord()]! |= mask;
    return start;
  }

  #presenceWord(): number {
    return (this.$offset + this.$struct.presenceOffset) >>> 2;
  }

  #reference(name: string): Reference {
    // A loop is faster than a map for the few that structs have.
    for (const reference of this.$references) if (reference.name === name) return reference;
    throw misuse(
      'ERR_STRUCT_KEY',
      `Cannot use ${show(name)} of ${this.$struct.name}: it is no slab field`,
    );
  }
}
