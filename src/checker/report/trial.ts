/** Tries changes of accesses, which are found by where they stand in the source. */
import type { TraceEvent } from '../check/trace.ts';
import { Flag, Kind, Order } from '../explore/graph.ts';
import type { Trial } from '../program/run.ts';
import type { Session } from '../program/session.ts';
import { siteHere } from '../program/site.ts';
import type { Label } from '../program/label.ts';
import { ORDERS } from './rebuild.ts';

/** What is tried with the accesses of one kind at one place. */
export interface Change {
  readonly site: string;
  readonly kind: 'read' | 'write';
  /** At least this order. */
  readonly order?: TraceEvent['order'];
  /** A full fence right before. */
  readonly isFenced?: boolean;
  /** One read-modify-write with the read before, or the write behind. */
  readonly isFused?: boolean;
}

type Changed = Pick<Label, 'order' | 'flags'>;

/** See the head of this file. */
export class SiteTrial implements Trial {
  readonly #changes = new Map<string, Change>();

  constructor(changes: readonly Change[]) {
    for (const change of changes) this.#changes.set(`${change.kind} ${change.site}`, change);
  }

  change(session: Session, asked: Label): Changed {
    let expected = session.expected;
    let isFenced = false;
    // Tests ask for fences of their own themselves: one that is due here was put here.
    if (expected?.kind === Kind.FENCE) {
      session.fence(expected.order);
      isFenced = true;
      expected = session.expected;
    }
    if (expected !== undefined) {
      const isSame = expected.kind === asked.kind && expected.location === asked.location;
      return isSame ? expected : asked;
    }
    const change = this.#find(asked);
    if (change === undefined) return asked;
    const isSecondHalf = asked.kind === Kind.WRITE && (asked.flags & Flag.RMW) !== 0;
    if (change.isFenced === true && !isFenced && !isSecondHalf) session.fence(Order.SEQ_CST);
    const order = Math.max(asked.order, ORDERS[change.order ?? 'plain']);
    return { order, flags: asked.flags | (this.#isHalf(session, asked, change) ? Flag.RMW : 0) };
  }

  #find({ kind }: Label): Change | undefined {
    return this.#changes.get(`${kind === Kind.READ ? 'read' : 'write'} ${siteHere()}`);
  }

  #isHalf(session: Session, { kind, location }: Label, { isFused = false }: Change): boolean {
    if (!isFused || kind === Kind.READ) return isFused;
    const last = session.last;
    return last?.kind === Kind.READ && last.location === location && (last.flags & Flag.RMW) !== 0;
  }
}
