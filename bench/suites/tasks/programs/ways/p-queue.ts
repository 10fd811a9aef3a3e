/** p-queue: one job at a time, as tasks run. A job that yields is added again. */
import { CHAIN, Countdown, peer, SPAWNS, TASKS, type Way, YIELDS } from '../plan.ts';

interface Queue {
  add<T>(job: () => T | Promise<T>): Promise<T>;
}

const { default: PQueue } = (await peer('p-queue')) as {
  readonly default: new (options: { readonly concurrency: number }) => Queue;
};
const queue = new PQueue({ concurrency: 1 });

function link(end: () => void, left: number): void {
  if (left === 0) end();
  else void queue.add(() => link(end, left - 1));
}

function yields(countdown: Countdown, left: number): void {
  if (left === 0) countdown.partEnded();
  else void queue.add(() => yields(countdown, left - 1));
}

export const way: Way = {
  spawn: async () =>
    new Promise((end) => {
      const countdown = new Countdown(SPAWNS, end);
      for (let left = SPAWNS; left > 0; left--) void queue.add(() => countdown.partEnded());
    }),
  joined: async () => {
    const handles: Promise<void>[] = [];
    for (let left = SPAWNS; left > 0; left--) handles.push(queue.add(() => {}));
    for (const handle of handles) await handle;
  },
  chained: async () => new Promise((end) => void queue.add(() => link(end, CHAIN))),
  yield: async () =>
    new Promise((end) => {
      const countdown = new Countdown(TASKS, end);
      for (let left = TASKS; left > 0; left--) yields(countdown, YIELDS);
    }),
};
