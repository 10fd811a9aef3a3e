/** Locks of tests: of the checker's own, so that what is left locked is told. */
import { Order } from '../explore/graph.ts';
import { Fault } from './faults.ts';
import type { Session } from './session.ts';

/** A lock that threads of a test take in turn. */
export interface TestLock {
  /** Waits until the lock is free, and takes it. */
  acquire(): void;
  /** Takes the lock if it is free; whether it was. */
  tryAcquire(): boolean;
  /** Gives the lock back. Only the thread that has it may. */
  release(): void;
}

const FREE = -1;

/** A lock whose holder is kept in a location: the number of the thread, or `FREE`. */
export class Lock implements TestLock {
  /** What the location holds at first. */
  static readonly initial: number = FREE;
  readonly #session: Session;
  readonly #location: number;
  readonly name: string;

  constructor(session: Session, location: number, name: string) {
    this.#session = session;
    this.#location = location;
    this.name = name;
  }

  acquire(): void {
    while (!this.tryAcquire());
  }

  tryAcquire(): boolean {
    const { thread } = this.#session;
    const take = (holder: unknown): unknown => (holder === FREE ? thread : undefined);
    const holder = this.#session.modify(this.#location, Order.ACQUIRE, take);
    if (holder === thread) {
      this.#session.fault(new Fault('lock', `${this.name} is taken by the thread that has it`));
    }
    return holder === FREE;
  }

  release(): void {
    const { thread } = this.#session;
    const free = (holder: unknown): unknown => (holder === thread ? FREE : undefined);
    if (this.#session.modify(this.#location, Order.RELEASE, free) === thread) return;
    this.#session.fault(new Fault('lock', `${this.name} is released by a thread that has it not`));
  }

  /** Makes sure that nobody has the lock when all threads have ended. `holder` is its last value. */
  conclude(holder: unknown, names: readonly string[]): void {
    if (holder === FREE) return;
    throw new Fault('lock', `${this.name} is still held by ${names[holder as number]} at the end`);
  }
}
