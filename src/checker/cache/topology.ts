/** Where cores and memory are. */
import type { ResolvedCacheOptions } from './options.ts';

const PAGE_BYTES = 4096;
/** The distance of a node from itself, by which latencies are divided. */
const LOCAL = 10;

/** Cores and homes of lines on NUMA nodes. */
export class Topology {
  readonly #options: ResolvedCacheOptions;
  readonly #coresPerNode: number;
  /** Nodes of pages that somebody has used, where the first one decides. */
  readonly #touched = new Map<number, number>();

  constructor(options: ResolvedCacheOptions) {
    this.#options = options;
    this.#coresPerNode = Math.ceil(options.cores / options.nodes);
  }

  /** The node of a core. */
  nodeOf(core: number): number {
    return Math.floor(core / this.#coresPerNode);
  }

  /** The node whose memory has a line, which `core` uses now. */
  homeOf(line: number, core: number): number {
    const { homes, nodes, lineBytes } = this.#options;
    if (homes === 'line') return line % nodes;
    const page = Math.floor((line * lineBytes) / PAGE_BYTES);
    if (homes === 'page') return page % nodes;
    const node = this.#touched.get(page) ?? this.nodeOf(core);
    this.#touched.set(page, node);
    return node;
  }

  /** How far a node is from another, of the table. */
  distance(from: number, to: number): number {
    return this.#options.distances[from]![to]!;
  }

  /** Cycles of something between two nodes that takes `cycles` on one. */
  scaled(cycles: number, from: number, to: number): number {
    return (cycles * this.distance(from, to)) / LOCAL;
  }
}
