import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, test } from 'node:test';
import type * as AsyncContext from './async-context.ts';
import type { CapturedContext } from './async-context.ts';

let copies = 0;

/** The module as a process finds it in which no storage was used with it. */
async function fresh(): Promise<typeof AsyncContext> {
  copies += 1;
  const url = new URL(`./async-context.js?copy=${copies}`, import.meta.url).href;
  return (await import(url)) as typeof AsyncContext;
}

/** What an executor does with contexts, and nothing else. */
class Bench {
  readonly #module: typeof AsyncContext;
  #turning = false;
  #ready: Job[] = [];

  constructor(module: typeof AsyncContext) {
    this.#module = module;
  }

  spawn(step: () => unknown): Job {
    const job = new Job(this.#module.captureContext(this.#turning), step);
    this.#ready.push(job);
    return job;
  }

  again(job: Job): void {
    this.#ready.push(job);
  }

  turn(): void {
    this.#turning = true;
    try {
      this.#module.runWithoutContext(() => this.#pollAll());
    } finally {
      this.#turning = false;
    }
  }

  #pollAll(): void {
    const ready = this.#ready;
    this.#ready = [];
    for (const job of ready) {
      if (job.context === undefined) job.step();
      else this.#module.runInContext(job.context, job);
    }
  }
}

class Job {
  readonly context: CapturedContext | undefined;
  readonly step: () => unknown;
  constructor(context: CapturedContext | undefined, step: () => unknown) {
    this.context = context;
    this.step = step;
  }
}

const later = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 0));

describe('captureContext where no storage is used', () => {
  test('gives nothing, wherever it is called', async () => {
    const module = await fresh();
    const bench = new Bench(module);
    const found: (CapturedContext | undefined)[] = [module.captureContext(false)];
    await Promise.resolve().then(() => found.push(module.captureContext(false)));
    await later();
    found.push(module.captureContext(false));
    await new Promise<void>((resolve) => {
      setTimeout(() => resolve(void found.push(module.captureContext(false))), 0);
    });
    bench.spawn(() => found.push(module.captureContext(true)));
    bench.turn();
    assert.deepEqual(found, [undefined, undefined, undefined, undefined, undefined]);
  });

  test('gives nothing where storages were used in another place', async () => {
    const storage = new AsyncLocalStorage<number>();
    storage.run(1, () => assert.equal(storage.getStore(), 1));
    const module = await fresh();
    assert.equal(module.captureContext(false), undefined);
    storage.disable();
  });

  test('a module loaded inside of a context keeps nothing of it', async () => {
    const storage = new AsyncLocalStorage<number>();
    const module = await storage.run(7, () => fresh());
    const seen: unknown[] = [];
    module.runWithoutContext(() => seen.push(storage.getStore()));
    assert.deepEqual(seen, [undefined]);
    storage.disable();
  });

  test('the first use inside of a poll is seen by the tasks it spawns', async () => {
    const storage = new AsyncLocalStorage<number>();
    const bench = new Bench(await fresh());
    const seen: unknown[] = [];
    bench.spawn(() => storage.run(3, () => bench.spawn(() => seen.push(storage.getStore()))));
    bench.turn();
    bench.turn();
    assert.deepEqual(seen, [3]);
    storage.disable();
  });

  test('enterWith in a task that was spawned before ends with the turn', async () => {
    const storage = new AsyncLocalStorage<number>();
    const bench = new Bench(await fresh());
    const seen: unknown[] = [];
    const look = bench.spawn(() => seen.push(storage.getStore()));
    bench.spawn(() => storage.enterWith(5));
    bench.turn();
    bench.again(look);
    bench.turn();
    assert.deepEqual(seen, [undefined, undefined]);
    assert.equal(storage.getStore(), undefined);
    storage.disable();
  });
});

test('captureContext follows run, nested run and exit', async () => {
  const outer = new AsyncLocalStorage<string>();
  const inner = new AsyncLocalStorage<string>();
  const bench = new Bench(await fresh());
  const seen: unknown[] = [];
  const look = (): unknown => seen.push([outer.getStore(), inner.getStore()]);
  bench.spawn(look);
  outer.run('a', () => {
    bench.spawn(look);
    inner.run('b', () => {
      bench.spawn(look);
      outer.run('c', () => bench.spawn(look));
      outer.exit(() => bench.spawn(look));
    });
  });
  bench.spawn(look);
  bench.turn();
  assert.deepEqual(seen, [
    [undefined, undefined],
    ['a', undefined],
    ['a', 'b'],
    ['c', 'b'],
    [undefined, 'b'],
    [undefined, undefined],
  ]);
});

