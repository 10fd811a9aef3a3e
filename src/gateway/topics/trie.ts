/**
 * Names and patterns by their segments. As a tree of patterns it answers which of them a name
 * matches; as a tree of names, which of them match a pattern. Either question visits each node of
 * the tree at most once, however many wildcards there are. Names have been checked before.
 */

class Node<V> {
  children: Map<string, Node<V>> | undefined = undefined;
  value: V | undefined = undefined;
}

/** See the head of this file. A value is never undefined. */
export class Trie<V> {
  readonly #root: Node<V> = new Node();

  /** Puts a value in the place of a name, instead of one that was there. */
  set(name: string, value: V): void {
    let node = this.#root;
    for (const segment of name.split('/')) {
      node.children ??= new Map();
      let child = node.children.get(segment);
      if (child === undefined) {
        child = new Node();
        node.children.set(segment, child);
      }
      node = child;
    }
    node.value = value;
  }

  /** Takes a value out, and with it what of the tree was there for its sake alone. */
  delete(name: string): void {
    const segments = name.split('/');
    const path = [this.#root];
    for (const segment of segments) {
      const child = path.at(-1)!.children?.get(segment);
      if (child === undefined) return;
      path.push(child);
    }
    path.at(-1)!.value = undefined;
    for (let depth = segments.length; depth > 0; depth--) {
      const node = path[depth]!;
      if (node.value !== undefined || node.children !== undefined) return;
      const parent = path[depth - 1]!;
      parent.children!.delete(segments[depth - 1]!);
      if (parent.children!.size === 0) parent.children = undefined;
    }
  }

  /** In a tree of patterns: the values of those that the name matches. */
  matchName(name: string): V[] {
    const found: V[] = [];
    collectPatterns(this.#root, name.split('/'), 0, found);
    return found;
  }

  /** In a tree of names: the values of those that match the pattern. */
  matchPattern(pattern: string): V[] {
    const found: V[] = [];
    collectNames(this.#root, pattern.split('/'), 0, found);
    return found;
  }
}

/** Recursion is as deep as a name has segments: 128 at most. */
function collectPatterns<V>(node: Node<V>, segments: string[], depth: number, found: V[]): void {
  const { children } = node;
  if (depth === segments.length && node.value !== undefined) found.push(node.value);
  if (children === undefined) return;
  const rest = children.get('**')?.value;
  if (rest !== undefined) found.push(rest);
  if (depth === segments.length) return;
  const exact = children.get(segments[depth]!);
  if (exact !== undefined) collectPatterns(exact, segments, depth + 1, found);
  const any = children.get('*');
  if (any !== undefined) collectPatterns(any, segments, depth + 1, found);
}

function collectNames<V>(node: Node<V>, segments: string[], depth: number, found: V[]): void {
  const segment = segments[depth];
  if (segment === '**') {
    collectAll(node, found);
    return;
  }
  if (segment === undefined) {
    if (node.value !== undefined) found.push(node.value);
    return;
  }
  if (segment === '*') {
    for (const child of node.children?.values() ?? []) {
      collectNames(child, segments, depth + 1, found);
    }
    return;
  }
  const child = node.children?.get(segment);
  if (child !== undefined) collectNames(child, segments, depth + 1, found);
}

function collectAll<V>(node: Node<V>, found: V[]): void {
  if (node.value !== undefined) found.push(node.value);
  for (const child of node.children?.values() ?? []) collectAll(child, found);
}
