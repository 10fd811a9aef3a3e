/** Rondo with coroutines: each task is a generator that waits with `yield*`. */
import { CHAIN, Countdown, PINGS, SPAWNS, TASKS, type Way, YIELDS } from '../plan.ts';
import { type Coroutine, oneshot, spawn, yieldNow } from '../rondo.ts';

type Receiver = ReturnType<typeof oneshot<void>>['receiver'];
type Sender = ReturnType<typeof oneshot<void>>['sender'];

// oxlint-disable-next-line require-yield -- A coroutine that does not wait is what is measured.
function* count(countdown: Countdown): Coroutine<void> {
  countdown.partEnded();
}

// oxlint-disable-next-line require-yield -- The same.
function* nothing(): Coroutine<void> {}

// oxlint-disable-next-line require-yield -- The same.
function* link(end: () => void, left: number): Coroutine<void> {
  if (left === 0) end();
  else spawn(link(end, left - 1));
}

function* pong(from: Receiver, to: Sender): Coroutine<void> {
  yield* from;
  to.send(undefined);
}

function* ping(countdown: Countdown): Coroutine<void> {
  const to = oneshot<void>();
  const back = oneshot<void>();
  spawn(pong(to.receiver, back.sender));
  to.sender.send(undefined);
  yield* back.receiver;
  countdown.partEnded();
}

// oxlint-disable-next-line require-yield -- The same.
function* pings(countdown: Countdown): Coroutine<void> {
  for (let left = PINGS; left > 0; left--) spawn(ping(countdown));
}

function* yields(countdown: Countdown): Coroutine<void> {
  for (let left = YIELDS; left > 0; left--) yield* yieldNow();
  countdown.partEnded();
}

/** Runs `start` in a task that is over when the function that it is given was called. */
function until(start: (end: () => void) => void): PromiseLike<void> {
  return spawn(function* (): Coroutine<void> {
    const { sender, receiver } = oneshot<void>();
    start(() => sender.send(undefined));
    yield* receiver;
  });
}

function repeat(
  times: number,
  make: (countdown: Countdown) => Coroutine<void>,
): () => PromiseLike<void> {
  return () =>
    until((end) => {
      const countdown = new Countdown(times, end);
      for (let left = times; left > 0; left--) spawn(make(countdown));
    });
}

function* joined(): Coroutine<void> {
  const handles = [];
  for (let left = SPAWNS; left > 0; left--) handles.push(spawn(nothing()));
  for (const handle of handles) yield* handle;
}

export const way: Way = {
  spawn: repeat(SPAWNS, count),
  joined: () => spawn(joined()),
  chained: () => until((end) => void spawn(link(end, CHAIN))),
  'ping-pong': () => until((end) => void spawn(pings(new Countdown(PINGS, end)))),
  yield: repeat(TASKS, yields),
};
