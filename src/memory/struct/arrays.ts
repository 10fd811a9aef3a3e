/** Arrays of a fixed number of elements. */
import { outOfRange } from '../../base/index.ts';
import { rangeError, typeError, type Codec } from './codec.ts';
import { show } from './limits.ts';
import { childOf, define, View, type ViewClass } from './view.ts';

/** What an array consists of. */
export interface ElementLayout {
  readonly length: number;
  /** Bytes from one to the next. */
  readonly stride: number;
  readonly codec: Codec;
  /** Set when elements are read as views: structs and flags. */
  readonly view: ViewClass | undefined;
}

/** Views of arrays; methods that know the elements are on the classes made from it. */
export class ArrayView extends View {
  declare readonly length: number;
  declare readonly at: (index: number) => unknown;
  declare readonly set: (index: number, value: unknown) => void;

  *[Symbol.iterator](): Generator<unknown, void, undefined> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

/** The codec of `array(type, length)`, for plain arrays. */
export function arrayCodec(elements: ElementLayout, label: string): Codec {
  const { length, stride, codec } = elements;
  return {
    read: (offset, slab) => {
      const values: unknown[] = [];
      for (let i = 0; i < length; i++) values.push(codec.read(offset + i * stride, slab));
      return values;
    },
    write: (offset, value, slab) => {
      const isView = value instanceof ArrayView;
      if (!isView && !Array.isArray(value)) throw typeError(label, 'an array', value);
      const values = value as ArrayView | unknown[];
      if (values.length !== length) throw rangeError(label, `${length} elements`, values.length);
      for (let i = 0; i < length; i++) {
        codec.write(offset + i * stride, isView ? values.at(i) : (value as unknown[])[i], slab);
      }
    },
  };
}

/** The views of `array(type, length)`. */
export function arrayViewClass(
  elements: ElementLayout,
  codec: Codec,
  label: string,
): ViewClass<ArrayView> {
  const { length, stride, view } = elements;
  const { read, write } = elements.codec;
  class Elements extends ArrayView {}
  const { prototype } = Elements;
  define(prototype, '$codec', { value: codec });
  define(prototype, 'length', { value: length });
  define(prototype, 'at', {
    value(this: View, index: number): unknown {
      let i = index | 0;
      if (i !== index) i = Math.trunc(index) || 0;
      if (i < 0) i += length;
      if (i < 0 || i >= length) return undefined;
      const offset = this.$offset + i * stride;
      // One view for each element: those of a loop that are kept must not turn into the last.
      return view ? childOf(this, i, view, offset) : read(offset, this.$slab);
    },
  });
  define(prototype, 'set', {
    value(this: View, index: number, value: unknown) {
      if (!Number.isInteger(index) || index < 0 || index >= length) {
        throw outOfRange(
          'ERR_STRUCT_RANGE',
          `Cannot write an element of ${label}: its index must be below ${length}, ` +
            `got ${show(index)}`,
        );
      }
      write(this.$offset + index * stride, value, this.$slab);
    },
  });
  return Elements;
}
