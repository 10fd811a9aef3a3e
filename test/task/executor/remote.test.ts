/** Wakes and messages from real threads, into an owner that sleeps in a real driver. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { loadAcquire, notify, storeRelease } from '#atomics';
import { SeededRandom } from '../../../src/base/index.ts';
import {
  createDriver,
  driverStatuses,
  type Driver,
  type RealDriverKind,
} from '../../../src/driver/index.ts';
import { processArena } from '../../../src/memory/index.ts';
import { Inbox, resolveInboxOptions, type RemoteTarget } from '../../../src/task/executor/inbox.ts';
import {
  postToInbox,
  wakeRemote,
  type RemoteWaker,
} from '../../../src/task/executor/remote-waker.ts';
import { askedAt, Notes, type RemoteWork } from './remote.worker.ts';

const WORKERS = 4;
const SLOTS = 40;
const OWN_KIND = 7;

/** One for all: native drivers of a thread share one. */
const arena = processArena();

/** A task: it is polled once when it was woken, and then looks at what was asked of it. */
class Asked implements RemoteTarget {
  readonly #owner: Owner;
  readonly #slot: number;
  polls = 0;
  scheduled = false;
  /** What each worker had asked for at the last poll. */
  readonly seen: number[] = new Array<number>(WORKERS).fill(0);

  constructor(owner: Owner, slot: number) {
    this.#owner = owner;
    this.#slot = slot;
  }

  wokenRemotely(): void {
    assert.ok(!this.scheduled, 'woken once for each poll at most');
    this.scheduled = true;
    this.#owner.ready.push(this);
  }

