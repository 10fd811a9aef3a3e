/** Rondo, hand-written: each task is an object with `poll` that keeps its own state. */
import { CHAIN, Countdown, PINGS, SPAWNS, TASKS, type Way, YIELDS } from '../plan.ts';
import {
  type Context,
  type Future,
  type JoinHandle,
  oneshot,
  PENDING,
  type Poll,
  spawn,
  type Waker,
} from '../rondo.ts';

type Receiver = ReturnType<typeof oneshot<void>>['receiver'];
type Sender = ReturnType<typeof oneshot<void>>['sender'];

/** The task of an iteration: starts the others, and is over when one of them says so. */
class Until implements Future<void> {
  #isStarted = false;
  #isOver = false;
  #waker: Waker | undefined;
  readonly #start: (end: () => void) => void;

  constructor(start: (end: () => void) => void) {
    this.#start = start;
  }

  poll(context: Context): Poll<void> {
    if (this.#isOver) return undefined;
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#waker = context.waker.clone();
      this.#start(() => {
        this.#isOver = true;
        this.#waker?.wake();
      });
    }
    return PENDING;
  }
}

class Count implements Future<void> {
  readonly #countdown: Countdown;

  constructor(countdown: Countdown) {
    this.#countdown = countdown;
  }

  poll(): void {
    this.#countdown.partEnded();
  }
}

class Nothing implements Future<void> {
  poll(): void {}
}

class Joined implements Future<void> {
  readonly #handles: JoinHandle<void>[] = [];
  #next = 0;

  poll(context: Context): Poll<void> {
    const handles = this.#handles;
    if (handles.length === 0) {
      for (let left = SPAWNS; left > 0; left--) handles.push(spawn(new Nothing()));
    }
    for (; this.#next < SPAWNS; this.#next++) {
      if (handles[this.#next]!.poll(context) === PENDING) return PENDING;
    }
    return undefined;
  }
}

class Link implements Future<void> {
  readonly #end: () => void;
  readonly #left: number;

  constructor(end: () => void, left: number) {
    this.#end = end;
    this.#left = left;
  }

  poll(): void {
    if (this.#left === 0) this.#end();
    else spawn(new Link(this.#end, this.#left - 1));
  }
}

class Pong implements Future<void> {
  readonly #from: Receiver;
  readonly #to: Sender;

  constructor(from: Receiver, to: Sender) {
    this.#from = from;
    this.#to = to;
  }

  poll(context: Context): Poll<void> {
    if (this.#from.poll(context) === PENDING) return PENDING;
    this.#to.send(undefined);
    return undefined;
  }
}

class Ping implements Future<void> {
  readonly #countdown: Countdown;
  #back: Receiver | undefined;

  constructor(countdown: Countdown) {
    this.#countdown = countdown;
  }

  poll(context: Context): Poll<void> {
    if (this.#back === undefined) {
      const to = oneshot<void>();
      const back = oneshot<void>();
      this.#back = back.receiver;
      spawn(new Pong(to.receiver, back.sender));
      to.sender.send(undefined);
    }
    if (this.#back.poll(context) === PENDING) return PENDING;
    this.#countdown.partEnded();
    return undefined;
  }
}

class Pings implements Future<void> {
  readonly #countdown: Countdown;

  constructor(countdown: Countdown) {
    this.#countdown = countdown;
  }

  poll(): void {
    for (let left = PINGS; left > 0; left--) spawn(new Ping(this.#countdown));
  }
}

class Yields implements Future<void> {
  readonly #countdown: Countdown;
  #left = YIELDS;

  constructor(countdown: Countdown) {
    this.#countdown = countdown;
  }

  poll(context: Context): Poll<void> {
    if (this.#left === 0) return this.#countdown.partEnded();
    this.#left -= 1;
    context.waker.wakeByRef();
    return PENDING;
  }
}

const until = (start: (end: () => void) => void): PromiseLike<void> => spawn(new Until(start));

function repeat(
  times: number,
  make: (countdown: Countdown) => Future<void>,
): () => PromiseLike<void> {
  return () =>
    until((end) => {
      const countdown = new Countdown(times, end);
      for (let left = times; left > 0; left--) spawn(make(countdown));
    });
}

export const way: Way = {
  spawn: repeat(SPAWNS, (countdown) => new Count(countdown)),
  joined: () => spawn(new Joined()),
  chained: () => until((end) => void spawn(new Link(end, CHAIN))),
  'ping-pong': () => until((end) => void spawn(new Pings(new Countdown(PINGS, end)))),
  yield: repeat(TASKS, (countdown) => new Yields(countdown)),
};
