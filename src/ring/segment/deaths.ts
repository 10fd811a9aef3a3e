/**
 * Looking for deaths from a thread that blocks: cheap enough for twenty times a second. Each other
 * process is asked through a pidfd that is kept; /proc is read once for each who joins, and for
 * threads, of which the kernel gives no such descriptor everywhere.
 */
import { loadNative, nativeStatus } from '../../native/index.ts';
import { ParticipantState, SegmentLimit, stateOf } from './layout.ts';
import { isProcessId } from './identity.ts';
import type { ParticipantEntry, Participants } from './participants.ts';

/** This process itself: as long as this looks, it lives. */
const SELF = -1;
/** A thread, or a process that cannot be watched. */
const UNWATCHED = -2;

interface Known {
  /** The state word of the entry: another one is another participant. */
  readonly state: number;
  /** A pidfd, `SELF` or `UNWATCHED`. */
  readonly pidfd: number;
  readonly entry: ParticipantEntry;
}

/** See the head of this file. One for each membership that blocks. */
export class Deaths {
  readonly #participants: Participants;
  readonly #known: (Known | undefined)[] = [];
  /** The table as it was, and the entries of those who are not this process. */
  readonly #states = new Int32Array(SegmentLimit.PARTICIPANTS);
  #asked: number[] = [];
  #looks = 0;

  constructor(participants: Participants) {
    this.#participants = participants;
  }

  /** Whether somebody is dead who has not been cleared away. */
  look(): boolean {
    if (!nativeStatus().available) return true;
    this.#looks += 1;
    // Of a table in which nothing has changed, only those who can die are asked.
    if (!this.#participants.refresh(this.#states)) {
      return this.#asked.some((index) => this.#isDead(index));
    }
    this.#asked = [];
    let isAnyDead = false;
    for (let index = 0; index < SegmentLimit.PARTICIPANTS; index++) {
      if (this.#isDead(index)) isAnyDead = true;
      const known = this.#known[index];
      if (known !== undefined && known.pidfd !== SELF) this.#asked.push(index);
    }
    return isAnyDead;
  }

  /** Gives the descriptors back. */
  close(): void {
    for (let index = 0; index < this.#known.length; index++) this.#forget(index);
  }

  #isDead(index: number): boolean {
    const state = this.#participants.state(index);
    const known = this.#known[index];
    if (known !== undefined && known.state === state) return this.#hasEnded(known);
    this.#forget(index);
    if (stateOf(state) !== ParticipantState.LIVE) return false;
    const entry = this.#participants.read(index);
    if (entry === undefined) return false;
    this.#known[index] = { state, entry, pidfd: this.#watch(entry) };
    // Opened first: who has died before that is not mistaken for who has its id now.
    return this.#participants.isDead(entry);
  }

  #hasEnded({ pidfd, entry }: Known): boolean {
    if (pidfd >= 0) return loadNative().processEnded(pidfd) === 1;
    // Each second time: reading /proc takes a hundred times as long.
    return pidfd === UNWATCHED && this.#looks % 2 === 0 && this.#participants.isDead(entry);
  }

  #watch({ identity: { pid, tid } }: ParticipantEntry): number {
    if (tid !== 0) return UNWATCHED;
    if (pid === process.pid) return SELF;
    if (!isProcessId(pid)) return UNWATCHED;
    const pidfd = loadNative().processOpen(pid);
    return pidfd < 0 ? UNWATCHED : pidfd;
  }

  #forget(index: number): void {
    const known = this.#known[index];
    if (known === undefined) return;
    this.#known[index] = undefined;
    if (known.pidfd >= 0) loadNative().closeDescriptor(known.pidfd);
  }
}
