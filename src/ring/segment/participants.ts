/**
 * The table of participants of a segment, and the owner words of its rings (`spec/ring.md`, §5 and
 * §6). Every change is one compare-and-swap on a word that names who it is about, so any number of
 * threads and processes may change it at the same time, and each may die anywhere. The fields of an
 * entry are written between *joining* and *live* by who joins, and never else.
 */
import { compareExchange, loadAcquire } from '#atomics';
import { assert } from '../../base/index.ts';
import { Block } from '../layout.ts';
import { ringBell } from '../waiting/bell.ts';
import { isDead, isThreadGone, systemProc, type Identity, type Proc } from './identity.ts';
import {
  ASKING,
  generationOf,
  LANGUAGES,
  ownerWord,
  Participant,
  PARTICIPANTS,
  ParticipantState,
  SegmentLimit,
  stateOf,
  stateWord,
  threadOf,
} from './layout.ts';
import type { RingSegment, RingView } from './segment.ts';

/** A side of a ring: a lane for a producer, a place for a consumer. */
export type Role = 'lane' | 'place';

/** Who has a role. */
export interface ParticipantInfo {
  /** 0 when the owner word names nobody who is known. */
  readonly pid: number;
  /** Kernel thread id, or 0 for a whole process. */
  readonly tid: number;
  readonly language: string;
  /** Any text: another process wrote it. */
  readonly label: string;
  /** False when it is known to be dead. */
  readonly alive: boolean;
  /** A consumer that waits to be let in. */
  readonly asking: boolean;
}

/** An entry, as it was when its state was `state`. */
export interface ParticipantEntry {
  readonly index: number;
  readonly state: number;
  readonly identity: Identity;
  readonly language: string;
  /** Cut at its first zero; another process wrote it, so it may hold any text. */
  readonly label: string;
}

const LANGUAGE_TYPESCRIPT = 1;

/** Arena offset of the owner word of a lane or a place. */
export function ownerOffset(ring: RingView, role: Role, index: number): number {
  const { lanes, places } = ring.plan.shape;
  assert(index >= 0 && index < (role === 'lane' ? lanes : places), `the ${role} exists`);
  const first = role === 'lane' ? Block.LANE_OWNERS : Block.CONSUMER_OWNERS;
  return ring.base + first + 4 * index;
}

/** See the head of this file. */
export class Participants {
  readonly #segment: RingSegment;
  readonly #words: Int32Array;
  readonly #proc: Proc;

  constructor(segment: RingSegment, proc: Proc = systemProc) {
    this.#segment = segment;
    this.#words = segment.arena.words;
    this.#proc = proc;
  }

