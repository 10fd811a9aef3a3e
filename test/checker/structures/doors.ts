/**
 * What production code calls that is not of this test: the addon, timers, and an event loop.
 * Threads of a test are functions that return; so what would happen later in the event loop of a
 * thread happens when its test asks for it.
 */
import type { TestContext } from '../../../src/checker/check/index.ts';
import type { Arena } from '../../../src/memory/index.ts';
import { type Native, nativeStatus } from '../../../src/native/index.ts';
import { assure } from './ground.ts';

/** Runs `body` with other properties of `holder`, and puts back what it had. */
export function replacing<T>(holder: object, others: object, body: () => T): T {
  const own = holder as Record<string, unknown>;
  const before = Object.keys(others).map((name) => [name, Object.hasOwn(own, name), own[name]]);
  Object.assign(own, others);
  try {
    return body();
  } finally {
    for (const [name, isOwn, value] of before as [string, boolean, unknown][]) {
      if (isOwn) own[name] = value;
      else Reflect.deleteProperty(own, name);
    }
  }
}

/** Runs `body` as where the addon is loaded, and is this. */
export function withNative<T>(native: Partial<Native>, body: () => T): T {
  // Whoever asks is given the same object each time.
  return replacing(nativeStatus(), { available: true, native }, body);
}

type Wait = (words: Int32Array, index: number, expected: number, ms?: number) => string;
type Notify = (words: Int32Array, index: number, count?: number) => number;

/** The `Atomics` of the moment: of the test, or what a test has put in its place. */
function atomics(): { wait: Wait; notify: Notify } {
  return (globalThis as unknown as { Atomics: { wait: Wait; notify: Notify } }).Atomics;
}

/** The futexes of the kernel on the words of a test; nobody sleeps for a time, but until woken. */
export function futexes(arena: Arena): Partial<Native> {
  const { words } = arena;
  return {
    attachArena: () => undefined,
    futexWake: (offset, count) => atomics().notify(words, offset >>> 2, count),
    futexWaitBlocking: (offset, expected) =>
      atomics().wait(words, offset >>> 2, expected) === 'ok' ? 0 : -EAGAIN,
  };
}

const EAGAIN = 11;
const EPERM = 1;
const EBUSY = 16;
const EALREADY = 114;
const ENOENT = 2;

/** What an event loop can be asked for. */
interface Loop {
  /** Goes to sleep, and runs what woke it. */
  turn(): void;
}

/** Timers that go off when the test says so. */
export class Timers {
  readonly #waiting = new Map<object, () => void>();
  #references = 0;

  /** For `globalThis`. */
  readonly globals: object = {
    setInterval: (callback: () => void): object => {
      let isReferenced = true;
      this.#references += 1;
      const end = (): void => {
        this.#references -= isReferenced ? 1 : 0;
        isReferenced = false;
      };
      const begin = (): void => {
        this.#references += isReferenced ? 0 : 1;
        isReferenced = true;
      };
      const timer = {
        ref: (): object => (begin(), timer),
        unref: (): object => (end(), timer),
        end,
      };
      this.#waiting.set(timer, callback);
      return timer;
    },
    clearInterval: (timer: { end(): void } | undefined): void => {
      if (timer === undefined) return;
      timer.end();
      this.#waiting.delete(timer);
    },
  };

  /** Timers that keep the process alive. */
  get references(): number {
    return this.#references;
  }

  fire(): void {
    for (const callback of this.#waiting.values()) callback();
  }
}

/**
 * The event loop of a thread without the addon: `Atomics.waitAsync` as ECMAScript has it, for one
 * word. Comparing and queueing up is one critical section, taking who waits out is another, and a
 * wait that was woken ends in a later job. `notify` of all threads has to be this one's.
 */
export class PromiseLoop implements Loop {
  readonly timers: Timers = new Timers();
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #lock: { acquire(): void; release(): void };
  readonly #jobs: (() => void)[] = [];
  readonly #waiting: { readonly ticket: number; readonly callback: () => void }[] = [];
  #tickets = 0;

  /** `first` is the first of 9 words that only this uses. */
  constructor(context: TestContext, words: Int32Array, first: number) {
    this.#words = words;
    this.#first = first;
    this.#lock = context.lock('the list of waiters');
  }

