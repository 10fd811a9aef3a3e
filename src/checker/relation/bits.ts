/**
 * Relations over `n` events as bit matrices inside one Int32Array: row `i` starts at word
 * `at + i * width` and bit `j & 31` of its word `j >> 5` says that `i` is related to `j`. A set is
 * one row. Nothing here allocates; results may not overlap operands except where said.
 */

/** Where matrices lie, and how large they are. */
export interface Plane {
  readonly words: Int32Array;
  /** Number of events. */
  readonly count: number;
  /** Words a row: `count / 32`, rounded up. */
  readonly width: number;
}

/** How many words a row of `count` bits takes. */
export function widthFor(count: number): number {
  return (count + 31) >>> 5;
}

/** Whether `row` is related to `column`. */
function hasBit(plane: Plane, at: number, row: number, column: number): boolean {
  const word = plane.words[at + row * plane.width + (column >> 5)] ?? 0;
  return (word & (1 << (column & 31))) !== 0;
}

/** `to = left ; right`. */
export function compose(plane: Plane, to: number, left: number, right: number): void {
  const { words, count, width } = plane;
  if (width === 1) {
    for (let row = 0; row < count; row++) {
      let rest = words[left + row]!;
      let out = 0;
      while (rest !== 0) {
        const bit = 31 - Math.clz32(rest);
        rest ^= 1 << bit;
        out |= words[right + bit]!;
      }
      words[to + row] = out;
    }
    return;
  }
  words.fill(0, to, to + count * width);
  for (let row = 0; row < count; row++) {
    for (let word = 0; word < width; word++) {
      let rest = words[left + row * width + word]!;
      while (rest !== 0) {
        const bit = 31 - Math.clz32(rest);
        rest ^= 1 << bit;
        const source = right + ((word << 5) + bit) * width;
        for (let each = 0; each < width; each++) {
          words[to + row * width + each]! |= words[source + each]!;
        }
      }
    }
  }
}

/** `to = of^-1`. */
export function transpose(plane: Plane, to: number, of: number): void {
  const { words, count, width } = plane;
  words.fill(0, to, to + count * width);
  for (let row = 0; row < count; row++) {
    const column = row >> 5;
    const mark = 1 << (row & 31);
    for (let word = 0; word < width; word++) {
      let rest = words[of + row * width + word]!;
      while (rest !== 0) {
        const bit = 31 - Math.clz32(rest);
        rest ^= 1 << bit;
        words[to + ((word << 5) + bit) * width + column]! |= mark;
      }
    }
  }
}

/** `at = at^+`, in place. */
export function close(plane: Plane, at: number): void {
  const { words, count, width } = plane;
  if (width === 1) {
    for (let middle = 0; middle < count; middle++) {
      const reached = words[at + middle]!;
      if (reached === 0) continue;
      const mark = 1 << middle;
      for (let row = 0; row < count; row++) {
        if ((words[at + row]! & mark) !== 0) words[at + row]! |= reached;
      }
    }
    return;
  }
  for (let middle = 0; middle < count; middle++) {
    const source = at + middle * width;
    const column = middle >> 5;
    const mark = 1 << (middle & 31);
    for (let row = 0; row < count; row++) {
      const target = at + row * width;
      if ((words[target + column]! & mark) === 0) continue;
      for (let word = 0; word < width; word++) words[target + word]! |= words[source + word]!;
    }
  }
}

/** `to = [set] ; of`. */
export function keepRows(plane: Plane, to: number, set: number, of: number): void {
  const { words, count, width } = plane;
  for (let row = 0; row < count; row++) {
    const kept = (words[set + (row >> 5)]! & (1 << (row & 31))) !== 0 ? -1 : 0;
    for (let word = 0; word < width; word++) {
      words[to + row * width + word] = words[of + row * width + word]! & kept;
    }
  }
}

/** `to = of ; [set]`. */
export function keepColumns(plane: Plane, to: number, of: number, set: number): void {
  const { words, count, width } = plane;
  for (let row = 0; row < count; row++) {
    for (let word = 0; word < width; word++) {
      words[to + row * width + word] = words[of + row * width + word]! & words[set + word]!;
    }
  }
}

/** `to = left * right`, of two sets. */
export function product(plane: Plane, to: number, left: number, right: number): void {
  const { words, count, width } = plane;
  for (let row = 0; row < count; row++) {
    const kept = (words[left + (row >> 5)]! & (1 << (row & 31))) !== 0 ? -1 : 0;
    for (let word = 0; word < width; word++) {
      words[to + row * width + word] = words[right + word]! & kept;
    }
  }
}

