/** The futures of `layout.ts`, and the hand that polls them. */
import {
  BaseFuture,
  type Context,
  type Coroutine,
  type Future,
  PENDING,
  type Poll,
  toFuture,
  type Waker,
} from './rondo.ts';

/** How often each of them waits. Whoever polls one has what it waits for ready at the next poll. */
export const WAITS = 32;

/** Wakes nobody: the hand polls all of them in turns. */
const waker: Waker = {
  wake: () => {},
  wakeByRef: () => {},
  clone: () => waker,
  drop: () => {},
  willWake: (other) => other === waker,
};
const context: Context = { waker, proceed: () => true };

/** One poll. */
export function resume(future: Future<number>): Poll<number> {
  return future.poll(context);
}

/** State, what was added up and the waker are fields: nothing is made for a wait. */
class State implements Future<number> {
  #waits = 0;
  #isWaiting = false;
  #sum = 0;
  #waker: Waker | undefined;

  poll({ waker: given }: Context): Poll<number> {
    for (;;) {
      if (!this.#isWaiting) {
        this.#isWaiting = true;
        if (this.#waker?.willWake(given) !== true) {
          this.#waker?.drop();
          this.#waker = given.clone();
        }
        return PENDING;
      }
      this.#isWaiting = false;
      this.#sum += 1;
      this.#waits += 1;
      if (this.#waits === WAITS) return this.#sum;
    }
  }
}

/** What the other two wait for. */
class Leaf extends BaseFuture<number, never> {
  #isWaiting = false;
  #waker: Waker | undefined;

  poll({ waker: given }: Context): Poll<number> {
    if (this.#isWaiting) return 1;
    this.#isWaiting = true;
    if (this.#waker?.willWake(given) !== true) {
      this.#waker?.drop();
      this.#waker = given.clone();
    }
    return PENDING;
  }
}

function* coroutine(): Coroutine<number> {
  let sum = 0;
  for (let waits = 0; waits < WAITS; waits++) sum += yield* new Leaf();
  return sum;
}

// They differ in nothing but that they do: a call of `poll` cannot know which of them it will meet.
// (From the fifth on V8 gives up remembering them, and a call costs twice as much.)
class First extends Leaf {}
class Second extends Leaf {}
class Third extends Leaf {}
const KINDS: readonly (() => Future<number>)[] = [
  () => new First(),
  () => new Second(),
  () => new Third(),
];

class Boxed implements Future<number> {
  #waits = 0;
  #sum = 0;
  #inner: Future<number> | undefined;

  poll(given: Context): Poll<number> {
    for (;;) {
      this.#inner ??= KINDS[this.#waits % KINDS.length]!();
      const value = this.#inner.poll(given);
      if (value === PENDING) return PENDING;
      this.#inner = undefined;
      this.#sum += value;
      this.#waits += 1;
      if (this.#waits === WAITS) return this.#sum;
    }
  }
}

const MAKERS: Readonly<Record<string, () => Future<number>>> = {
  state: () => new State(),
  coroutine: () => toFuture(coroutine()),
  boxed: () => new Boxed(),
};

/** @throws {RangeError} when there is no such way */
export function makerOf(name: string): () => Future<number> {
  const make = MAKERS[name];
  if (make === undefined) throw new RangeError(`Cannot make ${name}: there is no such way`);
  return make;
}
