/** What exploration asks of a memory model. */
import type { Graph } from './graph.ts';

/**
 * A memory model, as exploration sees it. It must be closed under prefixes of program order and
 * reads-from, and a consistent graph must stay so when the next event reads the last write of its
 * location, or is placed behind it; optimal exploration rests on both.
 */
export interface Consistency {
  /** As users name the model. */
  readonly name: string;
  /**
   * Whether the graph is still consistent after `event`, the last one that was added, or whose
   * reads-from was changed, got its place. May keep what it computes in the event's own two sets.
   */
  allows(graph: Graph, event: number): boolean;
  /** Computes again what was kept, after events were taken out. Default: nothing is kept. */
  restore?(graph: Graph): void;
}