test('runInContext gives each poll of a task its context, and children inherit it', async () => {
  const storage = new AsyncLocalStorage<number>();
  const bench = new Bench(await fresh());
  const seen: unknown[] = [];
  const job = storage.run(1, () =>
    bench.spawn(() => {
      seen.push(storage.getStore());
      if (seen.length === 1) bench.spawn(() => seen.push(storage.getStore()));
    }),
  );
  bench.turn();
  storage.run(2, () => bench.turn());
  bench.again(job);
  storage.run(3, () => bench.turn());
  assert.deepEqual(seen, [1, 1, 1]);
});

test('a turn that was asked for in a context does not show it to other tasks', async () => {
  const storage = new AsyncLocalStorage<number>();
  const bench = new Bench(await fresh());
  const seen: unknown[] = [];
  const before = bench.spawn(() => seen.push(storage.getStore()));
  bench.turn();
  await storage.run(4, async () => {
    bench.again(before);
    bench.turn();
    await Promise.resolve();
    bench.again(before);
    bench.turn();
    assert.equal(storage.getStore(), 4);
  });
  assert.deepEqual(seen, [undefined, undefined, undefined]);
});

test('enterWith lasts for its task and is seen by no other', async () => {
  const storage = new AsyncLocalStorage<number>();
  const bench = new Bench(await fresh());
  storage.run(0, () => bench.spawn(() => undefined)); // Storages are in use.
  const seen: unknown[] = [];
  const enters = bench.spawn(() => {
    seen.push(storage.getStore());
    storage.enterWith(9);
    bench.spawn(() => seen.push(['child', storage.getStore()]));
  });
  const other = bench.spawn(() => seen.push(['other', storage.getStore()]));
  bench.turn();
  bench.again(enters);
  bench.again(other);
  bench.turn();
  assert.deepEqual(seen.slice(0, 2), [undefined, ['other', undefined]]);
  assert.deepEqual(seen.slice(2), [['child', 9], 9, ['other', undefined]]);
});

test('captureContext sees the context of promise callbacks and timers', async () => {
  const storage = new AsyncLocalStorage<string>();
  const bench = new Bench(await fresh());
  const seen: unknown[] = [];
  const look = (): unknown => seen.push(storage.getStore());
  await storage.run('promise', async () => {
    await Promise.resolve();
    bench.spawn(look);
    await Promise.resolve().then(() => bench.spawn(look));
  });
  await new Promise<void>((resolve) => {
    storage.run('timer', () => setTimeout(() => resolve(void bench.spawn(look)), 0));
  });
  await new Promise<void>((resolve) => {
    storage.run('immediate', () => setImmediate(() => resolve(void bench.spawn(look))));
  });
  bench.spawn(look);
  bench.turn();
  assert.deepEqual(seen, ['promise', 'promise', 'timer', 'immediate', undefined]);
});

test('promises that a task makes carry its context', async () => {
  const storage = new AsyncLocalStorage<number>();
  const bench = new Bench(await fresh());
  const seen: unknown[] = [];
  const done = new Promise<void>((resolve) => {
    storage.run(6, () => {
      bench.spawn(() => {
        void later().then(() => resolve(void seen.push(storage.getStore())));
      });
    });
  });
  bench.turn();
  await done;
  assert.deepEqual(seen, [6]);
});

test('a poll that throws leaves its context', async () => {
  const storage = new AsyncLocalStorage<number>();
  const bench = new Bench(await fresh());
  storage.run(8, () => {
    bench.spawn(() => {
      throw new Error('from the poll');
    });
  });
  assert.throws(() => bench.turn(), /from the poll/);
  assert.equal(storage.getStore(), undefined);
  const seen: unknown[] = [];
  bench.spawn(() => seen.push(storage.getStore()));
  bench.turn();
  assert.deepEqual(seen, [undefined]);
});
