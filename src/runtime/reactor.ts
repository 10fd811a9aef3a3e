/**
 * A driver whose completions wake futures: each operation has a sink, and the token of the
 * operation is the sink's place in a table.
 *
 *  1. A sink is in the table before its operation is submitted, and until the final completion.
 *  2. What the driver refuses because its table is full waits here, first come first served, and is
 *     submitted again when something has completed. So a full table makes slow, and breaks nothing.
 *  3. The process is held while operations are in flight, but for those in the background.
 *  4. Receive buffers are counted: when most are in the hands of the program, the reactor is
 *     `pressed`, and connections move what waits in them elsewhere.
 */
import { assert, Errno } from '../base/index.ts';
import {
  CompletionFlag,
  type CloseMode,
  type CompletionHandler,
  type Driver,
  type Handle,
  type Waker,
} from '../driver/index.ts';
import type { Arena, Releaser } from '../memory/index.ts';
import type { Executor } from '../task/index.ts';
import { Bell } from './bell.ts';
import { Buffers } from './buffers.ts';

/** What completions of one operation go to. Called from a turn of the driver, never re-entered. */
export interface CompletionSink {
  /** `flags` and `buffer` as in `CompletionHandler`; without `MORE` it is the last call. */
  completed(result: number, flags: number, buffer: number): void;
}

/** What the driver refused. */
export interface Resubmission {
  /** A close, for which the driver has places of its own: it does not stand behind the others. */
  readonly isClose?: boolean;
  /** Tries again; false when it is still refused, and waits on. */
  resubmit(): boolean;
}

/** How another thread wakes a reactor: plain data. See `wakeDriver`. */
export interface Doorbell {
  readonly arena: Arena;
  readonly waker: Waker;
}

/** What a reactor is made of. */
export interface ReactorParts {
  readonly executor: Executor;
  readonly makeDriver: (handler: CompletionHandler) => Driver;
  /** Bytes of its buffers. */
  readonly memory: number;
  readonly name: string;
}

/** Token 0 is nobody's. */
const NOBODY: CompletionSink = {
  completed: () => assert(false, 'a completion belongs to an operation'),
};

/** Milliseconds that somebody may wait for memory, none being released, until this is told. */
const SHORTAGE_MS = 1000;

/** See the head of this file. */
export class Reactor implements Releaser {
  readonly driver: Driver;
  readonly arena: Arena;
  readonly executor: Executor;
  /** Memory for what is sent, written and read. */
  readonly buffers: Buffers;
  readonly #sinks: (CompletionSink | undefined)[] = [NOBODY];
  readonly #free: number[] = [];
  readonly #refused = new Set<Resubmission>();
  readonly #refusedCloses = new Set<Resubmission>();
  readonly #background = new Set<number>();
  readonly #pressedAbove: number;
  readonly #crowdedAbove: number;
  readonly #bell: Bell;
  #flying = 0;
  #buffersHeld = 0;
  /** A shortage of memory is being looked at, or was told. */
  #watches = false;
  #holding = true;
  #closed: Promise<void> | undefined;

