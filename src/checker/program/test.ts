/** What a checked test is written with. */
import { integerOption, isThenable, misuse, RondoError } from '../../base/index.ts';
import { Order } from '../explore/graph.ts';
import { startRun } from './globals.ts';
import { Lock, type TestLock } from './lock.ts';
import type { Memory } from './memory.ts';
import type { Instance } from './run.ts';
import type { Session } from './session.ts';

/** Orders of C11 and Rust. */
export type MemoryOrder = 'relaxed' | 'acquire' | 'release' | 'acq_rel' | 'seq_cst';

const ORDERS: Readonly<Record<MemoryOrder, number>> = {
  relaxed: Order.RELAXED,
  acquire: Order.ACQUIRE,
  release: Order.RELEASE,
  acq_rel: Order.ACQ_REL,
  seq_cst: Order.SEQ_CST,
};

function orderOf(order: MemoryOrder): number {
  const number = ORDERS[order] as number | undefined;
  if (number === undefined) {
    throw misuse('ERR_OPTION_TYPE', `Cannot use the memory order ${order}`);
  }
  return number;
}

/**
 * A shared variable with explicit orders, for algorithms whose other half is Rust or C. Values are
 * compared as `Object.is` does.
 */
export interface Cell<T> {
  load(order?: MemoryOrder): T;
  store(value: T, order?: MemoryOrder): void;
  /** Replaces; gives what was there. */
  exchange(value: T, order?: MemoryOrder): T;
  /**
   * Replaces by `value` if it holds `expected`; gives what was there. `failure` is the order when
   * it holds something else; strong: it never fails for no reason.
   */
  compareExchange(expected: T, value: T, order?: MemoryOrder): T;
  /** Replaces by what `change` makes of it, as one step; gives what was there. */
  update(change: (value: T) => T, order?: MemoryOrder): T;
  /** Reads without any order: a race with a write is reported where the model knows races. */
  plainLoad(): T;
  /** Writes without any order. */
  plainStore(value: T): void;
}

/** A thread of a test. */
export interface TestThread<T> {
  readonly name: string;
  /** What its function returned; in `after` only. @throws {TypeError} ERR_CHECKER_USE before */
  readonly result: T;
  /** In another thread: waits until this one has ended. */
  join(): void;
}

/** How shared memory is made; all optional. */
export interface SharedOptions {
  /**
   * Whether its bytes are garbage until the set-up or a thread writes them, so that a thread fails
   * that reads what nobody has written. @default false
   */
  readonly uninitialised?: boolean;
}

/**
 * What the function of a test is given. It is called once for each run of a thread: see `check`.
 */
export interface TestContext {
  /** Shared memory of so many bytes, up to 1,048,576, all 0. Views of it are made as always. */
  readonly shared: (bytes: number, name?: string, options?: SharedOptions) => SharedArrayBuffer;
  /** `new Int32Array(shared(4 * length))`. */
  readonly words: (length: number, name?: string) => Int32Array;
  /** A variable with explicit orders. */
  readonly cell: <T>(initial: T, name?: string) => Cell<T>;
  /** A thread. It starts when the test's function has returned. */
  readonly thread: <T>(name: string, body: () => T) => TestThread<T>;
  /** What holds when all threads have ended; memory is read as it is then. */
  readonly after: (body: () => void) => void;
  /**
   * Executions in which the condition does not hold are none that are asked about: the thread goes
   * no further. What fails before that, or in other threads, still does.
   */
  readonly assume: (condition: boolean) => void;
  /**
   * One of 0 to `count - 1`; all are explored. `count` is 1 to 65,536. Before the threads start, it
   * is an input of the test, the same for all threads.
   */
  readonly choose: (count: number) => number;
  /**
   * A lock. An execution fails in which it is released by a thread that has it not, or is still
   * held when all threads have ended.
   */
  readonly lock: (name?: string) => TestLock;
  /** A fence. */
  readonly fence: (order: MemoryOrder) => void;
}

/** A test. */
export type TestBody = (context: TestContext) => void;

/** @throws {TypeError} ERR_OPTION_TYPE when it is no function */
export function assertTest(body: unknown): void {
  if (typeof body === 'function') return;
  throw misuse('ERR_OPTION_TYPE', `Cannot check ${typeof body}: a test must be a function`);
}

