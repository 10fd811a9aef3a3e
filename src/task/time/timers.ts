/**
 * The timers of one thread: a hierarchical wheel of 1 ms (`wheel.ts`) over a table of nodes in lists
 * (`timer-table.ts`). Setting, stopping and changing a timer take a few writes each, whatever number
 * of them there is.
 *
 *  1. Every timer is in exactly one list: that of its slot, of the overflow, or one of three that
 *     `expire` works on.
 *  2. All timers of one tick are in the same list, in the order in which they were set: where a
 *     tick belongs follows from the present alone, and whatever is moved is moved in order. While a
 *     slot is being moved in several calls, what is set for its ticks goes behind it.
 *  3. The present only goes on, and never past a slot that is taken: that is fired (level 0) or
 *     moved down (the others) first. So a timer is moved at most five times, however far the clock
 *     jumps, and what is empty costs nothing.
 *  4. A timer fires in no tick before its deadline, which is rounded up.
 *  5. `#earliest` is not later than the first deadline, unless `#stale`.
 */
import { checkMs, resolveTimersOptions, type TimersOptions } from './options.ts';
import { NODE, PREVIOUS, TimerTable, type TimerEntry } from './timer-table.ts';
import {
  highOf,
  LAST_TICK,
  lowOf,
  OVERFLOW,
  SLOTS,
  slotOf,
  slotStart,
  slotWidth,
  tickOf,
  WHEEL_SPAN,
} from './wheel.ts';

export type { TimerEntry } from './timer-table.ts';

const BEYOND = OVERFLOW << NODE;
/** Timers of a slot, or of the overflow, that is being moved down; in several calls if need be. */
const MOVING = (OVERFLOW + 1) << NODE;
/** Timers that `expire` fires next. */
const DUE = (OVERFLOW + 2) << NODE;
/** Timers whose deadline had passed when they were set: for the next call of `expire`. */
const LATE = (OVERFLOW + 3) << NODE;

/** Timers of one slot that are looked at for the exact next deadline. */
const LOOKED_AT = 64;

/** See the head of this file. */
export class Timers extends TimerTable {
  readonly #changed: () => void;
  readonly #batch: number;
  /** The present: the tick up to which everything was fired or is due. And its two parts. */
  #present = 0;
  #high = 0;
  #low = 0;
  /** What is set for a tick below this goes to MOVING. */
  #movingEnd = -1;
  /** How far the second walk of `#moveDown` has come; MOVING when it has met the first. */
  #fetched = MOVING;
  /** Not later than the first tick of the overflow. */
  #overflowFirst = Number.POSITIVE_INFINITY;
  #earliest = Number.POSITIVE_INFINITY;
  #stale = false;

  /**
   * `changed` is called when a timer was set or changed to a deadline before all others, and when
   * the first one that holds was set or the last one stopped; never by `expire` itself.
   * @throws {TypeError | RangeError} ERR_OPTION_… for options
   */
  constructor(changed: () => void, options: TimersOptions = {}) {
    const { limit, batch, capacity } = resolveTimersOptions(options);
    super(limit, capacity);
    this.#changed = changed;
    this.#batch = batch;
  }

  /** The millisecond up to which `expire` has come. */
  get present(): number {
    return this.#present;
  }

  /**
   * Sets a timer: `entry.fire()` is called once `expire` is told of a time at or after `deadline`
   * (milliseconds). A deadline that has passed counts as now; it fires in the next call. With
   * `hold` the timer keeps the process alive. Returns the handle, above 0 and below 2^31: void when
   * the timer has fired or was stopped, and then without effect until its place in the table was
   * used as often as there are generations (511 times with the default limit).
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for a deadline that is none
   * @throws {RondoError} ERR_TIMER_LIMIT when as many timers are set as may be
   */
  insert(deadline: number, entry: TimerEntry, hold: boolean): number {
    const tick = Math.ceil(deadline);
    if (!(tick >= 0 && tick <= LAST_TICK)) checkMs('deadline', deadline, 0);
    const node = this.take(entry, hold);
    const handle = this.handleOf(node);
    let first = hold && this.held === 1;
    this.#put(node, tick);
    if (tick < this.#earliest) {
      this.#earliest = tick;
      first = true;
    }
    if (first) this.#changed();
    return handle;
  }

