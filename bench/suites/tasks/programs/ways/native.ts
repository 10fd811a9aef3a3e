/** Async functions of the language itself. A task begins after its spawner went on, as tasks do. */
/* oxlint-disable typescript/await-thenable -- Nothing to wait for is what is awaited to yield. */
import { setImmediate } from 'node:timers/promises';
import { CHAIN, Countdown, PINGS, SPAWNS, TASKS, type Way, YIELDS } from '../plan.ts';

async function count(countdown: Countdown): Promise<void> {
  await undefined;
  countdown.partEnded();
}

async function nothing(): Promise<void> {
  await undefined;
}

async function link(end: () => void, left: number): Promise<void> {
  await undefined;
  if (left === 0) end();
  else void link(end, left - 1);
}

async function pong(from: Promise<void>, to: () => void): Promise<void> {
  await from;
  to();
}

async function ping(countdown: Countdown): Promise<void> {
  await undefined;
  let to!: () => void;
  let backTo!: () => void;
  const from = new Promise<void>((resolve) => (to = resolve));
  const backFrom = new Promise<void>((resolve) => (backTo = resolve));
  void pong(from, backTo);
  to();
  await backFrom;
  countdown.partEnded();
}

async function pings(countdown: Countdown): Promise<void> {
  await undefined;
  for (let left = PINGS; left > 0; left--) void ping(countdown);
}

async function yields(countdown: Countdown): Promise<void> {
  for (let left = YIELDS; left > 0; left--) await undefined;
  countdown.partEnded();
}

async function immediates(countdown: Countdown): Promise<void> {
  for (let left = YIELDS; left > 0; left--) await setImmediate();
  countdown.partEnded();
}

async function repeat(times: number, task: (countdown: Countdown) => Promise<void>): Promise<void> {
  return new Promise((end) => {
    const countdown = new Countdown(times, end);
    for (let left = times; left > 0; left--) void task(countdown);
  });
}

/** Yields are microtasks: nothing but other promises goes first. */
export const way: Way = {
  spawn: async () => repeat(SPAWNS, count),
  joined: async () => {
    const handles: Promise<void>[] = [];
    for (let left = SPAWNS; left > 0; left--) handles.push(nothing());
    for (const handle of handles) await handle;
  },
  chained: async () => new Promise((end) => void link(end, CHAIN)),
  'ping-pong': async () => new Promise((end) => void pings(new Countdown(PINGS, end))),
  yield: async () => repeat(TASKS, yields),
};

/** Yields that let the event loop go on. */
export const immediateWay: Way = { yield: async () => repeat(TASKS, immediates) };
