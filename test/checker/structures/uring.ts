/**
 * The rings of io_uring, with the kernel as the other side: what `io_uring_enter` does runs in the
 * thread that calls it, completions are posted by another thread, as a worker of the kernel does
 * when a ring has neither DEFER_TASKRUN nor COOP_TASKRUN (the last of the flag sets in `ring.ts`).
 *
 * Orders of the kernel are those of io_uring/io_uring.c: it acquires the submission tail, releases
 * the submission head; writes a completion, then releases the completion tail. It reads the
 * completion head before it writes an entry; a control dependency keeps that order there, for which
 * an acquire stands here.
 */
import { loadAcquire, storeRelease } from '#atomics';
import type { TestContext } from '../../../src/checker/check/index.ts';
import { Params } from '../../../src/driver/uring/abi.ts';
import { Ring } from '../../../src/driver/uring/ring.ts';
import type { Native } from '../../../src/native/index.ts';
import { assure, Ground } from './ground.ts';
import { JAVASCRIPT, QUICK, type Structure } from './structure.ts';

const SOURCES = ['driver/uring/ring.js'];

/** Entries of either ring: with three operations, both go round. */
const ENTRIES = 2;
/** Bytes from the beginning of the rings. */
const Rings = { SQ_HEAD: 0, SQ_TAIL: 4, CQ_HEAD: 8, CQ_TAIL: 12, CQES: 64, SQ_ARRAY: 128 } as const;
/** Words of a submission entry, of a completion, and of the user data in the former. */
const SQE_WORDS = 16;
const CQE_WORDS = 4;
const USER_DATA = 8;
/** Words of the kernel's own memory: how many operations it has taken, then their user data. */
const TAKEN = 0;
const COPIES = 1;

/** What the kernel says to flags that it does not know. */
const EINVAL = 22;

/** The other side. */
class Kernel {
  readonly #words: Int32Array;
  /** Words: of the rings, and of the submission entries. */
  #rings = 0;
  #sqes = 0;
  #taken = 0;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** What the addon would do for a thread. */
  get native(): Native {
    const native: Partial<Native> = {
      uringSetup: (_entries, params, ring, _ringBytes, sqes) => this.#setUp(params, ring, sqes),
      uringFlush: () => this.#enter(),
      uringFlushBlocking: () => {
        const submitted = this.#enter();
        while (this.#isEmpty());
        return submitted;
      },
      uringClose: () => 0,
    };
    return native as Native;
  }

  /** An old kernel: it refuses to post completions only when it is entered. */
  #setUp(params: number, rings: number, sqes: number): number {
    const flags = this.#words[(params + Params.FLAGS) >>> 2]!;
    if ((flags & ~0x4098) !== 0) return -EINVAL;
    const values = [
      [Params.SQ_ENTRIES, ENTRIES],
      [Params.CQ_ENTRIES, ENTRIES],
      [Params.SQ_HEAD, Rings.SQ_HEAD],
      [Params.SQ_TAIL, Rings.SQ_TAIL],
      [Params.SQ_ARRAY, Rings.SQ_ARRAY],
      [Params.CQ_HEAD, Rings.CQ_HEAD],
      [Params.CQ_TAIL, Rings.CQ_TAIL],
      [Params.CQ_CQES, Rings.CQES],
    ] as const;
    for (const [at, value] of values) this.#words[(params + at) >>> 2] = value;
    this.#rings = rings >>> 2;
    this.#sqes = sqes >>> 2;
    return 0;
  }

