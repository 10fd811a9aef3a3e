/**
 * One io_uring whose rings lie in the arena, written and read in place.
 *
 * Who writes what: TypeScript the submission entries, the submission tail and the completion head;
 * the kernel the submission head, the completion entries, the completion tail and the flags. With
 * DEFER_TASKRUN (or COOP_TASKRUN) the kernel posts completions only inside system calls of this
 * thread, and it reads the submission tail only inside io_uring_enter; so a plain store publishes
 * enough for the submission side, and the two atomic accesses per batch on the completion side are
 * there for the fallback in which a kernel worker thread may post.
 *
 * Addresses are arena offsets here; the addon turns them into addresses on the way (uring.c).
 */
import { loadAcquire, storeRelease } from '#atomics';
import { assert, Errno, errnoName } from '../../base/index.ts';
import type { Arena, Region } from '../../memory/index.ts';
import type { Native } from '../../native/index.ts';
import { Params, Setup } from './abi.ts';

/** What the kernel granted. */
export interface RingSetup {
  readonly flags: number;
  readonly submissionEntries: number;
  readonly completionEntries: number;
}

/** Tried in this order; each next one asks less. NO_MMAP is never dropped: docs/decisions/0003. */
const FLAG_SETS: readonly number[] = [
  Setup.SINGLE_ISSUER | Setup.DEFER_TASKRUN | Setup.TASKRUN_FLAG | Setup.NO_SQARRAY,
  Setup.SINGLE_ISSUER | Setup.DEFER_TASKRUN | Setup.TASKRUN_FLAG,
  Setup.COOP_TASKRUN | Setup.TASKRUN_FLAG,
  0,
];

const ALWAYS = Setup.NO_MMAP | Setup.SUBMIT_ALL | Setup.CQSIZE | Setup.CLAMP;

const SQE_BYTES = 64;
const CQE_BYTES = 16;
const PAGE = 4096;

export class Ring {
  readonly id: number;
  readonly setup: RingSetup;
  readonly #native: Native;
  readonly #words: Int32Array;
  readonly #region: Region;
  readonly #sqes: number;
  readonly #sqMask: number;
  readonly #sqHeadWord: number;
  readonly #sqTailWord: number;
  readonly #cqes: number;
  readonly #cqMask: number;
  readonly #cqHeadWord: number;
  readonly #cqTailWord: number;
  #tail = 0;
  #head = 0;
  /** The entry being read: user data (two words), result and flags. */
  id0 = 0;
  id1 = 0;
  result = 0;
  flags = 0;

