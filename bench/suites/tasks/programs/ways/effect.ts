/** Effect: a fiber for each task, as its documentation writes them. */
import { CHAIN, Countdown, peer, PINGS, SPAWNS, TASKS, type Way, YIELDS } from '../plan.ts';

/** What is used of the package; an effect is awaited by `yield*`. */
interface Effect<T> {
  [Symbol.iterator](): Iterator<Effect<unknown>, T, unknown>;
}

type Body<T> = Generator<Effect<unknown>, T, unknown>;

/** Somewhere that one value is put into. */
interface Deferred {
  readonly '~brand': never;
}

interface Library {
  readonly Effect: {
    readonly yieldNow: Effect<void>;
    readonly void: Effect<void>;
    gen<T>(body: () => Body<T>): Effect<T>;
    sync<T>(run: () => T): Effect<T>;
    forkDetach<T>(effect: Effect<T>): Effect<Fiber<T>>;
    runPromise<T>(effect: Effect<T>): Promise<T>;
  };
  readonly Deferred: {
    make(): Effect<Deferred>;
    doneUnsafe(deferred: Deferred, value: Effect<void>): boolean;
    succeed(deferred: Deferred, value: undefined): Effect<boolean>;
    await(deferred: Deferred): Effect<void>;
  };
  readonly Fiber: { join<T>(fiber: Fiber<T>): Effect<T> };
}

interface Fiber<T> {
  readonly '~value': T;
}

const { Effect, Deferred, Fiber } = (await peer('effect')) as Library;

/** Runs `start` with the function that ends the iteration. */
async function until(start: (end: () => void) => Body<void>): Promise<void> {
  return Effect.runPromise(
    Effect.gen(function* () {
      const ended = yield* Deferred.make();
      yield* start(() => Deferred.doneUnsafe(ended, Effect.void));
      yield* Deferred.await(ended);
    }),
  );
}

async function repeat(times: number, task: (countdown: Countdown) => Effect<void>): Promise<void> {
  return until(function* (end) {
    const countdown = new Countdown(times, end);
    for (let left = times; left > 0; left--) yield* Effect.forkDetach(task(countdown));
  });
}

const count = (countdown: Countdown): Effect<void> => Effect.sync(() => countdown.partEnded());

function link(end: () => void, left: number): Effect<void> {
  return Effect.gen(function* () {
    if (left === 0) end();
    else yield* Effect.forkDetach(link(end, left - 1));
  });
}

function pong(from: Deferred, to: Deferred): Effect<void> {
  return Effect.gen(function* () {
    yield* Deferred.await(from);
    yield* Deferred.succeed(to, undefined);
  });
}

function ping(countdown: Countdown): Effect<void> {
  return Effect.gen(function* () {
    const to = yield* Deferred.make();
    const back = yield* Deferred.make();
    yield* Effect.forkDetach(pong(to, back));
    yield* Deferred.succeed(to, undefined);
    yield* Deferred.await(back);
    countdown.partEnded();
  });
}

function pings(end: () => void): Effect<void> {
  const countdown = new Countdown(PINGS, end);
  return Effect.gen(function* () {
    for (let left = PINGS; left > 0; left--) yield* Effect.forkDetach(ping(countdown));
  });
}

function yields(countdown: Countdown): Effect<void> {
  return Effect.gen(function* () {
    for (let left = YIELDS; left > 0; left--) yield* Effect.yieldNow;
    countdown.partEnded();
  });
}

async function joined(): Promise<void> {
  return Effect.runPromise(
    Effect.gen(function* () {
      const fibers: Fiber<void>[] = [];
      for (let left = SPAWNS; left > 0; left--) fibers.push(yield* Effect.forkDetach(Effect.void));
      for (const fiber of fibers) yield* Fiber.join(fiber);
    }),
  );
}

export const way: Way = {
  spawn: async () => repeat(SPAWNS, count),
  joined,
  chained: async () =>
    until(function* (end) {
      yield* Effect.forkDetach(link(end, CHAIN));
    }),
  'ping-pong': async () =>
    until(function* (end) {
      yield* Effect.forkDetach(pings(end));
    }),
  yield: async () => repeat(TASKS, yields),
};