  /** Runs a thread whose loop this is, or one that may wake it. */
  run<T>(body: () => T): T {
    const holder = globalThis as unknown as { Atomics: object };
    const others = {
      ...this.timers.globals,
      Atomics: { ...holder.Atomics, waitAsync: this.#waitAsync, notify: this.#notify },
      queueMicrotask: (job: () => void): void => void this.#jobs.push(job),
      setImmediate: (job: () => void): void => void this.#jobs.push(job),
    };
    return replacing(globalThis, others, body);
  }

  readonly #waitAsync = (words: Int32Array, index: number, expected: number): object => {
    this.#lock.acquire();
    const isEqual = Atomics.load(words, index) === expected;
    const ticket = this.#tickets;
    if (isEqual) {
      this.#tickets += 1;
      this.#words[this.#first] = this.#words[this.#first]! | (1 << ticket);
    }
    this.#lock.release();
    if (!isEqual) return { async: false, value: 'not-equal' };
    assure(ticket < 8, 'a test waits a few times');
    const then = (callback: () => void): object => {
      this.#waiting.push({ ticket, callback });
      return {};
    };
    // oxlint-disable-next-line unicorn/no-thenable -- A promise whose callbacks this loop runs.
    return { async: true, value: { then } };
  };

  readonly #notify = (_words: Int32Array, _index: number, count: number): number => {
    this.#lock.acquire();
    const list = this.#words[this.#first]!;
    if (list !== 0) this.#words[this.#first] = 0;
    this.#lock.release();
    let woken = 0;
    for (let ticket = 0; list >>> ticket !== 0; ticket++) {
      if (((list >>> ticket) & 1) === 0) continue;
      Atomics.store(this.#words, this.#first + 1 + ticket, 1);
      this.#sleepers.notify(this.#words, this.#first + 1 + ticket);
      woken += 1;
    }
    assure(count >= woken, 'all are woken');
    return woken;
  };

  /** Of the test: the functions of this object have taken the place of others. */
  readonly #sleepers = atomics();

  /** Whether something waits that was not woken, or not run. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  turn(): void {
    const job = this.#jobs.shift();
    if (job !== undefined) {
      job();
      return;
    }
    // Who came first is woken with or before the others.
    const next = this.#waiting.shift();
    assure(next !== undefined, 'there is something that can end the sleep');
    this.#sleepers.wait(this.#words, this.#first + 1 + next.ticket, 0);
    next.callback();
  }
}

/**
 * The event loop of a thread with the addon's watch of futexes (`native/src/watch.c`), for one word
 * at a time: it begins to wait when the loop is about to sleep.
 */
export class FutexLoop implements Loop {
  readonly timers: Timers = new Timers();
  readonly #words: Int32Array;
  readonly #native: Partial<Native>;
  readonly #armed = new Map<number, { readonly word: number; readonly expected: number }>();
  #fired = 0;
  #callback: ((count: number) => void) | undefined;
  #references = 0;

  constructor(arena: Arena) {
    this.#words = arena.words;
    this.#native = {
      ...futexes(arena),
      futexWatchAttach: (backend, fired, _dirty, callback) => {
        if (backend === 1) return -EPERM;
        if (this.#callback !== undefined) return -EALREADY;
        this.#fired = fired >>> 2;
        this.#callback = callback;
        return 0;
      },
      futexWatchArm: (slot, offset, expected) => {
        if (this.#armed.has(slot)) return -EBUSY;
        this.#armed.set(slot, { word: offset >>> 2, expected });
        return 0;
      },
      futexWatchDisarm: (slot) => (this.#armed.delete(slot) ? 0 : -ENOENT),
      loopReference: (_loop, alive) => {
        this.#references += alive ? 1 : -1;
        assure(this.#references === 0 || this.#references === 1, 'it is held once');
      },
      loopDetach: () => undefined,
    };
  }

  /** Runs the thread whose loop this is, or one that may wake it. */
  run<T>(body: () => T): T {
    // What a thread does at its exit is nothing that a test comes to.
    return replacing(process, { once: () => process }, () =>
      replacing(globalThis, this.timers.globals, () => withNative(this.#native, body)),
    );
  }

  /** Whether the process has to stay for who sleeps. */
  get isHeld(): boolean {
    return this.#references > 0;
  }

  /** `patience`: ms after which timers go off. */
  turn(patience: number = Infinity): void {
    const [slot, armed] = [...this.#armed][0] ?? [];
    assure(slot !== undefined && armed !== undefined, 'there is something that can end the sleep');
    assure(this.#armed.size === 1, 'a loop of this kind sleeps on one word');
    const end = atomics().wait(this.#words, armed.word, armed.expected, patience);
    if (end === 'timed-out') {
      this.timers.fire();
      return;
    }
    this.#armed.delete(slot);
    this.#words[this.#fired] = slot;
    this.#callback!(1);
  }
}