  #at(offset: number): number {
    return this.#rings + offset / 4;
  }

  /** Takes what was submitted: copies it and hands it to the worker. */
  #enter(): number {
    const words = this.#words;
    const tail = loadAcquire(words, this.#at(Rings.SQ_TAIL));
    const before = this.#taken;
    while (this.#taken !== tail) {
      const index = words[this.#at(Rings.SQ_ARRAY) + (this.#taken & (ENTRIES - 1))]!;
      const from = this.#sqes + index * SQE_WORDS + USER_DATA;
      const to = COPIES + 2 * this.#taken;
      words[to] = words[from]!;
      words[to + 1] = words[from + 1]!;
      this.#taken += 1;
    }
    storeRelease(words, this.#at(Rings.SQ_HEAD), this.#taken);
    storeRelease(words, TAKEN, this.#taken);
    return this.#taken - before;
  }

  /** Whether no completion waits: in the thread that sleeps. */
  #isEmpty(): boolean {
    const tail = loadAcquire(this.#words, this.#at(Rings.CQ_TAIL));
    return tail === this.#words[this.#at(Rings.CQ_HEAD)];
  }

  /** Completes operations in the order in which they were taken, each with its number. */
  work(count: number): void {
    const words = this.#words;
    for (let done = 0; done < count; done++) {
      while (loadAcquire(words, TAKEN) <= done);
      // What has no room waits in a list of the kernel's own.
      while (done - loadAcquire(words, this.#at(Rings.CQ_HEAD)) === ENTRIES);
      const at = this.#at(Rings.CQES) + (done & (ENTRIES - 1)) * CQE_WORDS;
      words[at] = words[COPIES + 2 * done]!;
      words[at + 1] = words[COPIES + 2 * done + 1]!;
      words[at + 2] = done;
      words[at + 3] = ~done;
      storeRelease(words, this.#at(Rings.CQ_TAIL), done + 1);
    }
  }
}

/** An application with a ring that the kernel has just made. */
class Application {
  readonly kernel: Kernel;
  readonly #words: Int32Array;
  readonly #ring: Ring;
  #seen = 0;

  constructor(context: TestContext) {
    const ground = new Ground(context, 64, 1, 5 * 4096);
    this.#words = ground.words;
    this.kernel = new Kernel(ground.words);
    const ring = Ring.open(ground.cleanArena(), this.kernel.native, 'test', ENTRIES, ENTRIES);
    assure(typeof ring !== 'string', `the kernel gives a ring, ${JSON.stringify(ring)}`);
    this.#ring = ring;
  }

  /** Writes the next entries; a full ring is flushed by itself. */
  submit(first: number, count: number): void {
    for (let id = first; id < first + count; id++) {
      const at = this.#ring.entry();
      assure(this.#words[at + 1] === 0, 'an entry has nothing of the last one in its place');
      this.#words[at + 1] = id;
      this.#words[at + USER_DATA] = id;
      this.#words[at + USER_DATA + 1] = ~id;
    }
  }

  flush(): void {
    this.#ring.flush();
    assure(this.#ring.consumed, 'the kernel has taken what was written');
  }

  sleep(): void {
    this.#ring.sleep(Infinity);
    assure(this.#ring.ready() > 0, 'a sleep ends with a completion');
  }

  /** Takes what is there, at most so many; says how many. */
  take(most: number): number {
    const ring = this.#ring;
    const count = Math.min(most, ring.ready());
    for (let index = 0; index < count; index++) {
      ring.next();
      this.#seen += 1;
      assure(ring.id0 === this.#seen && ring.id1 === ~this.#seen, 'each completion comes once');
      assure(ring.result === this.#seen - 1 && ring.flags === ~ring.result, 'and it is whole');
    }
    if (count > 0) ring.consume();
    return count;
  }
}

/** All has been submitted; completions are taken, `most` at a time. */
function completing(count: number, most: number) {
  return (context: TestContext): void => {
    const application = new Application(context);
    application.submit(1, count);
    application.flush();
    context.thread('application', () => {
      for (let seen = 0; seen < count;) seen += application.take(most);
      assure(application.take(most) === 0, 'no completion is seen twice');
    });
    context.thread('kernel', () => application.kernel.work(count));
  };
}

/** More is submitted than there are entries. */
function submitting(count: number) {
  return (context: TestContext): void => {
    const application = new Application(context);
    context.thread('application', () => {
      application.submit(1, count);
      application.flush();
      for (let seen = 0; seen < count;) seen += application.take(1);
    });
    context.thread('kernel', () => application.kernel.work(count));
  };
}

/** What follows is submitted while completions come, and the thread sleeps when there is none. */
function following(count: number) {
  return (context: TestContext): void => {
    const application = new Application(context);
    context.thread('application', () => {
      let submitted = ENTRIES;
      application.submit(1, submitted);
      for (let seen = 0; seen < count;) {
        application.sleep();
        seen += application.take(1);
        if (submitted < count) application.submit((submitted += 1), 1);
      }
    });
    context.thread('kernel', () => application.kernel.work(count));
  };
}

/** Everything about the rings of io_uring. */
export const urings: readonly Structure[] = [
  {
    name: 'io_uring: completions come whole, in order, once',
    covers: SOURCES,
    models: JAVASCRIPT,
    named: 'holds',
    body: completing(3, 1),
  },
  {
    name: 'io_uring: places of completions are given back in batches',
    covers: SOURCES,
    models: [...QUICK, 'v8-arm64'],
    named: 'holds',
    body: completing(4, ENTRIES),
  },
  {
    name: 'io_uring: more is submitted than there is room for',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: submitting(3),
  },
  {
    name: 'io_uring: an application that sleeps while nothing has completed',
    covers: SOURCES,
    models: QUICK,
    named: 'holds',
    body: following(3),
  },
];
