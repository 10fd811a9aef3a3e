/**
 * `wait` and `notify` as ECMAScript has them: each location has a queue of sleepers behind a lock.
 * A `wait` reads the value and queues up inside, as one step; `notify` takes sleepers out, first
 * come first, inside. What was done before one thread leaves is seen by whoever enters next.
 *
 * The queue is a word of the checker's own that is only changed by read-modify-write, which gives
 * the order of entering; a sleeper then waits for a word that only who takes it out writes. A
 * `wait` that finds another value orders nothing here: code must not lean on that.
 */
import { Flag, Order } from '../explore/graph.ts';
import type { Session } from './session.ts';

type Queue = readonly string[];
const EMPTY: Queue = [];

/** Sleeps while a location holds `expected`; `timeoutMs` below infinity may end at any time. */
export function sleep(
  session: Session,
  location: number,
  expected: unknown,
  timeoutMs: number,
  assertRead: () => void,
): 'ok' | 'not-equal' | 'timed-out' {
  const found = session.read(location, Order.SEQ_CST);
  assertRead();
  if (found !== expected) return 'not-equal';
  const ticket = `${session.thread}.${session.countWait()}`;
  const queue = session.locations.hidden(`sleepers of ${session.locations.at(location).label}`);
  session.modify(
    queue,
    Order.SEQ_CST,
    (sleepers) => [...((sleepers as Queue | undefined) ?? EMPTY), ticket],
    Flag.HIDDEN | Flag.QUEUE,
  );
  const woken = session.locations.hidden(`wake of ${ticket}`);
  if (timeoutMs < Infinity && session.choose(2) === 1) {
    let isStillThere = false;
    session.modify(
      queue,
      Order.SEQ_CST,
      (sleepers) => {
        const all = (sleepers as Queue | undefined) ?? EMPTY;
        isStillThere = all.includes(ticket);
        return all.filter((other) => other !== ticket);
      },
      Flag.HIDDEN,
    );
    if (isStillThere) return 'timed-out';
  }
  const flags = Flag.HIDDEN | Flag.AWAIT;
  session.read(woken, Order.ACQUIRE, flags, (value) => value === true, timeoutMs < Infinity);
  return 'ok';
}

/** Wakes up to `count` sleepers of a location; returns how many. */
export function wake(session: Session, location: number, count: number): number {
  const queue = session.locations.hidden(`sleepers of ${session.locations.at(location).label}`);
  let taken: Queue = EMPTY;
  session.modify(
    queue,
    Order.SEQ_CST,
    (sleepers) => {
      const all = (sleepers as Queue | undefined) ?? EMPTY;
      taken = all.slice(0, count);
      return all.slice(taken.length);
    },
    Flag.HIDDEN,
  );
  for (const ticket of taken) {
    session.write(session.locations.hidden(`wake of ${ticket}`), Order.RELEASE, true, Flag.HIDDEN);
  }
  if (taken.length > 0) session.wakeSleepers();
  return taken.length;
}
