/**
 * What this thread is in a segment: a participant from its first role on, until it leaves or its
 * thread ends. There is one for each segment and thread. It also looks after the others: who died
 * loses what it held (`spec/ring.md`, §5).
 */
import { compareExchange, loadAcquire } from '#atomics';
import { isMainThread } from 'node:worker_threads';
import { RondoError } from '../../base/index.ts';
import { Block, Lane, LaneState } from '../layout.ts';
import { ringBell } from '../waiting/bell.ts';
import { ownIdentity, systemProc, type Proc } from './identity.ts';
import { ASKING, generationOf, ownerWord } from './layout.ts';
import { ownerOffset, Participants, type ParticipantInfo, type Role } from './participants.ts';
import type { RingSegment, RingView } from './segment.ts';
import { Deaths } from './deaths.ts';
import { Watches } from './watches.ts';

export type { ParticipantInfo };

/** Memberships that have joined: they leave when the thread ends, if it has time to. */
const joined = new Set<Membership>();
const memberships = new WeakMap<RingSegment, Membership>();
let leavesAtExit = false;

function leaveAtExit(membership: Membership): void {
  joined.add(membership);
  if (leavesAtExit) return;
  leavesAtExit = true;
  process.on('exit', () => {
    for (const each of joined) each.leave();
  });
}

/** Who holds the roles of a ring, for a message. */
function nameHolders(holders: readonly (ParticipantInfo | undefined)[]): string {
  const names = holders.map((holder) => {
    if (holder === undefined || holder.pid === 0) return 'nobody known';
    const thread = holder.tid === 0 ? '' : ` thread ${holder.tid}`;
    // Quoted: a label is another process's text.
    const label = holder.label === '' ? '' : ` ${JSON.stringify(holder.label)}`;
    return `pid ${holder.pid}${thread} (${holder.language})${label}`;
  });
  return [...new Set(names)].join(', ');
}

/** What messages call a ring: its name, or what its messages are when it has none. */
export function ringLabel({ info }: RingSegment, { index, schema }: RingView): string {
  // The second line of the canonical text, which was checked.
  const struct = schema.layout.split('\n')[1]!.slice('name '.length);
  const which = info.kind === 'channel' ? ` (${index === 0 ? 'requests' : 'responses'})` : '';
  const name = info.name === '' ? `of ${struct}` : JSON.stringify(info.name);
  return `${info.kind} ${name}${which}`;
}

/** See the head of this file. */
export class Membership {
  readonly #segment: RingSegment;
  readonly #words: Int32Array;
  readonly #label: string;
  readonly #proc: Proc;
  readonly #participants: Participants;
  readonly #watches: Watches;
  readonly #deaths: Deaths;
  /** The entry and the state that it was given. */
  #own: { readonly index: number; readonly state: number } | undefined;

  /** For tests; others use `Membership.of`. @internal */
  constructor(segment: RingSegment, label: string = '', proc: Proc = systemProc) {
    this.#segment = segment;
    this.#words = segment.arena.words;
    this.#label = label;
    this.#proc = proc;
    this.#participants = new Participants(segment, proc);
    this.#deaths = new Deaths(this.#participants);
    this.#watches = new Watches(segment.arena, this.#participants, () => void this.clearUp());
  }

  /** The one of this thread; `label` (up to 63 bytes of UTF-8) counts at the first call alone. */
  static of(segment: RingSegment, label: string = ''): Membership {
    let membership = memberships.get(segment);
    if (membership === undefined) {
      membership = new Membership(segment, label);
      memberships.set(segment, membership);
    }
    return membership;
  }

  /** Its place in the table of participants, or -1 before it joined. */
  get index(): number {
    return this.#own?.index ?? -1;
  }

  /**
   * Becomes a participant at once, not with the first role. Idempotent.
   * @throws {RondoError} ERR_RING_PARTICIPANTS
   */
  join(): void {
    this.#join();
  }

  /** How many others are participants, or about to be. Only looks. */
  others(): number {
    return this.#participants.taken(this.index);
  }