  constructor(parts: ReactorParts) {
    this.executor = parts.executor;
    this.driver = parts.makeDriver((token, result, flags, buffer) => {
      this.#completed(token, result, flags, buffer);
    });
    this.arena = this.driver.arena;
    this.buffers = new Buffers(this.arena, parts.name, parts.memory, this.#shortage.begin);
    this.#bell = new Bell(this);
    this.#crowdedAbove = this.driver.limits.operations / 4;
    this.#pressedAbove = Math.floor(this.driver.limits.buffers * 0.75);
  }

  // ---- operations

  /** A token for an operation whose completions go to `sink`. */
  take(sink: CompletionSink): number {
    const token = this.#free.pop() ?? this.#sinks.length;
    this.#sinks[token] = sink;
    this.#flying += 1;
    if (this.#background.size > 0) this.#updateHold();
    return token;
  }

  /** The operation was not taken: nothing will complete. */
  giveBack(token: number): void {
    this.#sinks[token] = undefined;
    this.#free.push(token);
    this.#flying -= 1;
    if (this.#background.size > 0) this.#leaveBackground(token);
  }

  /** Submits it again when there is room: after -ENOBUFS. */
  refused(resubmission: Resubmission): void {
    const refused = resubmission.isClose === true ? this.#refusedCloses : this.#refused;
    refused.add(resubmission);
  }

  /** It needs no room any more. */
  forgetRefused(resubmission: Resubmission): void {
    this.#refused.delete(resubmission);
    this.#refusedCloses.delete(resubmission);
  }

  /** Whether an operation keeps the process alive while it is in flight, which all do at first. */
  hold(token: number, hold: boolean): void {
    if (hold) {
      if (this.#background.size > 0) this.#leaveBackground(token);
      return;
    }
    this.#background.add(token);
    this.#updateHold();
  }

  /** Closes a handle; nobody is told, and it is tried until it is taken. */
  closeLater(handle: Handle, mode: CloseMode = 'finish'): void {
    new QuietClose(this, handle, mode).resubmit();
  }

  /** Operations in flight. */
  get flying(): number {
    return this.#flying;
  }

  /**
   * Whether a quarter of the driver's table is in use: the rest is for what every connection needs,
   * a receive and two sends, and for files.
   */
  get isCrowded(): boolean {
    return this.#flying > this.#crowdedAbove;
  }

  // ---- receive buffers

  /** Gives a receive buffer back. */
  release(buffer: number): void {
    this.#buffersHeld -= 1;
    this.driver.release(buffer);
  }

  /** Whether most of the receive buffers are in the hands of the program. */
  get isPressed(): boolean {
    return this.#buffersHeld > this.#pressedAbove;
  }

  // ---- other threads

  /** What another thread needs to wake this one: see `wakeDriver`. */
  get doorbell(): Doorbell {
    return { arena: this.arena, waker: this.driver.waker() };
  }

  /**
   * Calls `listener` when another thread has rung the doorbell, once for all rings since the last
   * look. Listening does not hold the process unless `hold` says so. Returns what ends it.
   */
  onWake(listener: () => void, hold: boolean = false): () => void {
    return this.#bell.listen(listener, hold);
  }

  // ---- the end

  /** Ends the driver and gives the memory back; what is in flight ends first. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.driver.destroy();
    // Refused once more, for good.
    this.#resubmit();
    this.buffers.close();
  }

  /** Whether `close` was called. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  // ---- for this class

  #completed(token: number, result: number, flags: number, buffer: number): void {
    const sink = this.#sinks[token]!;
    if ((flags & CompletionFlag.BUFFER) !== 0) this.#buffersHeld += 1;
    if ((flags & CompletionFlag.MORE) !== 0) {
      sink.completed(result, flags, buffer);
      return;
    }
    this.giveBack(token);
    sink.completed(result, flags, buffer);
    if (this.#refused.size > 0 || this.#refusedCloses.size > 0) this.#resubmit();
  }

  /** Somebody waits for memory: if nothing is released, nothing else would tell why. */
  readonly #shortage = {
    releases: 0,
    begin: (): void => {
      if (this.#watches) return;
      this.#watches = true;
      this.#shortage.releases = this.buffers.releases;
      const { executor } = this;
      executor.timers.insert(executor.now() + SHORTAGE_MS, this.#shortage, false);
    },
    fire: (): void => {
      const { buffers } = this;
      this.#watches = buffers.isAwaited && buffers.releases === this.#shortage.releases;
      if (!this.#watches) return; // From now on it stays true: it is said once.
      this.executor.host.warn?.(
        `All ${buffers.size} bytes of memory for sockets and files are held, and for ${SHORTAGE_MS} ms ` +
          'none were released: release chunks (what read() and chunks() give), or raise `memory`',
      );
    },
  };

  /** A full table can always be emptied: closes are tried whatever else is refused. */
  #resubmit(): void {
    for (const refused of [this.#refusedCloses, this.#refused]) {
      for (const resubmission of refused) {
        if (!resubmission.resubmit()) break;
        refused.delete(resubmission);
      }
    }
  }

  #leaveBackground(token: number): void {
    this.#background.delete(token);
    this.#updateHold();
  }

  /** The driver holds the event loop while anything is in flight; only the exception is told. */
  #updateHold(): void {
    const holding = this.#background.size === 0 || this.#flying > this.#background.size;
    if (holding === this.#holding) return;
    this.#holding = holding;
    if (holding) this.driver.ref();
    else this.driver.unref();
  }
}

class QuietClose implements CompletionSink, Resubmission {
  readonly isClose = true;
  readonly #reactor: Reactor;
  readonly #handle: Handle;
  readonly #mode: CloseMode;

  constructor(reactor: Reactor, handle: Handle, mode: CloseMode) {
    this.#reactor = reactor;
    this.#handle = handle;
    this.#mode = mode;
  }

  resubmit(): boolean {
    if (this.#reactor.isClosed) return true;
    const token = this.#reactor.take(this);
    const id = this.#reactor.driver.close(this.#handle, token, this.#mode);
    if (id > 0) return true;
    this.#reactor.giveBack(token);
    if (id !== -Errno.ENOBUFS) return true;
    this.#reactor.refused(this);
    return false;
  }

  completed(): void {
    // Nobody is told.
  }
}