  poll(): void {
    this.polls += 1;
    this.scheduled = false;
    const { notes } = this.#owner;
    for (let worker = 0; worker < WORKERS; worker++) {
      const asked = arena.words[askedAt(notes, worker, this.#slot, SLOTS)]!;
      assert.ok(asked >= this.seen[worker]!);
      this.seen[worker] = asked;
    }
  }
}

/** What an executor does with an inbox. It drains when the driver says so, and at no other time. */
class Owner {
  readonly driver: Driver;
  readonly inbox: Inbox;
  readonly ready: Asked[] = [];
  readonly tasks: readonly Asked[];
  readonly wakers: readonly RemoteWaker[];
  readonly #region = arena.allocate('notes', (Notes.ASKED + WORKERS * SLOTS) * 4);
  readonly notes = this.#region.offset;
  /** Messages of each kind that came: arguments count from 0. */
  readonly messages: number[] = new Array<number>(8).fill(0);
  #turned: (() => void) | undefined;

  constructor(kind: RealDriverKind, options: { messages?: number; firstPosition?: number } = {}) {
    const limits = { connections: 8, buffers: 8 };
    this.driver = createDriver({ ...limits, kind, arena, handler: () => this.turn() });
    this.driver.wakes(1);
    this.inbox = Inbox.create(arena, this.driver.waker(), resolveInboxOptions(options));
    this.tasks = Array.from({ length: SLOTS }, (_, slot) => new Asked(this, slot));
    this.wakers = this.tasks.map((task) => this.inbox.register(task)!);
  }

  turn(): void {
    this.inbox.drain(this);
    for (const task of this.ready.splice(0)) task.poll();
    this.#turned?.();
  }

  received(kind: number, argument: number): void {
    assert.equal(argument, this.messages[kind], `messages of ${kind} come in order`);
    this.messages[kind] = argument + 1;
  }

  /** Resolves when the condition holds after a turn. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#turned = () => {
        if (!condition()) return;
        this.#turned = undefined;
        resolve();
      };
      this.#turned();
    });
  }

  start(index: number, wakes: number, messages: number): Worker {
    const { wakers, notes } = this;
    const { address } = this.inbox;
    const work = { memory: arena.memory, index, workers: WORKERS, wakers, address, notes };
    const workerData: RemoteWork = { ...work, wakes, messages };
    return new Worker(new URL('./remote.worker.js', import.meta.url), { workerData });
  }

  /** Lets the workers go, which may not even be there yet. */
  go(): void {
    storeRelease(arena.words, this.notes / 4 + Notes.GO, 1);
    notify(arena.words, this.notes / 4 + Notes.GO, WORKERS);
  }

  /** How many wakes (or posts) of a worker have returned. */
  done(worker: number, what: number): number {
    const at = this.notes / 4 + Notes.WORKERS + worker * Notes.WORKER_WORDS + what;
    return loadAcquire(arena.words, at);
  }

  /** The last wake of a worker that a poll has seen. */
  lastSeen(worker: number): number {
    return Math.max(...this.tasks.map((task) => task.seen[worker]!));
  }

  /** Whether every task has seen all that was asked of it. */
  get sawAll(): boolean {
    return this.tasks.every((task, slot) =>
      task.seen.every(
        (seen, worker) => seen === arena.words[askedAt(this.notes, worker, slot, SLOTS)],
      ),
    );
  }

  async end(): Promise<void> {
    this.inbox.close(this);
    await this.driver.destroy();
    this.#region.release();
  }
}

async function exited(worker: Worker): Promise<void> {
  const [code] = (await once(worker, 'exit')) as [number];
  assert.equal(code, 0, 'the worker ended by itself');
}

async function storm(kind: RealDriverKind, wakes: number, messages: number): Promise<void> {
  // A small ring whose positions wrap on the way.
  const owner = new Owner(kind, { messages: 64, firstPosition: 2 ** 32 - 5000 });
  const workers = Array.from({ length: WORKERS }, (_, i) => owner.start(i, wakes, messages));
  const exits = Promise.all(workers.map(exited));
  owner.go();
  await exits;
  const all = new Array<number>(WORKERS).fill(messages);
  await owner.until(() => owner.sawAll && owner.messages.every((n, i) => n === (all[i] ?? 0)));
  const polls = owner.tasks.reduce((sum, task) => sum + task.polls, 0);
  assert.ok(polls >= SLOTS && polls <= WORKERS * wakes);
  for (let worker = 0; worker < WORKERS; worker++) assert.equal(owner.lastSeen(worker), wakes);
  await owner.end();
}

/** Threads that are ended anywhere: what had returned has its effect, and the rest goes on. */
async function terminated(kind: RealDriverKind, rounds: number): Promise<void> {
  const random = new SeededRandom(11);
  for (let round = 0; round < rounds; round++) {
    const owner = new Owner(kind, { messages: 16, firstPosition: 2 ** 32 - 100 });
    const workers = Array.from({ length: WORKERS }, (_, i) => owner.start(i, 2 ** 30, 2 ** 26));
    owner.go();
    for (const [index, worker] of workers.entries()) {
      const wanted = 1 + random.below(2000);
      await owner.until(() => owner.lastSeen(index) >= wanted);
      await worker.terminate();
      owner.inbox.recover();
    }
    await owner.until(() => workers.every((_, i) => isDelivered(owner, i)));
    // Nothing is blocked: one more of each arrives.
    const [task, waker] = [owner.tasks[0]!, owner.wakers[0]!];
    const before = task.polls;
    wakeRemote(arena, waker);
    assert.equal(postToInbox(arena, owner.inbox.address, OWN_KIND, 0), 'posted');
    await owner.until(() => task.polls > before && owner.messages[OWN_KIND] === 1);
    for (let i = 0; i < WORKERS; i++) {
      const [came, returned] = [owner.messages[i]!, owner.done(i, Notes.POSTS)];
      assert.ok(came === returned || came === returned + 1, 'at most the post it was in is more');
    }
    await owner.end();
  }
}

function isDelivered(owner: Owner, worker: number): boolean {
  return (
    owner.lastSeen(worker) >= owner.done(worker, Notes.WAKES) &&
    owner.messages[worker]! >= owner.done(worker, Notes.POSTS)
  );
}

for (const { kind, available, reason } of driverStatuses()) {
  const options = { skip: available ? false : reason, timeout: 120_000 };
  describe(`wakes and messages of other threads, ${kind} driver`, options, () => {
    test('none of 400,000 wakes and 40,000 messages is lost', () => storm(kind, 100_000, 10_000));
    test('threads may be terminated at any instruction', () => terminated(kind, 4));
  });
}
