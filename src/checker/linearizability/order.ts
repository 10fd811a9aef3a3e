/** What happened before what, of spans of events. */
import type { Graph } from '../explore/graph.ts';
import { happensBefore, Rc11 } from '../explore/rc11.ts';

/** Events of one thread, from the one numbered `begin` to before `end`. */
export interface Span {
  readonly thread: number;
  readonly begin: number;
  readonly end: number;
  /** Larger than those of whatever began and ended in its thread before: it may have no events. */
  readonly began: number;
  readonly ended: number;
}

/**
 * Whether the last event of one span happens before the first of another. Where an execution has no
 * graph, only what one thread does is in order for certain; a span without events is in order with
 * its own thread only.
 */
export function orderOf(graph: Graph | undefined): (earlier: Span, later: Span) => boolean {
  const logs: number[][] = [];
  if (graph !== undefined) {
    new Rc11().restore(graph);
    for (let thread = 0; thread < graph.threads; thread++) {
      const log: number[] = [];
      graph.log(thread, log);
      logs.push(log);
    }
  }
  return (earlier, later) => {
    if (earlier.thread === later.thread) return earlier.ended < later.began;
    if (graph === undefined) return false;
    if (earlier.begin === earlier.end || later.begin === later.end) return false;
    const last = logs[earlier.thread]![earlier.end - 1]!;
    return happensBefore(graph, last, logs[later.thread]![later.begin]!);
  };
}
