/** What `console.log` shows of an object: what its users know of it, and nothing of its inside. */
import { inspect, type InspectOptions } from 'node:util';

/**
 * Makes the objects of a class show these properties, which may be getters. Called below the class:
 * a method in it would have a name that declarations cannot spell out.
 */
export function show<T extends object>(
  shown: { readonly name: string; readonly prototype: T },
  keys: readonly (keyof T & string)[],
): void {
  Object.defineProperty(shown.prototype, inspect.custom, {
    value(this: T, _depth: number, options: InspectOptions): string {
      const entries = keys.map((key) => [key, this[key]]);
      return `${shown.name} ${inspect(Object.fromEntries(entries), options)}`;
    },
  });
}
