/**
 * Looking for an order in which a sequential object would have given the results that were seen
 * (Wing and Gong, "Testing and Verifying Concurrent Objects", 1993). An operation that was over
 * before another one began comes before it; those that overlap may come either way.
 */

/** One call of a method, as it was seen. */
export interface Operation {
  readonly thread: number;
  readonly name: string;
  readonly input: readonly unknown[];
  /** What it returned; what it threw, if `hasThrown`. */
  readonly result: unknown;
  readonly hasThrown: boolean;
}

/** A sequential object: methods by their names. */
export type Sequential = Readonly<Record<string, (...input: never[]) => unknown>>;

/** Operations of one execution at most: their orders are many. */
export const OPERATIONS_MAX = 16;

/** What was found. */
export interface Linearization {
  /**
   * Numbers of the operations, in an order that explains all results; undefined when there is none.
   */
  readonly order: readonly number[] | undefined;
  /** The longest order that explains its results, for reports. */
  readonly longest: readonly number[];
  /** What the sequential object gave for the operations that might have come next. */
  readonly instead: readonly { readonly operation: number; readonly result: unknown }[];
}

interface Call {
  readonly result: unknown;
  readonly hasThrown: boolean;
}

function call(object: Sequential, { name, input }: Operation): Call {
  const method = object[name];
  if (method === undefined) throw new TypeError(`the sequential object has no ${name}`);
  try {
    return { result: method.apply(object, input as never[]), hasThrown: false };
  } catch (error) {
    return { result: error, hasThrown: true };
  }
}

function isSame(seen: Operation, found: Call): boolean {
  if (seen.hasThrown || found.hasThrown) return seen.hasThrown === found.hasThrown;
  return isEqual(seen.result, found.result);
}

/** Deep for plain objects and arrays. */
function isEqual(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object') return false;
  if (left === null || right === null) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) =>
    isEqual((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]),
  );
}

/**
 * Searches all orders. `comesBefore` is the order that every one of them must keep; `make` makes
 * the sequential object, as it is at first.
 */
export function linearize(
  operations: readonly Operation[],
  comesBefore: (earlier: number, later: number) => boolean,
  make: () => Sequential,
): Linearization {
  let longest: number[] = [];
  let instead: { operation: number; result: unknown }[] = [];
  const prefix: number[] = [];
  const left = new Set(operations.keys());

  const extend = (): boolean => {
    if (left.size === 0) return true;
    const failed: { operation: number; result: unknown }[] = [];
    for (const next of [...left]) {
      if ([...left].some((other) => other !== next && comesBefore(other, next))) continue;
      // Objects cannot be copied, so that each step begins from nothing.
      const object = make();
      for (const before of prefix) call(object, operations[before]!);
      const found = call(object, operations[next]!);
      if (!isSame(operations[next]!, found)) {
        failed.push({ operation: next, result: found.result });
        continue;
      }
      prefix.push(next);
      left.delete(next);
      if (extend()) return true;
      prefix.pop();
      left.add(next);
    }
    if (prefix.length >= longest.length) {
      longest = [...prefix];
      instead = failed;
    }
    return false;
  };

  const isFound = extend();
  return { order: isFound ? [...prefix] : undefined, longest, instead };
}
