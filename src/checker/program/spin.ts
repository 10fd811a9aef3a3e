/**
 * Finding loops that only wait. A thread that is about to do again what it did a few events ago, and
 * has only read since, may be in a loop that goes on until somebody else writes. Whether it is, a look
 * ahead tells (`Session`): the thread runs on with the values that it has read before. If it then does
 * the same for many rounds, running the loop once more shows nothing that its first round does not
 * show with other values read: the thread is blocked until one of its reads is another one.
 */
import { type Graph, Kind } from '../explore/graph.ts';

/** What a thread asks for. */
export interface Label {
  readonly kind: number;
  readonly location: number;
  readonly order: number;
  readonly flags: number;
}

/** Most events of one round. */
const PERIOD_MAX = 24;

/**
 * Whether some period looks like a loop that waits, and `isEndless` agrees. `key` names what the
 * round reads.
 */
export function findSpin(
  graph: Graph,
  log: readonly number[],
  length: number,
  next: Label,
  isEndless: (period: number, key: string) => boolean,
): boolean {
  let key = '';
  for (let period = 1; period <= Math.min(PERIOD_MAX, length); period++) {
    const event = log[length - period]!;
    const kind = graph.kind(event);
    if (kind !== Kind.READ && kind !== Kind.FENCE) return false;
    const location = graph.location(event);
    key = `${location}=${kind === Kind.READ ? graph.rf(event) : ''};${key}`;
    if (
      kind === next.kind &&
      location === next.location &&
      graph.order(event) === next.order &&
      graph.flags(event) === next.flags &&
      isEndless(period, `${length} ${key}`)
    ) {
      return true;
    }
  }
  return false;
}