/** Makes sure that a function was over when it returned: what it does later is never looked at. */
function assertOver(name: string, result: unknown, why: string): void {
  const isLater = isThenable(result);
  // Its own fate is nobody's: what it would do later is none of this execution.
  if (isLater) result.then(undefined, () => undefined);
  const isGenerator = /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(result));
  if (!isLater && !isGenerator) return;
  throw new RondoError(
    'ERR_CHECKER_UNSUPPORTED',
    `Cannot check ${name}: its function is ${isLater ? 'asynchronous' : 'a generator'}; ${why}`,
  );
}

function assertFunction(what: string, body: unknown): void {
  if (typeof body === 'function') return;
  throw misuse('ERR_OPTION_TYPE', `Cannot use ${typeof body} for ${what}: it must be a function`);
}

/** Threads at most. */
const THREADS_MAX = 16;
const BYTES_MAX = 1_048_576;

/** One set-up of a test. */
export class TestInstance implements Instance {
  readonly threads: (() => unknown)[] = [];
  readonly names: string[] = [];
  readonly #session: Session;
  readonly #memories: Memory[] = [];
  /** Initial values of cells, and at the end their last ones, by location. */
  readonly #cells = new Map<number, unknown>();
  readonly #after: (() => void)[] = [];
  readonly #locks: { readonly lock: Lock; readonly location: number }[] = [];
  #results: readonly unknown[] | undefined;
  #isSetUp = false;

  constructor(session: Session, body: TestBody) {
    this.#session = session;
    startRun(session);
    session.shared = (bytes) => this.shared(bytes);
    let result: unknown;
    try {
      result = body(this.#context());
    } catch (error) {
      // What it did with an assumption that does not hold is no fault of it.
      throw session.inputs.isDenied ? session.inputs.deny() : error;
    } finally {
      session.shared = undefined;
    }
    if (session.inputs.isDenied) throw session.inputs.deny();
    assertOver('the test', result, 'a test is set up when it returns');
    this.#isSetUp = true;
  }

  /** As tests take it apart: without a `this`. */
  #context(): TestContext {
    return {
      shared: (bytes, name, options) => this.shared(bytes, name, options),
      words: (length, name) => this.words(length, name),
      cell: (initial, name) => this.cell(initial, name),
      thread: (name, body) => this.thread(name, body),
      after: (body) => this.after(body),
      assume: (condition) => this.assume(condition),
      choose: (count) => this.choose(count),
      lock: (name) => this.lock(name),
      fence: (order) => this.fence(order),
    };
  }

  shared(
    bytes: number,
    name: string = `memory${this.#memories.length}`,
    options: SharedOptions = {},
  ): SharedArrayBuffer {
    this.#assertSetUp('shared');
    integerOption('bytes', bytes, 0, 0, BYTES_MAX);
    const memory = this.#session.memory(this.#memories.length, bytes, name);
    if (options.uninitialised === true) memory.forget();
    this.#memories.push(memory);
    return memory.buffer;
  }

  words(length: number, name: string = 'words'): Int32Array {
    return new Int32Array(this.shared(4 * length, name));
  }

  cell<T>(initial: T, name: string = `cell${this.#cells.size}`): Cell<T> {
    this.#assertSetUp('cell');
    const session = this.#session;
    const location = session.locations.hidden(`cell ${this.#cells.size} ${name}`);
    this.#cells.set(location, initial);
    const cells = this.#cells as Map<number, T>;
    const modify = (order: MemoryOrder, change: (value: T) => T | undefined): T => {
      if (!session.isDirect) {
        return session.modify(location, orderOf(order), change as (value: unknown) => unknown) as T;
      }
      const before = cells.get(location) as T;
      const after = change(before);
      if (after !== undefined) cells.set(location, after);
      return before;
    };
    const load = (order: number): T =>
      (session.isDirect ? cells.get(location) : session.read(location, order)) as T;
    const store = (value: T, order: number): void => {
      if (session.isDirect) cells.set(location, value);
      else session.write(location, order, value);
    };
    return {
      load: (order = 'seq_cst') => load(orderOf(order)),
      store: (value, order = 'seq_cst') => store(value, orderOf(order)),
      exchange: (value, order = 'seq_cst') => modify(order, () => value),
      compareExchange: (expected, value, order = 'seq_cst') =>
        modify(order, (before) => (Object.is(before, expected) ? value : undefined)),
      update: (change, order = 'seq_cst') => modify(order, change),
      plainLoad: () => load(Order.PLAIN),
      plainStore: (value) => store(value, Order.PLAIN),
    };
  }