  /**
   * Makes this thread the producer of a lane that has none, and returns which.
   * @throws {RondoError} ERR_RING_ROLE_TAKEN, naming the holders
   * @throws {RondoError} ERR_RING_PARTICIPANTS
   */
  takeLane(ring: RingView): number {
    const lane = this.#take(ring, 'lane', this.#lanesByNeed(ring), 0);
    // Whoever waits learns of a new peer, and watches it.
    ringBell(this.#segment.arena, ring.base + Block.CONSUMERS_BELL);
    return lane;
  }

  /**
   * Makes this thread the consumer of a place that has none, and returns which. `asking`: it is not
   * to be waited for before a producer lets it in.
   * @throws {RondoError} ERR_RING_ROLE_TAKEN, naming the holders
   * @throws {RondoError} ERR_RING_PARTICIPANTS
   */
  takePlace(ring: RingView, asking: boolean): number {
    const places = Array.from({ length: ring.plan.shape.places }, (_, place) => place);
    const place = this.#take(ring, 'place', places, asking ? ASKING : 0);
    ringBell(this.#segment.arena, ring.base + Block.PRODUCERS_BELL);
    return place;
  }

  /** Gives a role up; nothing happens when it is another's. Wakes the ring's sleepers. */
  giveUp(ring: RingView, role: Role, index: number): void {
    const word = ownerOffset(ring, role, index) >>> 2;
    // Twice, because a producer may have let this consumer in meanwhile.
    for (let attempt = 0; attempt < 2; attempt++) {
      const owner = loadAcquire(this.#words, word);
      if (!this.#isOwn(owner)) return;
      if (compareExchange(this.#words, word, owner, 0) === owner) break;
    }
    ringBell(this.#segment.arena, ring.base + Block.CONSUMERS_BELL);
    ringBell(this.#segment.arena, ring.base + Block.PRODUCERS_BELL);
  }

  /** Whether the role still is this thread's: not when others had reason to take it for dead. */
  holds(ring: RingView, role: Role, index: number): boolean {
    return this.#isOwn(loadAcquire(this.#words, ownerOffset(ring, role, index) >>> 2));
  }

  /** Takes from the dead what they held, and wakes all sleepers; returns how many there were. */
  clearUp(): number {
    return this.#participants.clearUp(this.index);
  }

  /** Clears up if somebody has died; cheap, for threads that block and look again and again. */
  lookForDeaths(): void {
    if (this.#deaths.look()) this.clearUp();
  }

  /** Who has a role now, or undefined when nobody has. */
  present(ring: RingView, role: Role, index: number): ParticipantInfo | undefined {
    return this.#participants.present(ring, role, index);
  }

  /**
   * Calls back when another participant dies, after `clearUp`, from the event loop; returns what
   * ends that. It does not keep the process alive. Who joins later is seen at the next
   * `refresh`.
   */
  watch(listener: () => void): () => void {
    return this.#watches.add(listener);
  }

  /** Watches who has joined since the last call. Cheap; for whenever a bell was rung. */
  refresh(): void {
    this.#watches.refresh();
  }

  /**
   * Gives up all roles and the place in the table, and ends watching. Idempotent. Must come before
   * the segment's memory is given back; the next role joins again.
   */
  leave(): void {
    this.#watches.close();
    this.#deaths.close();
    joined.delete(this);
    const own = this.#own;
    if (own === undefined) return;
    this.#own = undefined;
    this.#participants.free(own.index, own.state);
    this.#participants.ring();
  }

  #isOwn(owner: number): boolean {
    const own = this.#own;
    if (own === undefined) return false;
    return (owner & 0xffff) === ownerWord(own.index, generationOf(own.state));
  }

  #take(ring: RingView, role: Role, candidates: readonly number[], asking: number): number {
    const { index, state } = this.#join();
    this.clearUp();
    const mine = ownerWord(index, generationOf(state)) | asking;
    for (const candidate of candidates) {
      const word = ownerOffset(ring, role, candidate) >>> 2;
      if (compareExchange(this.#words, word, 0, mine) === 0) return candidate;
    }
    throw this.#roleTaken(ring, role, candidates);
  }

  #roleTaken(ring: RingView, role: Role, candidates: readonly number[]): RondoError {
    const holders = candidates.map((candidate) => this.present(ring, role, candidate));
    const [verb, noun] =
      role === 'lane' ? ['produce into', 'producer'] : ['consume from', 'consumer'];
    const { topology } = ring.plan.shape;
    const count = candidates.length;
    const several = role === 'lane' ? 'mpsc and mpmc' : 'mpmc and broadcast';
    const advice = count === 1 ? `; rings of topology ${several} can have more` : '';
    const places = count === 1 ? `its place for a ${noun} is` : `its ${count} ${noun}s' places are`;
    return new RondoError(
      'ERR_RING_ROLE_TAKEN',
      `Cannot ${verb} ${ringLabel(this.#segment, ring)} (${topology}): ${places} taken by ` +
        `${nameHolders(holders)}${advice}`,
    );
  }

  /**
   * Lanes in the order in which they are taken: first those that a producer left open, because
   * consumers wait for its successor, then those never used, then closed ones.
   */
  #lanesByNeed(ring: RingView): number[] {
    const { plan, base } = ring;
    const needs = Array.from({ length: plan.shape.lanes }, (_, lane) => {
      const state = loadAcquire(this.#words, (base + plan.control(lane) + Lane.STATE) >>> 2);
      const rank = state === LaneState.OPEN ? 0 : state === LaneState.UNUSED ? 1 : 2;
      return { lane, rank };
    });
    return needs.sort((a, b) => a.rank - b.rank).map(({ lane }) => lane);
  }

  #join(): { readonly index: number; readonly state: number } {
    if (this.#own !== undefined && this.#participants.state(this.#own.index) === this.#own.state) {
      return this.#own;
    }
    this.clearUp();
    const identity = ownIdentity(!isMainThread, this.#proc);
    const thread = this.#proc.currentThread();
    const own = this.#participants.join(identity, thread, this.#label);
    if (own === undefined) {
      const holders = this.#participants.live().map((entry) => this.#participants.describe(entry));
      throw new RondoError(
        'ERR_RING_PARTICIPANTS',
        `Cannot join the ring segment: its table is full, with ${nameHolders(holders)}`,
      );
    }
    this.#own = own;
    leaveAtExit(this);
    return own;
  }
}