  /** Stops a timer. False when the handle is void: it has fired, or was stopped before. */
  cancel(handle: number): boolean {
    const node = this.nodeOf(handle);
    if (node === 0) return false;
    if (this.tickOf(node) <= this.#earliest) this.#stale = true;
    const held = this.held;
    this.unlink(node);
    this.release(node);
    if (this.size === 0) this.#earliest = Number.POSITIVE_INFINITY;
    if (held === 1 && this.held === 0) this.#changed();
    return true;
  }

  /**
   * Gives a timer another deadline; it is as if it were set anew. False when the handle is void.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE for a deadline that is none
   */
  reset(handle: number, deadline: number): boolean {
    const tick = Math.ceil(deadline);
    if (!(tick >= 0 && tick <= LAST_TICK)) checkMs('deadline', deadline, 0);
    const node = this.nodeOf(handle);
    if (node === 0) return false;
    if (this.tickOf(node) <= this.#earliest) this.#stale = true;
    this.unlink(node);
    this.#put(node, tick);
    if (tick < this.#earliest) {
      this.#earliest = tick;
      this.#changed();
    }
    return true;
  }

  /**
   * The time at which `expire` has something to do, Infinity without timers. That is the first
   * deadline when few timers are near it, and possibly earlier when there are many.
   */
  nextDeadline(): number {
    if (this.#stale) {
      this.#earliest = this.#findEarliest();
      this.#stale = false;
    }
    return this.#earliest;
  }

  /**
   * Fires what is due at `now`, in the order of the deadlines, and in the order of setting within
   * a millisecond; at most `most`. What is left is for the next call, as `nextDeadline` then says;
   * and so is what an entry sets that is due already. Returns how many fired.
   */
  expire(now: number, most: number = this.#batch): number {
    const target = Math.min(Math.floor(now), LAST_TICK);
    if (this.size === 0) {
      if (target > this.#present) this.#goTo(target);
      return 0;
    }
    if (!this.isEmpty(LATE)) this.moveAll(LATE, DUE);
    let fired = 0;
    let moves = this.#batch;
    for (;;) {
      moves = this.#moveDown(moves);
      if (!this.isEmpty(MOVING)) break;
      fired += this.#fire(most - fired);
      if (!this.isEmpty(DUE) || !this.#openNext(target)) break;
    }
    this.#earliest = Number.POSITIVE_INFINITY;
    this.#stale = true;
    return fired;
  }

  /** The entry that fires first, undefined without timers. Looks at all timers near it. */
  first(): TimerEntry | undefined {
    const due = this.isEmpty(DUE) ? LATE : DUE;
    let node = this.nodes[due]!;
    if (node === due) {
      const slot = this.firstSlot();
      node = this.#firstOf(slot === -1 ? BEYOND : slot << NODE);
      const moving = this.#firstOf(MOVING);
      if (node === 0 || (moving !== 0 && this.tickOf(moving) < this.tickOf(node))) node = moving;
    }
    return node === 0 ? undefined : this.entryOf(node);
  }

  /** Calls `visit` with every entry; those of one tick in the order in which they will fire. */
  forEach(visit: (entry: TimerEntry) => void): void {
    for (const list of [DUE, LATE]) this.#visit(list, visit);
    for (let list = 0; list <= MOVING; list += 1 << NODE) this.#visit(list, visit);
  }

  #visit(list: number, visit: (entry: TimerEntry) => void): void {
    for (let node = this.nodes[list]!; node !== list; node = this.nodes[node]!) {
      visit(this.entryOf(node));
    }
  }

  // ---- the wheel

  /** Gives a node that is in no list its tick, and puts it where it belongs. */
  #put(node: number, tick: number): void {
    this.setTick(node, tick);
    if (tick < this.#movingEnd) this.append(MOVING, node);
    else if (tick <= this.#present) this.append(LATE, node);
    else this.append(this.#listOf(this.highOf(node), this.lowOf(node)), node);
  }

  /** The list for a tick that is later than the present. */
  #listOf(high: number, low: number): number {
    const slot = slotOf(this.#high, this.#low, high, low);
    if (slot !== OVERFLOW) this.enter(slot);
    else this.#overflowFirst = Math.min(this.#overflowFirst, tickOf(high, low));
    return slot << NODE;
  }

  #goTo(tick: number): void {
    this.#present = tick;
    this.#high = highOf(tick);
    this.#low = lowOf(tick);
  }

  /** Fires what is in DUE, at most `most`; returns how many. */
  #fire(most: number): number {
    let fired = 0;
    while (fired < most) {
      // Entries may set timers, so the array is read anew each time.
      const nodes = this.nodes;
      const node = nodes[DUE]!;
      if (node === DUE) break;
      const after = nodes[node]!;
      nodes[DUE] = after;
      nodes[after + PREVIOUS] = DUE;
      const entry = this.entryOf(node);
      this.release(node);
      fired += 1;
      entry.fire();
    }
    return fired;
  }

  /**
   * Goes on to the next slot that begins at or before `target`: its timers are in DUE or MOVING
   * then. Without one goes on to `target` and returns false.
   */
  #openNext(target: number): boolean {
    const slot = this.firstSlot();
    let start = Number.POSITIVE_INFINITY;
    if (slot !== -1) start = slotStart(slot, this.#high, this.#low);
    else if (!this.isEmpty(BEYOND)) {
      start = this.#overflowFirst - (this.#overflowFirst % WHEEL_SPAN);
    }
    if (!(start <= target)) {
      if (target > this.#present) this.#goTo(target);
      return false;
    }
    // What was first in the overflow may have been stopped, and the present be past its round.
    if (start > this.#present) this.#goTo(start);
    if (slot === -1) {
      this.#overflowFirst = Number.POSITIVE_INFINITY;
      this.#moveLater(BEYOND, Number.POSITIVE_INFINITY);
      return true;
    }
    this.leave(slot);
    if (slot < SLOTS) this.moveAll(slot << NODE, DUE);
    else this.#moveLater(slot << NODE, start + slotWidth(slot));
    return true;
  }

  /** Has the timers of a list, all of ticks below `end`, moved by `#moveDown`. */
  #moveLater(list: number, end: number): void {
    this.moveAll(list, MOVING);
    this.#movingEnd = end;
    this.#fetched = this.nodes[MOVING + PREVIOUS]!;
  }

  /**
   * Moves what is in MOVING to where it belongs, at most `most`; returns what is left of that.
   *
   * Each node that is not in the cache names the next one, so going along the list waits for one
   * miss after the other. A second walk, from the end, has its misses at the same time: it fetches
   * one half while the other is moved, which halves the time of a timer among a million. It only
   * reads, and what it reads is the index of some node, always; so it does no harm that between two
   * calls timers are stopped and the walk gets lost.
   */
  #moveDown(most: number): number {
    if (this.#movingEnd < 0) return most;
    const nodes = this.nodes;
    let left = most;
    let node = nodes[MOVING]!;
    let fetched = this.#fetched;
    for (; node !== MOVING && left > 0; left--) {
      const after = nodes[node]!;
      if (fetched !== MOVING) {
        fetched = nodes[fetched + PREVIOUS]!;
        if (fetched === node || fetched === after) fetched = MOVING;
      }
      const low = this.lowOf(node);
      const high = this.highOf(node);
      const due = tickOf(high, low) <= this.#present;
      this.append(due ? DUE : this.#listOf(high, low), node);
      node = after;
    }
    this.#fetched = fetched;
    nodes[MOVING] = node;
    nodes[node + PREVIOUS] = MOVING;
    if (node === MOVING) this.#movingEnd = -1;
    return left;
  }

  #findEarliest(): number {
    // Work that is left, for now.
    if (!(this.isEmpty(DUE) && this.isEmpty(LATE) && this.isEmpty(MOVING))) return this.#present;
    const slot = this.firstSlot();
    if (slot === -1) return this.isEmpty(BEYOND) ? Number.POSITIVE_INFINITY : this.#overflowFirst;
    const { nodes } = this;
    const start = slotStart(slot, this.#high, this.#low);
    if (slot < SLOTS) return start;
    const list = slot << NODE;
    let least = Number.POSITIVE_INFINITY;
    let left = LOOKED_AT;
    for (let node = nodes[list]!; node !== list; node = nodes[node]!) {
      if (left === 0) return start;
      left -= 1;
      least = Math.min(least, this.tickOf(node));
    }
    return least;
  }

  /** The first node of those with the least tick in a list, 0 when it is empty. */
  #firstOf(list: number): number {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let node = this.nodes[list]!; node !== list; node = this.nodes[node]!) {
      const tick = this.tickOf(node);
      if (tick >= least) continue;
      best = node;
      least = tick;
    }
    return best;
  }
}