  private constructor(
    arena: Arena,
    native: Native,
    region: Region,
    id: number,
    params: number,
    layout: RingLayout,
  ) {
    const word = (offset: number): number => arena.words[(params + offset) >>> 2]!;
    const base = region.offset + layout.rings;
    this.id = id;
    this.setup = {
      flags: word(Params.FLAGS),
      submissionEntries: word(Params.SQ_ENTRIES),
      completionEntries: word(Params.CQ_ENTRIES),
    };
    this.#native = native;
    this.#words = arena.words;
    this.#region = region;
    this.#sqes = (region.offset + layout.sqes) >>> 2;
    this.#sqMask = this.setup.submissionEntries - 1;
    this.#sqHeadWord = (base + word(Params.SQ_HEAD)) >>> 2;
    this.#sqTailWord = (base + word(Params.SQ_TAIL)) >>> 2;
    this.#cqes = (base + word(Params.CQ_CQES)) >>> 2;
    this.#cqMask = this.setup.completionEntries - 1;
    this.#cqHeadWord = (base + word(Params.CQ_HEAD)) >>> 2;
    this.#cqTailWord = (base + word(Params.CQ_TAIL)) >>> 2;
    if ((this.setup.flags & Setup.NO_SQARRAY) === 0) {
      const array = (base + word(Params.SQ_ARRAY)) >>> 2;
      for (let i = 0; i <= this.#sqMask; i++) arena.words[array + i] = i;
    }
  }

  /** Sets a ring up, or says why the kernel refuses. */
  static open(
    arena: Arena,
    native: Native,
    owner: string,
    entries: number,
    completions: number,
  ): Ring | string {
    const layout = ringLayout(entries, completions);
    const region = arena.allocate('io_uring rings', layout.bytes, { owner, alignment: PAGE });
    const params = region.offset;
    let refusal = 0;
    for (const flags of FLAG_SETS) {
      arena.bytes.fill(0, region.offset, region.offset + layout.bytes);
      arena.words[(params + Params.CQ_ENTRIES) >>> 2] = completions;
      arena.words[(params + Params.FLAGS) >>> 2] = flags | ALWAYS;
      const id = native.uringSetup(
        entries,
        params,
        region.offset + layout.rings,
        layout.ringBytes,
        region.offset + layout.sqes,
        layout.sqeBytes,
      );
      if (id >= 0) {
        region.used = layout.bytes;
        return new Ring(arena, native, region, id, params, layout);
      }
      refusal = -id;
      if (refusal !== Errno.EINVAL) break;
    }
    region.release();
    return explain(refusal);
  }

  /** Ends the ring; the memory is given back when the kernel has let go of it. */
  close(): void {
    const result = this.#native.uringClose(this.id);
    // A request that the kernel cannot end keeps its memory: leaked on purpose, never reused.
    if (result === 0) this.#region.release();
  }

  /** Hands what was written to the kernel without waiting. */
  flush(): number {
    return this.#native.uringFlush(this.id);
  }

  /** Hands it over and sleeps until something has completed; ms, or Infinity. */
  sleep(milliseconds: number): void {
    const limit = milliseconds === Infinity ? -1 : Math.ceil(milliseconds * 1000);
    this.#native.uringFlushBlocking(this.id, 1, limit);
  }

  /** Whether the kernel has consumed all entries: scratch memory they named is free again. */
  get consumed(): boolean {
    return this.#words[this.#sqHeadWord] === this.#tail;
  }

  /**
   * A zeroed submission entry, as a word index: 0 opcode | flags << 8 | ioprio << 16, 1 fd,
   * 2–3 off, 4–5 addr, 6 len, 7 op flags, 8–9 user data, 10 buffer group, 11 file index,
   * 12–13 addr3.
   * It counts as written at once: fill it before the next flush.
   */
  entry(): number {
    if (((this.#tail - this.#words[this.#sqHeadWord]!) | 0) > this.#sqMask) this.#makeRoom();
    const words = this.#words;
    const at = this.#sqes + ((this.#tail & this.#sqMask) << 4);
    words[at] = 0;
    words[at + 1] = 0;
    words[at + 2] = 0;
    words[at + 3] = 0;
    words[at + 4] = 0;
    words[at + 5] = 0;
    words[at + 6] = 0;
    words[at + 7] = 0;
    words[at + 8] = 0;
    words[at + 9] = 0;
    words[at + 10] = 0;
    words[at + 11] = 0;
    words[at + 12] = 0;
    words[at + 13] = 0;
    words[at + 14] = 0;
    words[at + 15] = 0;
    this.#tail = (this.#tail + 1) | 0;
    words[this.#sqTailWord] = this.#tail;
    return at;
  }

  #makeRoom(): void {
    for (let attempt = 0; attempt < 1000; attempt++) {
      this.flush();
      if (((this.#tail - this.#words[this.#sqHeadWord]!) | 0) <= this.#sqMask) return;
    }
    assert(false, 'the kernel consumes submission entries');
  }

  /** How many completions wait. Publishes nothing; partner: the kernel's release of the tail. */
  ready(): number {
    const count = (loadAcquire(this.#words, this.#cqTailWord) - this.#head) | 0;
    // Otherwise somebody else writes to our memory, and a turn would have no end.
    assert(count >= 0 && count <= this.#cqMask + 1, 'the completion tail goes forward');
    return count;
  }

  /** Reads the next completion into the fields of this object. Call `ready` first. */
  next(): void {
    const words = this.#words;
    const at = this.#cqes + ((this.#head & this.#cqMask) << 2);
    this.id0 = words[at]!;
    this.id1 = words[at + 1]!;
    this.result = words[at + 2]!;
    this.flags = words[at + 3]!;
    this.#head = (this.#head + 1) | 0;
  }

  /** Gives the read completions' places back to the kernel (release). Once per batch. */
  consume(): void {
    storeRelease(this.#words, this.#cqHeadWord, this.#head);
  }
}

interface RingLayout {
  readonly rings: number;
  readonly ringBytes: number;
  readonly sqes: number;
  readonly sqeBytes: number;
  readonly bytes: number;
}

/** One region: a page for the parameters, the rings, the submission entries. */
function ringLayout(entries: number, completions: number): RingLayout {
  const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;
  const ringBytes = pages(256 + completions * CQE_BYTES + entries * 4);
  const sqeBytes = pages(entries * SQE_BYTES);
  return {
    rings: PAGE,
    ringBytes,
    sqes: PAGE + ringBytes,
    sqeBytes,
    bytes: PAGE + ringBytes + sqeBytes,
  };
}

function explain(errno: number): string {
  switch (errno) {
    case Errno.EPERM:
      return 'io_uring is forbidden here (kernel.io_uring_disabled, or a container policy)';
    case Errno.ENOSYS:
      return 'the kernel has no io_uring, or a seccomp filter hides it';
    case Errno.EINVAL:
      return 'the kernel is too old: rings in our own memory (IORING_SETUP_NO_MMAP) need Linux 6.10';
    case Errno.ENOBUFS:
      return 'this thread has as many rings as it can (16)';
    case Errno.ENOMEM:
      return 'the kernel has no memory for the rings (RLIMIT_MEMLOCK)';
    default:
      return `io_uring_setup failed with ${errnoName(errno)}`;
  }
}