  thread<T>(name: string, body: () => T): TestThread<T> {
    this.#assertSetUp('thread');
    if (typeof name !== 'string') {
      throw misuse('ERR_OPTION_TYPE', `Cannot use ${typeof name} for the name of a thread`);
    }
    assertFunction(`thread ${name}`, body);
    if (this.threads.length >= THREADS_MAX) {
      throw new RondoError('ERR_CHECKER_SIZE', `Cannot check more than ${THREADS_MAX} threads`);
    }
    const index = this.threads.length;
    this.threads.push(() => {
      startRun(this.#session);
      const result = body();
      assertOver(name, result, 'a thread ends when it returns');
      return result;
    });
    this.names.push(name);
    const results = (): readonly unknown[] => {
      if (this.#results !== undefined) return this.#results;
      throw misuse('ERR_CHECKER_USE', `Cannot use the result of ${name}: it is there in \`after\``);
    };
    const session = this.#session;
    return {
      name,
      get result(): T {
        return results()[index] as T;
      },
      join: () => {
        if (!session.isDirect) session.join(index);
        else throw misuse('ERR_CHECKER_USE', `Cannot join ${name} here: only in another thread`);
      },
    };
  }

  after(body: () => void): void {
    this.#assertSetUp('after');
    assertFunction('after', body);
    this.#after.push(body);
  }

  assume(condition: boolean): void {
    if (!condition) this.#session.giveUp();
  }

  choose(count: number): number {
    integerOption('count', count, 1, 1, 65_536);
    return this.#session.choose(count);
  }

  lock(name: string = `lock${this.#locks.length}`): TestLock {
    this.#assertSetUp('lock');
    const location = this.#session.locations.hidden(`cell ${this.#cells.size} ${name}`);
    this.#cells.set(location, Lock.initial);
    const lock = new Lock(this.#session, location, name);
    this.#locks.push({ lock, location });
    return lock;
  }

  fence(order: MemoryOrder): void {
    if (!this.#session.isDirect) this.#session.fence(orderOf(order));
  }

  initial(location: number): unknown {
    const { memory, offset, size } = this.#session.locations.at(location);
    if (memory < 0) return this.#cells.get(location);
    // Memories that threads make for themselves are all 0.
    return this.#memories[memory]?.stored(offset, size) ?? (size === 8 ? 0n : 0);
  }

  /**
   * Memory as it is at the end of an execution: for each location that was written its last value.
   */
  conclude(last: ReadonlyMap<number, unknown>, results: readonly unknown[]): void {
    for (const [location, value] of last) {
      const { memory, offset, size } = this.#session.locations.at(location);
      if (memory >= 0) this.#memories[memory]?.store(offset, size, value as number | bigint);
      else if (this.#cells.has(location)) this.#cells.set(location, value);
    }
    this.#results = results;
    for (const { lock, location } of this.#locks) {
      lock.conclude(this.#cells.get(location), this.names);
    }
    for (const body of this.#after) if (!this.#holds(body)) return;
  }

  /** Whether the test asks about what holds at the end; throws what does not hold. */
  #holds(body: () => unknown): boolean {
    const { inputs } = this.#session;
    try {
      assertOver('after', body(), 'what it asserts must have held when it returns');
      return true;
    } catch (error) {
      if (inputs.isDenied) return false;
      throw error;
    }
  }

  /** What the lock is called whose holder is kept there. */
  lockAt(location: number): string | undefined {
    return this.#locks.find((each) => each.location === location)?.lock.name;
  }

  /** Whether anything is to hold at the end. */
  get hasAfter(): boolean {
    return this.#after.length > 0 || this.#locks.length > 0;
  }

  #assertSetUp(what: string): void {
    if (!this.#isSetUp) return;
    throw misuse('ERR_CHECKER_USE', `Cannot call ${what} once the test is set up`);
  }
}