  /** The state word of an entry, as it is now. */
  state(index: number): number {
    return loadAcquire(this.#words, this.#offset(index) >>> 2);
  }

  /**
   * Copies all state words, and returns whether any was another one. Plain loads: what is missed
   * now is seen the next time.
   */
  refresh(states: Int32Array): boolean {
    const words = this.#words;
    const step = Participant.SIZE >>> 2;
    let word = this.#offset(0) >>> 2;
    let hasChanged = false;
    for (let index = 0; index < states.length; index++, word += step) {
      const state = words[word]!;
      if (states[index] === state) continue;
      states[index] = state;
      hasChanged = true;
    }
    return hasChanged;
  }

  /** An entry that is live, or undefined when it is not, or changed while it was read. */
  read(index: number): ParticipantEntry | undefined {
    const offset = this.#offset(index);
    const state = this.state(index);
    if (stateOf(state) !== ParticipantState.LIVE) return undefined;
    // Private: text is never decoded in place, and what was read is what is judged.
    const copy = Buffer.from(
      this.#segment.arena.bytes.slice(offset, offset + Participant.SIZE).buffer,
    );
    if (this.state(index) !== state) return undefined;
    const label = copy.subarray(Participant.LABEL, Participant.LABEL + Participant.LABEL_BYTES);
    const end = label.indexOf(0);
    return {
      index,
      state,
      identity: {
        pid: copy.readUInt32LE(Participant.PID),
        tid: copy.readUInt32LE(Participant.TID),
        startTime: copy.readBigUInt64LE(Participant.START),
        namespace: copy.readBigUInt64LE(Participant.NAMESPACE),
        bootId: copy.toString('hex', Participant.BOOT, Participant.BOOT + Participant.BOOT_BYTES),
      },
      language: LANGUAGES[copy.readUInt32LE(Participant.LANGUAGE)] ?? LANGUAGES[0],
      label: label.toString('utf8', 0, end === -1 ? label.length : end),
    };
  }

  /** Every live entry. */
  live(): ParticipantEntry[] {
    const found: ParticipantEntry[] = [];
    for (let index = 0; index < SegmentLimit.PARTICIPANTS; index++) {
      const entry = this.read(index);
      if (entry) found.push(entry);
    }
    return found;
  }

  /** How many entries are not free, but for `self`. */
  taken(self: number): number {
    let count = 0;
    for (let index = 0; index < SegmentLimit.PARTICIPANTS; index++) {
      const isTaken = stateOf(this.state(index)) !== ParticipantState.FREE;
      if (index !== self && isTaken) count += 1;
    }
    return count;
  }

  /** Takes a free entry: gives it with its state, or undefined when there is none. */
  join(
    identity: Identity,
    thread: number,
    label: string,
  ): { readonly index: number; readonly state: number } | undefined {
    for (let index = 0; index < SegmentLimit.PARTICIPANTS; index++) {
      const word = this.#offset(index) >>> 2;
      const seen = this.state(index);
      if (stateOf(seen) !== ParticipantState.FREE) continue;
      const joining = stateWord(ParticipantState.JOINING, generationOf(seen), thread);
      if (compareExchange(this.#words, word, seen, joining) !== seen) continue;
      this.#write(index, identity, label);
      const live = stateWord(ParticipantState.LIVE, generationOf(seen), thread);
      // Publishes the identity. Not a store: in another pid namespace somebody may have taken this
      // thread for one that does not exist, and the entry may be somebody else's by now.
      if (compareExchange(this.#words, word, joining, live) === joining) {
        return { index, state: live };
      }
    }
    return undefined;
  }

  #write(index: number, identity: Identity, label: string): void {
    const entry = Buffer.alloc(Participant.SIZE);
    entry.writeUInt32LE(identity.pid, Participant.PID);
    entry.writeUInt32LE(identity.tid, Participant.TID);
    entry.writeUInt32LE(LANGUAGE_TYPESCRIPT, Participant.LANGUAGE);
    entry.writeBigUInt64LE(identity.startTime, Participant.START);
    entry.writeBigUInt64LE(identity.namespace, Participant.NAMESPACE);
    entry.write(identity.bootId, Participant.BOOT, Participant.BOOT_BYTES, 'hex');
    // Cut at a whole character, with a zero behind it.
    const field = entry.subarray(Participant.LABEL, Participant.SIZE - 1);
    new TextEncoder().encodeInto(label, field);
    const { bytes } = this.#segment.arena;
    bytes.set(entry.subarray(Participant.PID), this.#offset(index) + Participant.PID);
  }

  /**
   * Gives up whatever the entry has, and the entry, if its state still is `state`. Returns whether
   * it was this call that freed it.
   */
  free(index: number, state: number): boolean {
    this.#dropRoles((owner) => (owner & 0xffff) === ownerWord(index, generationOf(state)));
    const freed = stateWord(ParticipantState.FREE, generationOf(state) + 1, 0);
    return compareExchange(this.#words, this.#offset(index) >>> 2, state, freed) === state;
  }

  /**
   * Frees the entries of the dead, but for `self`, and owner words that name nobody; wakes all
   * sleepers when there were any. Returns how many it freed.
   */
  clearUp(self: number): number {
    let freed = 0;
    for (let index = 0; index < SegmentLimit.PARTICIPANTS; index++) {
      const state = this.state(index);
      if (index === self || !this.#isDead(index, state)) continue;
      if (this.free(index, state)) freed += 1;
    }
    const orphans = this.#dropRoles((owner) => this.#isOrphan(owner));
    if (freed + orphans > 0) this.ring();
    return freed;
  }

  /** Rings both bells of every ring. */
  ring(): void {
    const { arena, rings } = this.#segment;
    for (const { base } of rings) {
      ringBell(arena, base + Block.CONSUMERS_BELL);
      ringBell(arena, base + Block.PRODUCERS_BELL);
    }
  }

  /** The entry that an owner word names, or undefined when there is no such live participant. */
  ownerOf(owner: number): ParticipantEntry | undefined {
    const index = (owner & 0xff) - 1;
    if (index < 0 || index >= SegmentLimit.PARTICIPANTS) return undefined;
    const entry = this.read(index);
    return entry && generationOf(entry.state) === ((owner >>> 8) & 0xff) ? entry : undefined;
  }

  /** Who has a role now, or undefined when nobody has. */
  present(ring: RingView, role: Role, index: number): ParticipantInfo | undefined {
    const owner = loadAcquire(this.#words, ownerOffset(ring, role, index) >>> 2);
    if (owner === 0) return undefined;
    const asking = (owner & ASKING) !== 0;
    const entry = this.ownerOf(owner);
    if (entry !== undefined) return { ...this.describe(entry), asking };
    return { pid: 0, tid: 0, language: LANGUAGES[0], label: '', alive: false, asking };
  }

  /** An entry for people. */
  describe(entry: ParticipantEntry): ParticipantInfo {
    const { identity, language, label } = entry;
    const { pid, tid } = identity;
    return { pid, tid, language, label, alive: !this.isDead(entry), asking: false };
  }

  /** Whether an entry is known to be dead. */
  isDead(entry: ParticipantEntry): boolean {
    return isDead(entry.identity, this.#proc);
  }

  #isDead(index: number, state: number): boolean {
    if (stateOf(state) === ParticipantState.JOINING) {
      return isThreadGone(threadOf(state), this.#proc);
    }
    const entry = this.read(index);
    return entry !== undefined && entry.state === state && this.isDead(entry);
  }

  /**
   * An entry is freed with the next generation after its owner words, so that a word which names an
   * earlier one, or one that is not live, comes from who was wrongly taken for dead, or a liar.
   */
  #isOrphan(owner: number): boolean {
    const index = (owner & 0xff) - 1;
    if (owner === 0) return false;
    if (index < 0 || index >= SegmentLimit.PARTICIPANTS) return true;
    const state = this.state(index);
    if (stateOf(state) !== ParticipantState.LIVE) return true;
    return generationOf(state) !== ((owner >>> 8) & 0xff);
  }

  /** Sets the owner words to 0 that a rule is true of; returns how many. */
  #dropRoles(isToDrop: (owner: number) => boolean): number {
    let dropped = 0;
    for (const ring of this.#segment.rings) {
      const { lanes, places } = ring.plan.shape;
      for (let lane = 0; lane < lanes; lane++) {
        dropped += this.#drop(ownerOffset(ring, 'lane', lane), isToDrop);
      }
      for (let place = 0; place < places; place++) {
        dropped += this.#drop(ownerOffset(ring, 'place', place), isToDrop);
      }
    }
    return dropped;
  }

  #drop(offset: number, isToDrop: (owner: number) => boolean): number {
    for (;;) {
      const owner = loadAcquire(this.#words, offset >>> 2);
      if (owner === 0 || !isToDrop(owner)) return 0;
      // A producer may take *asking* off it meanwhile: then it is looked at again.
      if (compareExchange(this.#words, offset >>> 2, owner, 0) === owner) return 1;
      if ((owner & ASKING) === 0) return 0;
    }
  }

  #offset(index: number): number {
    return this.#segment.offset + PARTICIPANTS + index * Participant.SIZE;
  }
}
