/** Rondo with async functions: each task is one, and awaits futures, which become tasks then. */
import { CHAIN, Countdown, PINGS, SPAWNS, TASKS, type Way, YIELDS } from '../plan.ts';
import { oneshot, spawn, yieldNow } from '../rondo.ts';

type Receiver = ReturnType<typeof oneshot<void>>['receiver'];
type Sender = ReturnType<typeof oneshot<void>>['sender'];

async function link(end: () => void, left: number): Promise<void> {
  if (left === 0) end();
  else spawn(async () => link(end, left - 1));
}

async function pong(from: Receiver, to: Sender): Promise<void> {
  await from;
  to.send(undefined);
}

async function ping(countdown: Countdown): Promise<void> {
  const to = oneshot<void>();
  const back = oneshot<void>();
  spawn(async () => pong(to.receiver, back.sender));
  to.sender.send(undefined);
  await back.receiver;
  countdown.partEnded();
}

async function pings(countdown: Countdown): Promise<void> {
  for (let left = PINGS; left > 0; left--) spawn(async () => ping(countdown));
}

async function yields(countdown: Countdown): Promise<void> {
  for (let left = YIELDS; left > 0; left--) await yieldNow();
  countdown.partEnded();
}

/** Runs `start` in a task that is over when the function that it is given was called. */
function until(start: (end: () => void) => void): PromiseLike<void> {
  return spawn(async () => new Promise<void>(start));
}

function repeat(
  times: number,
  task: (countdown: Countdown) => Promise<void>,
): () => PromiseLike<void> {
  return () =>
    until((end) => {
      const countdown = new Countdown(times, end);
      for (let left = times; left > 0; left--) spawn(async () => task(countdown));
    });
}

async function joined(): Promise<void> {
  const handles = [];
  for (let left = SPAWNS; left > 0; left--) handles.push(spawn(async () => {}));
  for (const handle of handles) await handle;
}

export const way: Way = {
  spawn: repeat(SPAWNS, async (countdown) => countdown.partEnded()),
  joined: () => spawn(joined),
  chained: () => until((end) => void spawn(async () => link(end, CHAIN))),
  'ping-pong': () => until((end) => void spawn(async () => pings(new Countdown(PINGS, end)))),
  yield: repeat(TASKS, yields),
};
