/** Semaphores, locks, sleeps, intervals and tokens beside their naive models. */
import {
  CancellationToken,
  interval,
  Mutex,
  RwLock,
  Semaphore,
  sleep,
  type Future,
  type Interval,
  type MissedTicks,
  type MutexGuard,
  type ReadGuard,
  type SemaphorePermit,
  type WriteGuard,
} from '../../../src/task/index.ts';
import type { Thing } from './channels.ts';
import { Observed, type Scene } from './observed.ts';

/** A semaphore is a number, and how much is held. */
export class SemaphoreThing implements Thing {
  readonly semaphore: Semaphore;
  readonly #scene: Scene;
  readonly #name: string;
  readonly #total: number;
  readonly #asking: number[] = [];
  #held = 0;

  constructor(scene: Scene, name: string, permits: number) {
    this.#scene = scene;
    this.#name = name;
    this.#total = permits;
    this.semaphore = new Semaphore(permits);
  }

  amount(count: number): number {
    return 1 + (count % this.#total);
  }

  acquire(count: number, isProtected: boolean): Observed<SemaphorePermit> {
    const amount = this.amount(count);
    return new Observed<SemaphorePermit>(
      this.#scene,
      this.semaphore.acquire(amount),
      {
        what: `${this.#name}.acquire ${amount}`,
        overdue: () => this.#overdue(),
        ready: () => this.taken(amount),
      },
      isProtected,
    );
  }

  #overdue(): string | undefined {
    const free = this.#total - this.#held;
    // Who asks for many holds up the others.
    const most = this.#scene.ledger.largestOpen(`${this.#name}.acquire `);
    return free >= Math.max(most, ...this.#asking) ? `${free} permits are there` : undefined;
  }

  /** Somebody asks for permits without being observed; calls what it gives when that is over. */
  asks(amount: number): () => void {
    this.#asking.push(amount);
    let isOver = false;
    return () => {
      if (!isOver) this.#asking.splice(this.#asking.indexOf(amount), 1);
      isOver = true;
    };
  }

  tryAcquire(count: number): SemaphorePermit | undefined {
    const permit = this.semaphore.tryAcquire(this.amount(count));
    if (permit !== undefined) this.taken(permit.count);
    return permit;
  }

  taken(amount: number): void {
    this.#held += amount;
    const { ledger } = this.#scene;
    ledger.note(`has ${amount} permits`);
    ledger.expect(this.#held <= this.#total, `${this.#held} permits of ${this.#total} are held`);
  }

  givenBack(amount: number): void {
    this.#held -= amount;
    this.#scene.ledger.note(`gives ${amount} permits back`);
  }

  check(isQuiet: boolean): void {
    const { available } = this.semaphore;
    const free = this.#total - this.#held;
    const isRight = isQuiet ? available === free : available <= free;
    this.#scene.ledger.expect(isRight, `${available} permits are available, not ${free}`);
  }

  end(): void {
    const { waiters, available } = this.semaphore;
    const { ledger } = this.#scene;
    ledger.expect(available === this.#total, `${available} permits of ${this.#total} came back`);
    ledger.expect(waiters === 0, `${waiters} wait for permits`);
  }
}

/** A lock is who has it: one writer, or any number of readers. */
export class LockThing implements Thing {
  readonly mutex: Mutex<number> = new Mutex(0);
  readonly #lock = new RwLock<number>(0, { maxReaders: 3 });
  readonly #scene: Scene;
  #isLocked = false;
  #readers = 0;
  #isWriting = false;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  lock(isProtected: boolean): Observed<MutexGuard<number>> {
    return new Observed<MutexGuard<number>>(
      this.#scene,
      this.mutex.lock(),
      {
        what: 'mutex.lock',
        overdue: () => (this.#isLocked ? undefined : 'nobody has it'),
        ready: () => this.locked(),
      },
      isProtected,
    );
  }

  locked(): void {
    this.#scene.ledger.note('has the lock');
    this.#scene.ledger.expect(!this.#isLocked, 'two have the lock');
    this.#isLocked = true;
  }

  unlocked(): void {
    this.#scene.ledger.note('has the lock no more');
    this.#isLocked = false;
  }

  read(isProtected: boolean): Observed<ReadGuard<number>> {
    return new Observed<ReadGuard<number>>(
      this.#scene,
      this.#lock.read(),
      {
        what: 'lock.read',
        overdue: () => (this.#readers === 0 && !this.#isWriting ? 'nobody has it' : undefined),
        ready: () => this.#entered(1),
      },
      isProtected,
    );
  }

  write(isProtected: boolean): Observed<WriteGuard<number>> {
    return new Observed<WriteGuard<number>>(
      this.#scene,
      this.#lock.write(),
      {
        what: 'lock.write',
        overdue: () => (this.#readers === 0 && !this.#isWriting ? 'nobody has it' : undefined),
        ready: () => this.#entered(0),
      },
      isProtected,
    );
  }

  #entered(readers: number): void {
    const { ledger } = this.#scene;
    ledger.note(readers === 1 ? 'reads' : 'writes');
    ledger.expect(!this.#isWriting, 'somebody writes');
    ledger.expect(readers === 1 ? this.#readers < 3 : this.#readers === 0, 'too many read');
    this.#readers += readers;
    this.#isWriting = readers === 0;
  }

  left(isWriter: boolean): void {
    if (isWriter) this.#isWriting = false;
    else this.#readers -= 1;
  }

  check(isQuiet: boolean): void {
    const { ledger } = this.#scene;
    if (isQuiet) {
      ledger.expect(this.mutex.isLocked === this.#isLocked, 'the lock is not as it should be');
    }
    ledger.expect(this.#lock.readers === this.#readers, `${this.#lock.readers} read`);
    ledger.expect(this.#lock.isWriting === this.#isWriting, 'writing is not as it should be');
  }

  end(): void {
    const { ledger } = this.#scene;
    ledger.expect(!this.mutex.isLocked && !this.#isLocked, 'the lock is not free');
    ledger.expect(this.#readers === 0 && !this.#isWriting, 'the lock is not free');
    ledger.expect(this.mutex.waiters + this.#lock.waiters === 0, 'somebody waits for a lock');
  }
}

/** A sleep ends at its time, or when it is first polled if that is later. */
export function observedSleep(scene: Scene, ms: number, isProtected: boolean): Observed<void> {
  const future = sleep(ms);
  const { ledger } = scene;
  const { deadline } = future;
  ledger.expect(deadline === ledger.now + ms, `a sleep of ${ms} ends at ${deadline}`);
  const observed = new Observed<void>(
    scene,
    future,
    {
      what: `sleep to ${deadline}`,
      overdue: () => (ledger.now >= deadline ? 'its time has come' : undefined),
      ready: () => {
        const expected = Math.max(deadline, observed.begun);
        ledger.expect(ledger.now === expected, `a sleep to ${expected} ends at ${ledger.now}`);
      },
    },
    isProtected,
  );
  return observed;
}

/** How late a tick may be and still count as on time, in milliseconds. */
const TOLERANCE = 5;

/** An interval is the time of its next tick. */
export class Ticks {
  readonly #scene: Scene;
  readonly #interval: Interval;
  readonly #period: number;
  readonly #missed: MissedTicks;
  #next: number;

  constructor(scene: Scene, period: number, missed: MissedTicks) {
    this.#scene = scene;
    this.#period = period;
    this.#missed = missed;
    this.#interval = interval(period, { missed });
    this.#next = scene.ledger.now + period;
  }

  tick(isProtected: boolean): Observed<number> {
    const { ledger } = this.#scene;
    const observed = new Observed<number>(
      this.#scene,
      this.#interval.tick(),
      {
        what: `tick at ${this.#next}`,
        overdue: () => (ledger.now >= this.#next ? 'its time has come' : undefined),
        ready: (planned) => {
          const expected = Math.max(this.#next, observed.begun);
          ledger.expect(planned === this.#next, `a tick for ${planned}, not ${this.#next}`);
          ledger.expect(ledger.now === expected, `a tick for ${expected} at ${ledger.now}`);
          this.#plan();
        },
      },
      isProtected,
    );
    return observed;
  }

  #plan(): void {
    const { now } = this.#scene.ledger;
    const isLate = now - this.#next > TOLERANCE;
    const before = this.#next;
    this.#next += this.#period;
    if (!isLate || this.#missed === 'burst') return;
    if (this.#missed === 'delay') this.#next = now + this.#period;
    else while (this.#next <= now) this.#next += this.#period;
    this.#scene.ledger.expect(this.#next > before, 'ticks go on');
  }
}

/** A tree of tokens: a token is cancelled when it or one above it was. */
export class TokenTree implements Thing {
  readonly #scene: Scene;
  readonly #tokens: CancellationToken[];
  /** The place of each one's parent. */
  readonly #parents: readonly number[] = [-1, 0, 0, 1];
  readonly #cancelled = new Set<number>();

  constructor(scene: Scene) {
    this.#scene = scene;
    const root = new CancellationToken();
    const left = root.child();
    this.#tokens = [root, left, root.child(), CancellationToken.from(left.signal)];
  }

  #place(which: number): number {
    return which % this.#tokens.length;
  }

  isCancelled(which: number): boolean {
    for (let place = this.#place(which); place !== -1; place = this.#parents[place]!) {
      if (this.#cancelled.has(place)) return true;
    }
    return false;
  }

  cancel(which: number): void {
    const place = this.#place(which);
    this.#scene.ledger.note(`cancels token ${place}`);
    this.#cancelled.add(place);
    this.#tokens[place]!.cancel(`token ${place}`);
  }

  cancelled(which: number, isProtected: boolean): Observed<unknown> {
    return new Observed<unknown>(
      this.#scene,
      this.#tokens[this.#place(which)]!.cancelled(),
      {
        what: `token ${which} cancelled`,
        overdue: () => (this.isCancelled(which) ? 'it was cancelled' : undefined),
        ready: () => this.#scene.ledger.expect(this.isCancelled(which), 'it was not cancelled'),
      },
      isProtected,
    );
  }

  run<T>(which: number, future: Future<T>): Future<T> {
    return this.#tokens[this.#place(which)]!.run(future);
  }

  check(): void {
    for (const [place, token] of this.#tokens.entries()) {
      const expected = this.isCancelled(place);
      this.#scene.ledger.expect(
        token.isCancelled === expected,
        `token ${place} is not ${expected}`,
      );
    }
  }

  end(): void {
    this.check();
  }
}
