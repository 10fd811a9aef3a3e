/**
 * Wakers that may be used from other threads, and messages from there: the executor's side of its
 * inbox. While there is a waker or somebody listens, the doorbell is listened to and the process
 * stays alive; otherwise nothing is armed.
 */
import { RondoError } from '../../base/index.ts';
import type { Waker } from '../future/index.ts';
import { currentExecutor } from './current.ts';
import { Inbox } from './inbox.ts';
import type { InboxReceiver, RemoteTarget, ResolvedInboxOptions } from './inbox.ts';
import type { RemoteDoor } from './remote-door.ts';
import type { InboxAddress, RemoteWaker } from './remote-waker.ts';

/** Gets the arguments of messages of one kind. */
export type MessageListener = (argument: number) => void;

/** What an `Executor` gives its `Remote`. */
export interface RemoteParts {
  readonly door: RemoteDoor;
  readonly options: ResolvedInboxOptions;
  /** Somebody has rung: `drain` is to be called in a turn soon. */
  readonly rung: () => void;
  /** Gets what listeners throw. */
  readonly report: (error: unknown) => void;
}

/** See the head of this file. One for each executor that needs it, used by its thread. */
export class Remote implements InboxReceiver {
  readonly #inbox: Inbox;
  readonly #parts: RemoteParts;
  readonly #listeners = new Map<number, MessageListener>();
  #users = 0;
  #unlisten: (() => void) | undefined;

  constructor(parts: RemoteParts) {
    const { arena, doorbell } = parts.door;
    this.#parts = parts;
    this.#inbox = Inbox.create(arena, doorbell, parts.options);
  }

  /** Where other threads post messages to. */
  get address(): InboxAddress {
    return this.#inbox.address;
  }

  /** A waker of `target`, which counts as a user until `release`. */
  register(target: RemoteTarget): RemoteWaker {
    const waker = this.#inbox.register(target);
    if (waker === undefined) {
      throw new RondoError(
        'ERR_REMOTE_LIMIT',
        `Cannot make a waker for other threads: ${this.#inbox.registered} are open, ` +
          'as many as the executor may have',
      );
    }
    this.#use();
    return waker;
  }

  /** The waker does nothing any more. */
  release(waker: RemoteWaker): void {
    this.#inbox.release(waker);
    this.#unuse();
  }

  /**
   * Calls the listener for each message of a kind, 0 to 7, which no other listens to; one that
   * nobody listens to is dropped. Returns what ends it.
   */
  onMessage(kind: number, listener: MessageListener): () => void {
    this.#listeners.set(kind, listener);
    this.#use();
    return () => {
      if (this.#listeners.get(kind) !== listener) return;
      this.#listeners.delete(kind);
      this.#unuse();
    };
  }

  /** A message has come. */
  received(kind: number, argument: number): void {
    try {
      this.#listeners.get(kind)?.(argument);
    } catch (error) {
      this.#parts.report(error);
    }
  }

  /** Wakes who was woken, hands out what was posted; returns how many of both. */
  drain(): number {
    return this.#inbox.drain(this);
  }

  /** A thread has ended that may have been about to ring. */
  threadEnded(): void {
    this.#inbox.recover();
  }

  /** Nothing comes any more. */
  close(): void {
    this.#inbox.close(this);
    this.#users = 0;
    this.#stop();
  }

  #use(): void {
    this.#users += 1;
    this.#unlisten ??= this.#parts.door.listen(this.#parts.rung);
  }

  #unuse(): void {
    // After `close` there are none left to count.
    if (this.#users > 0) this.#users -= 1;
    if (this.#users === 0) this.#stop();
  }

  #stop(): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
  }
}

/** A waker for other threads, as the thread holds it that is to be woken. */
export interface RemoteWakerHandle extends Disposable {
  /** What to post to other threads, which call `wakeRemote(arena, data)`. Plain data. */
  readonly data: RemoteWaker;
  /** From now on `data` wakes nobody. Idempotent. */
  close(): void;
}

/**
 * Makes a waker usable from other threads that share the arena, on behalf of the executor that
 * runs. Until it is closed it keeps the process alive and holds one of the executor's places for
 * such wakers (`inbox.slots`), so keep it for as long as there is something to wait for, and not
 * for each wait.
 * @throws {RondoError} ERR_REMOTE_LIMIT, ERR_EXECUTOR_CLOSED, ERR_DRIVER_UNAVAILABLE,
 *   ERR_ARENA_EXHAUSTED
 *
 * @example
 * // Waits until another thread has changed a word of the arena.
 * using waker = openRemoteWaker(currentContext().waker);
 * worker.postMessage({ memory: arena.memory, waker: waker.data, word });
 * yield* pollFn(() => (arena.words[word / 4] === 0 ? PENDING : undefined));
 */
export function openRemoteWaker(waker: Waker): RemoteWakerHandle {
  return new OpenRemoteWaker(currentExecutor().remote, waker);
}

class OpenRemoteWaker implements RemoteWakerHandle, RemoteTarget {
  readonly data: RemoteWaker;
  readonly #remote: Remote;
  #waker: Waker | undefined;

  constructor(remote: Remote, waker: Waker) {
    this.#remote = remote;
    this.data = remote.register(this);
    this.#waker = waker.clone();
  }

  wokenRemotely(): void {
    this.#waker?.wakeByRef();
  }

  close(): void {
    const waker = this.#waker;
    if (waker === undefined) return;
    this.#waker = undefined;
    this.#remote.release(this.data);
    waker.drop();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
