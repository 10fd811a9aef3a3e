/**
 * Wakers of another make: each polls its future at once, in the midst of the operation that woke
 * it, and then begins another wait. Whatever the nesting, nothing is lost and nothing is doubled.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  PENDING,
  wakerFrom,
  type Context,
  type Future,
  type Poll,
} from '../../../src/task/future/index.ts';
import { mpsc, Notify, Semaphore, type SemaphorePermit } from '../../../src/task/sync/index.ts';

/** Runs a future as far as it goes, at once, whenever it is woken. */
class Eager<T> implements Context {
  readonly waker;
  readonly #future: Future<T>;
  readonly #done: (value: T) => void;
  state: 'idle' | 'polling' | 'over' = 'idle';

  constructor(future: Future<T>, done: (value: T) => void) {
    this.#future = future;
    this.#done = done;
    this.waker = wakerFrom<Eager<T>>(this, {
      clone: (own) => own,
      wake: (own) => own.poll(),
      wakeByRef: (own) => own.poll(),
      drop: () => undefined,
    });
  }

  proceed(): boolean {
    return true;
  }

  poll(): void {
    if (this.state !== 'idle') return;
    this.state = 'polling';
    const value: Poll<T> = this.#future.poll(this);
    this.state = value === PENDING ? 'idle' : 'over';
    if (value !== PENDING) this.#done(value);
  }

  cancel(): void {
    if (this.state !== 'idle') return;
    this.state = 'over';
    this.#future.cancel?.(this);
  }
}

const steps = fc.array(fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 99 })), { maxLength: 60 });

describe('Wakers that poll at once', () => {
  test('Semaphore: permits are conserved', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), steps, (permits, program) => {
        const semaphore = new Semaphore(permits);
        const held: SemaphorePermit[] = [];
        const tasks: Eager<SemaphorePermit>[] = [];
        let begun = 0;
        const acquire = (amount: number): void => {
          const task = new Eager(semaphore.acquire(amount), (permit) => {
            held.push(permit);
            // In the midst of somebody else's release: release, or ask for more.
            if (amount === 1) held.splice(0, 1)[0]!.release();
            else if (begun++ < 40) acquire(1);
          });
          tasks.push(task);
          task.poll();
        };
        for (const [action, choice] of program) {
          if (action <= 1) acquire(1 + (choice % permits));
          else if (action <= 3) held.splice(choice % (held.length || 1), 1)[0]?.release();
          else tasks[choice % (tasks.length || 1)]?.cancel();
          const out = held.reduce((sum, { count }) => sum + count, semaphore.available);
          assert.equal(out, permits);
        }
        while (held.length > 0) held.pop()!.release();
        assert.equal(semaphore.waiters, 0, 'everybody was served');
        assert.equal(semaphore.available, permits);
      }),
      { numRuns: 300 },
    );
  });

  test('mpsc: messages are neither lost nor doubled, and keep their order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), steps, (capacity, program) => {
        const { sender, receiver } = mpsc<number>(capacity);
        const received: number[] = [];
        const sent = new Set<number>();
        const tasks: { cancel(): void }[] = [];
        let next = 0;
        const send = (): void => {
          const value = next++;
          const task = new Eager(sender.send(value), () => void sent.add(value));
          tasks.push(task);
          task.poll();
        };
        const receive = (): void => {
          const task: Eager<number | undefined> = new Eager(receiver.receive(), (value) => {
            if (value === undefined) return;
            received.push(value);
            // In the midst of somebody else's send: the next wait, or an answer.
            if (value % 3 === 0) receive();
            if (value % 4 === 0 && next < 200) send();
          });
          tasks.push(task);
          task.poll();
        };
        for (const [action, choice] of program) {
          if (action <= 2) send();
          else if (action <= 4) receive();
          else tasks[choice % (tasks.length || 1)]?.cancel();
          assert.equal(sender.available + receiver.length, capacity);
        }
        sender.close();
        for (const task of tasks) task.cancel();
        for (let value; (value = receiver.tryReceive()) !== undefined;) received.push(value);
        assert.ok(receiver.isEnded);
        assert.equal(new Set(received).size, received.length, 'none twice');
        assert.deepEqual(
          received.toSorted((a, b) => a - b),
          [...sent].sort((a, b) => a - b),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('Notify: a chain of notifications reaches everybody', () => {
    const notify = new Notify();
    let reached = 0;
    for (let index = 0; index < 100; index++) {
      const task = new Eager(notify.notified(), () => {
        reached += 1;
        notify.notifyOne();
      });
      task.poll();
    }
    notify.notifyOne();
    assert.equal(reached, 100);
    assert.ok(notify.hasPermit);
  });
});
