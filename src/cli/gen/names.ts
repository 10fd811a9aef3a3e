/**
 * Names in other languages. No schema is refused for its names, because they are part of its
 * fingerprint: what is a keyword there, or taken, gets underscores at its end.
 */

/** The names of one scope, of which each is given once. */
export class Names {
  readonly #taken: Set<string>;

  /** @param reserved what the language or the generated file has already */
  constructor(reserved: Iterable<string> = []) {
    this.#taken = new Set(reserved);
  }

  /** Every name that was given, and those that were reserved. */
  all(): Iterable<string> {
    return this.#taken;
  }

  /** The name, with as many underscores behind it as it takes. */
  take(name: string): string {
    let free = name;
    while (this.#taken.has(free)) free += '_';
    this.#taken.add(free);
    return free;
  }
}

/**
 * A name for each of `names` in a scope of their own. Those that need no change keep their names,
 * whatever the others need.
 */
export function namesIn(
  names: readonly string[],
  reserved: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const isFine = (name: string): boolean => !reserved.has(name);
  const scope = new Names([...reserved, ...names.filter(isFine)]);
  return new Map(names.map((name) => [name, isFine(name) ? name : scope.take(name)]));
}

/** `order_book` and `orderBook` are `OrderBook`; `HTTPServer` stays. */
export function camel(name: string): string {
  return name.replaceAll(/(?:^_*|_+)([A-Za-z0-9]?)/g, (_, first: string) => first.toUpperCase());
}

/** `orderBook` is `ORDER_BOOK`; `HTTPServer` is `HTTP_SERVER`. */
export function screaming(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toUpperCase();
}

/**
 * The names of types for structs with dots in theirs: the last part in camel case, and all parts
 * where several structs have the same last part.
 */
export function typeNames(names: readonly string[], scope: Names): ReadonlyMap<string, string> {
  const short = (name: string): string => valid(camel(name.slice(name.lastIndexOf('.') + 1)));
  const count = new Map<string, number>();
  for (const name of names) count.set(short(name), (count.get(short(name)) ?? 0) + 1);
  const given = new Map<string, string>();
  for (const name of names) {
    const long = valid(name.split('.').map(camel).join(''));
    given.set(name, scope.take(count.get(short(name)) === 1 ? short(name) : long));
  }
  return given;
}

/** What lost its beginning is an identifier no more, and underscores alone are none in Rust. */
export function valid(name: string): string {
  return /^_*[A-Za-z]/.test(name) ? name : `N${name}`;
}
