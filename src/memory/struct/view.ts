/**
 * Views: objects that read and write in place, wherever they are set to.
 *
 * Their own members begin with `$`, which no field's name can. A view has its place as a property of
 * its own; all else is on its prototype, which is made for one struct and one memory (cursor.ts).
 */
import type { Codec } from './codec.ts';
import type { SlabSide } from './slab-side.ts';

/** How Node shows objects: its name for the method is a registered symbol. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** What a struct, set of flags or array has at a place in memory. @internal */
export class View {
  /** Byte offset in the views: a multiple of the alignment, set by whoever knows the message. */
  $offset: number;
  readonly $slab: SlabSide | undefined;
  /** Views of parts, made at first use: each follows when it is asked for again. */
  readonly $children: (View | undefined)[];
  /** On the prototype. */
  declare readonly $codec: Codec;

  constructor(slab: SlabSide | undefined) {
    this.$offset = 0;
    this.$slab = slab;
    this.$children = [];
  }

  $get(): unknown {
    return this.$codec.read(this.$offset, this.$slab);
  }

  $set(value: unknown): void {
    this.$codec.write(this.$offset, value, this.$slab);
  }

  /** So that a view shows up in JSON as what it stands for. */
  toJSON(): unknown {
    return this.$get();
  }
}

// Not in the class: what its name is cannot be told from the declaration.
define(View.prototype, INSPECT, {
  value(this: View): unknown {
    try {
      return this.$get();
    } catch (error) {
      // Who prints a message to find out what is wrong with it must be able to.
      return error;
    }
  },
});

/** A class of views, bound to a type and a memory. */
export type ViewClass<V extends View = View> = new (slab: SlabSide | undefined) => V;

/** The part of a view at `index` of its children, moved to where it is now. */
export function childOf(parent: View, index: number, part: ViewClass, offset: number): View {
  const child = parent.$children[index] ?? (parent.$children[index] = new part(parent.$slab));
  child.$offset = offset;
  return child;
}

/** Puts accessors and methods on a prototype. */
export function define(prototype: object, name: PropertyKey, descriptor: PropertyDescriptor): void {
  Object.defineProperty(prototype, name, { configurable: true, enumerable: false, ...descriptor });
}
