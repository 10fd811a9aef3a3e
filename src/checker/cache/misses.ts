/**
 * Why a line was missed. Sharing is told as Dubois, Skeppstedt, Ricciulli, Ramamurthy and Stenström
 * do (The Detection and Elimination of Useless Misses in Multiprocessors, ISCA 1993), byte by byte:
 * a line that comes back because another core wrote it is true sharing if the core, before it loses
 * the line again, uses a byte that was written since its last essential miss; only then is that
 * known. A line that had to make room, and that nobody wrote meanwhile, is a matter of capacity, or
 * of conflict when a fully associative cache of the same size would have kept it (Hill, 1987).
 */
import type { Counters, MissCause } from './counters.ts';

/** A miss; its cause may still turn from false to true sharing. */
export interface Miss {
  cause: MissCause;
  /** Where it is counted. */
  readonly counted: readonly Counters[];
}

/** What a core knows of a line that it has had. */
interface History {
  /** Somebody wrote the line since this core had it last. */
  isStale: boolean;
  /** Bytes that others wrote since this core's last essential miss; undefined is none. */
  marks: Uint8Array | undefined;
  /** The last miss, while it may still become true sharing. */
  open: Miss | undefined;
}

/** See the head of this file. */
export class MissHistory {
  readonly #lineBytes: number;
  readonly #histories: readonly Map<number, History>[];
  readonly #shadows: readonly Shadow[];

  constructor(cores: number, lineBytes: number, lines: number) {
    this.#lineBytes = lineBytes;
    this.#histories = Array.from({ length: cores }, () => new Map<number, History>());
    this.#shadows = Array.from({ length: cores }, () => new Shadow(lines));
  }

  /** A core has missed a line: counts it, with the cause as far as it is known. */
  missed(core: number, line: number, counted: readonly Counters[]): Miss {
    const history = this.#histories[core]!.get(line);
    const miss: Miss = { cause: this.#causeOf(core, line, history), counted };
    for (const { misses } of counted) misses[miss.cause] += 1;
    if (history === undefined) {
      this.#histories[core]!.set(line, { isStale: false, marks: undefined, open: undefined });
    } else if (history.isStale) {
      history.isStale = false;
      history.open = miss;
    }
    return miss;
  }

  /** A core has got a line that it did not ask for. */
  prefetched(core: number, line: number): void {
    const history = this.#histories[core]!.get(line);
    if (history !== undefined) history.isStale = false;
    else this.#histories[core]!.set(line, { isStale: false, marks: undefined, open: undefined });
  }

  /** A core uses bytes of a line that it has; `end` is behind the last. */
  used(core: number, line: number, begin: number, end: number): void {
    this.#shadows[core]!.use(line);
    const history = this.#histories[core]!.get(line);
    if (history?.marks === undefined) return;
    if (!history.marks.subarray(begin, end).includes(1)) return;
    // Everything that was written came with this line: what counts next is what comes after.
    history.marks = undefined;
    const miss = history.open;
    history.open = undefined;
    if (miss === undefined) return;
    miss.cause = 'true sharing';
    for (const { misses } of miss.counted) {
      misses['false sharing'] -= 1;
      misses['true sharing'] += 1;
    }
  }

  /** A core writes bytes of a line that nobody else has now. */
  wrote(core: number, line: number, begin: number, end: number): void {
    for (let other = 0; other < this.#histories.length; other++) {
      const history = other === core ? undefined : this.#histories[other]!.get(line);
      if (history === undefined) continue;
      history.isStale = true;
      history.open = undefined;
      history.marks ??= new Uint8Array(this.#lineBytes);
      history.marks.fill(1, begin, end);
    }
  }

  /** A core has lost a line because another one writes it, or threw it out itself. */
  lost(core: number, line: number): void {
    this.#shadows[core]!.remove(line);
  }

  #causeOf(core: number, line: number, history: History | undefined): MissCause {
    if (history === undefined) return 'cold';
    if (history.isStale) return 'false sharing';
    return this.#shadows[core]!.has(line) ? 'conflict' : 'capacity';
  }
}

/** A cache in which every line may lie anywhere, the least recently used being replaced. */
class Shadow {
  readonly #size: number;
  /** The least recently used first. */
  readonly #lines = new Set<number>();
  /** The one that was used last; -1 is none. */
  #last = -1;

  constructor(size: number) {
    this.#size = size;
  }

  has(line: number): boolean {
    return this.#lines.has(line);
  }

  use(line: number): void {
    if (line === this.#last) return;
    this.#last = line;
    this.#lines.delete(line);
    this.#lines.add(line);
    if (this.#lines.size <= this.#size) return;
    const [oldest] = this.#lines;
    this.#lines.delete(oldest!);
  }

  remove(line: number): void {
    if (line === this.#last) this.#last = -1;
    this.#lines.delete(line);
  }
}