/** Adds each event of a set (every event when `set` is -1) with itself. */
export function addIdentity(plane: Plane, to: number, set: number): void {
  const { words, count, width } = plane;
  for (let row = 0; row < count; row++) {
    const mark = 1 << (row & 31);
    const word = row >> 5;
    if (set < 0 || (words[set + word]! & mark) !== 0) words[to + row * width + word]! |= mark;
  }
}

/** The set of events that are related to any. */
export function rowsOf(plane: Plane, to: number, of: number): void {
  const { words, count, width } = plane;
  words.fill(0, to, to + width);
  for (let row = 0; row < count; row++) {
    for (let word = 0; word < width; word++) {
      if (words[of + row * width + word] === 0) continue;
      words[to + (row >> 5)]! |= 1 << (row & 31);
      break;
    }
  }
}

/** The set of events that any is related to. */
export function columnsOf(plane: Plane, to: number, of: number): void {
  const { words, count, width } = plane;
  words.fill(0, to, to + width);
  for (let row = 0; row < count; row++) {
    for (let word = 0; word < width; word++) words[to + word]! |= words[of + row * width + word]!;
  }
}

/** Whether nothing is related. */
export function isEmpty(plane: Plane, at: number): boolean {
  const { words, count, width } = plane;
  for (let word = at; word < at + count * width; word++) if (words[word] !== 0) return false;
  return true;
}

/** Whether no event is related to itself. */
export function isIrreflexive(plane: Plane, at: number): boolean {
  const { words, count, width } = plane;
  for (let row = 0; row < count; row++) {
    if ((words[at + row * width + (row >> 5)]! & (1 << (row & 31))) !== 0) return false;
  }
  return true;
}

function isAcyclicNarrow(words: Int32Array, at: number, count: number): boolean {
  let alive = count === 32 ? -1 : (1 << count) - 1;
  for (;;) {
    let left = alive;
    for (let rest = alive; rest !== 0;) {
      const bit = 31 - Math.clz32(rest);
      rest ^= 1 << bit;
      if ((words[at + bit]! & left) === 0) left ^= 1 << bit;
    }
    if (left === 0) return true;
    if (left === alive) return false;
    alive = left;
  }
}

/** Whether there is no cycle. `scratch` is `width` words that it may use. */
export function isAcyclic(plane: Plane, at: number, scratch: number): boolean {
  const { words, count, width } = plane;
  if (width === 1) return isAcyclicNarrow(words, at, count);
  words.fill(0, scratch, scratch + width);
  for (let row = 0; row < count; row++) words[scratch + (row >> 5)]! |= 1 << (row & 31);
  let alive = count;
  for (;;) {
    const before = alive;
    for (let row = count - 1; row >= 0; row--) {
      const mark = 1 << (row & 31);
      if ((words[scratch + (row >> 5)]! & mark) === 0) continue;
      let any = 0;
      for (let word = 0; word < width; word++) {
        any |= words[at + row * width + word]! & words[scratch + word]!;
      }
      if (any !== 0) continue;
      words[scratch + (row >> 5)]! ^= mark;
      alive--;
    }
    if (alive === 0) return true;
    if (alive === before) return false;
  }
}

/**
 * The events of a shortest cycle, each related to the next and the last to the first; or nothing.
 */
export function findCycle(plane: Plane, at: number): number[] | undefined {
  let best: number[] | undefined;
  for (let start = 0; start < plane.count; start++) {
    const found = cycleThrough(plane, at, start);
    if (found !== undefined && (best === undefined || found.length < best.length)) best = found;
  }
  return best;
}

function cycleThrough(plane: Plane, at: number, start: number): number[] | undefined {
  const before = new Map<number, number>();
  let edge = [start];
  while (edge.length > 0) {
    const next: number[] = [];
    for (const from of edge) {
      if (hasBit(plane, at, from, start)) {
        const path = [from];
        for (let step = from; step !== start;) {
          step = before.get(step)!;
          path.unshift(step);
        }
        return path;
      }
      for (let to = 0; to < plane.count; to++) {
        if (to === start || before.has(to) || !hasBit(plane, at, from, to)) continue;
        before.set(to, from);
        next.push(to);
      }
    }
    edge = next;
  }
  return undefined;
}
