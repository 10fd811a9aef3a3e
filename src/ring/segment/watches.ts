/**
 * Learning of deaths without looking: the kernel tells the event loop through a pidfd for each
 * other process among the participants. Threads, and processes that cannot be watched so, are
 * looked at every 50 ms, and only while there are any.
 */
import { loadNative, nativeStatus, type Native } from '../../native/index.ts';
import type { Arena, Region } from '../../memory/index.ts';
import { SegmentLimit } from './layout.ts';
import { isProcessId } from './identity.ts';
import type { ParticipantEntry, Participants } from './participants.ts';

/** Instead of a pidfd: there is nobody to watch. */
const NONE = -1;
/** Instead of a pidfd: somebody whom the kernel does not watch for us. */
const UNWATCHED = -2;

/** How often those are looked at whose death the kernel does not tell. */
const LOOK_MS = 50;

// Source: epoll_ctl(2), linux/eventpoll.h.
const EPOLL_ADD = 1;
const EPOLL_DELETE = 2;
const EPOLLIN = 1;
/** Events taken at a time: the others come the next time. */
const EVENTS = 64;

/** One for each arena and thread: processes that the event loop watches. */
class Processes {
  readonly #native: Native;
  readonly #region: Region;
  readonly #words: Uint32Array;
  readonly #epoll: number;
  readonly #loop: number;
  readonly #watched = new Map<number, () => void>();

  private constructor(native: Native, region: Region, words: Uint32Array, epoll: number) {
    this.#native = native;
    this.#region = region;
    this.#words = words;
    this.#epoll = epoll;
    const { offset } = region;
    this.#loop = native.epollAttach(epoll, offset, EVENTS, offset + EVENTS * 8, (count) => {
      this.#ended(count);
    });
  }

  static open(arena: Arena): Processes | undefined {
    if (!nativeStatus().available) return undefined;
    const native = loadNative();
    native.attachArena(arena.bytes);
    const epoll = native.epollCreate();
    if (epoll < 0) return undefined;
    const region = arena.allocate('ring deaths', EVENTS * 8 + 4, { owner: 'ring' });
    const processes = new Processes(native, region, arena.unsigned, epoll);
    if (processes.#loop >= 0) return processes;
    region.release();
    native.closeDescriptor(epoll);
    return undefined;
  }

  /** Calls back once when the process ends. Returns its pidfd; negative: it cannot be watched. */
  add(pid: number, listener: () => void): number {
    const pidfd = isProcessId(pid) ? this.#native.processOpen(pid) : UNWATCHED;
    if (pidfd < 0) return pidfd;
    const result = this.#native.epollControl(this.#epoll, EPOLL_ADD, pidfd, EPOLLIN, pidfd);
    if (result < 0) {
      this.#native.closeDescriptor(pidfd);
      return result;
    }
    this.#watched.set(pidfd, listener);
    return pidfd;
  }

  remove(pidfd: number): void {
    if (!this.#watched.delete(pidfd)) return;
    this.#native.epollControl(this.#epoll, EPOLL_DELETE, pidfd, 0, 0);
    this.#native.closeDescriptor(pidfd);
  }

  close(): void {
    for (const pidfd of this.#watched.keys()) this.remove(pidfd);
    this.#native.loopDetach(this.#loop);
    this.#native.closeDescriptor(this.#epoll);
    this.#region.release();
  }

  #ended(count: number): void {
    const first = this.#region.offset >>> 2;
    const keys = Array.from({ length: count }, (_, index) => this.#words[first + index * 2]!);
    for (const pidfd of keys) {
      const listener = this.#watched.get(pidfd);
      this.remove(pidfd);
      listener?.();
    }
  }
}

/** The watches of one membership. */
export class Watches {
  readonly #arena: Arena;
  readonly #participants: Participants;
  readonly #clearUp: () => void;
  readonly #listeners = new Set<() => void>();
  /** By entry: the state that it had when it was looked at, and its pidfd, NONE or UNWATCHED. */
  readonly #states = new Int32Array(SegmentLimit.PARTICIPANTS);
  readonly #pidfds = new Int32Array(SegmentLimit.PARTICIPANTS).fill(NONE);
  #processes: Processes | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(arena: Arena, participants: Participants, clearUp: () => void) {
    this.#arena = arena;
    this.#participants = participants;
    this.#clearUp = clearUp;
  }

  /** Calls `listener` after each death; returns what ends that. */
  add(listener: () => void): () => void {
    // A function of its own: the same listener may be added twice.
    const own = (): void => listener();
    this.#listeners.add(own);
    this.#processes ??= Processes.open(this.#arena);
    this.refresh();
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.close();
    };
  }

  /** Watches who has joined since, and no more who has left. Cheap when nobody did. */
  refresh(): void {
    if (this.#listeners.size === 0) return;
    let isChanged = false;
    for (let index = 0; index < SegmentLimit.PARTICIPANTS; index++) {
      const state = this.#participants.state(index);
      if (state === this.#states[index]) continue;
      isChanged = true;
      this.#states[index] = state;
      this.#processes?.remove(this.#pidfds[index]!);
      this.#pidfds[index] = NONE;
      const entry = this.#participants.read(index);
      if (entry) this.#watch(entry);
    }
    if (isChanged) this.#look();
  }

  close(): void {
    this.#listeners.clear();
    this.#states.fill(0);
    this.#pidfds.fill(NONE);
    this.#processes?.close();
    this.#processes = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #watch(entry: ParticipantEntry): void {
    const { index, state, identity } = entry;
    const { pid, tid } = identity;
    this.#states[index] = state;
    // Of its own process there is nothing to learn while this runs.
    if (pid === process.pid && tid === 0) return;
    const pidfd = tid === 0 ? this.#processes?.add(pid, () => this.#died()) : undefined;
    this.#pidfds[index] = pidfd === undefined || pidfd < 0 ? UNWATCHED : pidfd;
    // It may have died before the pidfd was there, and another may have its id by now.
    if (this.#participants.isDead(entry)) setImmediate(() => this.#died());
  }

  /** Looks from time to time as long as somebody can be watched in no other way. */
  #look(): void {
    const isNeeded = this.#pidfds.includes(UNWATCHED);
    if (isNeeded === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = isNeeded ? setInterval(() => this.#lookNow(), LOOK_MS).unref() : undefined;
  }

  #lookNow(): void {
    this.#clearUp();
    const isGone = this.#states.some((state, index) => {
      return this.#pidfds[index] !== NONE && this.#participants.state(index) !== state;
    });
    if (isGone) this.#tell();
    this.refresh();
  }

  #died(): void {
    // Closed since: the memory may be somebody else's by now.
    if (this.#listeners.size === 0) return;
    this.#clearUp();
    this.#tell();
    this.refresh();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
