/** What random programs and their models have found, each as the smallest program that shows it. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import {
  attempt,
  join,
  mpsc,
  scope,
  select,
  sleep,
  TaskSet,
  timeout,
  VirtualHost,
  type Coroutine,
  type Executor,
  type OnError,
} from '../../../src/task/index.ts';

const failure = new Error('failure of the program');

let host: VirtualHost;
let executor: Executor;
beforeEach(() => {
  host = new VirtualHost({ turns: 10_000 });
  executor = host.executor({ budget: 8, watchdog: { timing: 'off' } });
});

function* failsAfter(ms: number): Coroutine<number> {
  yield* sleep(ms);
  throw failure;
}

/** Takes its time to let go. */
function* clings(ms: number): Coroutine<number> {
  try {
    yield* sleep(1000);
  } finally {
    yield* sleep(ms);
  }
  return 0;
}

describe('waiting for a task', () => {
  it('goes on in one branch of a select when another branch gives it up', () => {
    const handle = executor.spawn(() => sleep(10));
    const impatient = function* (): Coroutine<void> {
      yield* attempt(timeout(5, handle));
      yield* sleep(1000);
    };
    const biased = true;
    const ended = host.run(function* () {
      const first = yield* select({ patient: handle, impatient: impatient() }, { biased });
      return `${first.key} at ${executor.now()}`;
    });
    assert.equal(ended, 'patient at 10');
  });

  it('does not take its error from the world when it is given up', () => {
    const handle = executor.spawn(() => failsAfter(10));
    executor.spawn(() => attempt(timeout(5, handle)));
    host.runUntilIdle();
    assert.deepEqual(host.reported, [failure]);
  });

  it('does not lose its error when the one who waits is aborted in the same moment', () => {
    const handle = executor.spawn(() => failsAfter(10));
    const waiting = executor.spawn(function* () {
      yield* handle;
    });
    executor.spawn(function* () {
      yield* sleep(10);
      waiting.abort();
    });
    host.runUntilIdle();
    assert.deepEqual(host.reported, [failure]);
  });

  for (const onError of ['cancel', 'continue'] satisfies OnError[]) {
    it(`leaves its error to the scope when it is given up (${onError})`, () => {
      const result = host.run(() =>
        attempt(
          scope(
            function* (opened) {
              const child = opened.spawn(() => failsAfter(10));
              yield* attempt(timeout(5, child));
            },
            { onError },
          ),
        ),
      );
      assert.deepEqual(result, { ok: false, error: failure });
    });
  }
});

describe('giving up what has failed already', () => {
  const abortWhileClinging = (body: () => Coroutine<unknown>): void => {
    const task = executor.spawn(body);
    host.pause();
    host.runFor(10);
    task.abort();
    host.runFor(2000);
    assert.deepEqual(host.reported, [failure]);
  };

  it('join throws the error of the first, though the others still let go', () => {
    abortWhileClinging(function* () {
      yield* join([failsAfter(1), clings(100)]);
    });
  });

  it('joinAll throws the error that it took from the set', () => {
    abortWhileClinging(function* () {
      const set = new TaskSet<number>();
      set.spawn(() => failsAfter(1));
      set.spawn(() => clings(100));
      yield* set.joinAll();
    });
  });
});

describe('a budget that is used up', () => {
  it('does not keep a timeout from its end', () => {
    const { sender, receiver } = mpsc<number>(1);
    const busy = function* (): Coroutine<void> {
      for (;;) {
        yield* sender.send(1);
        yield* receiver.receive();
        if (executor.now() < 5) host.advance(1);
      }
    };
    const outcome = host.run(() => attempt(timeout(5, busy())));
    assert.equal(outcome.ok, false);
    assert.equal(executor.now(), 5);
  });

  it('is not taken by those who wait for the tasks of a set', () => {
    const running = new TaskSet<void>(executor);
    const branches = Array.from({ length: 20 }, () => {
      const set = new TaskSet<void>(executor);
      set.spawn(host.enter(() => sleep(10)));
      return set;
    });
    running.spawn(function* () {
      const waits = branches.map((set, i) => [`set${i}`, set.joinNext()] as const);
      yield* select(Object.fromEntries(waits));
    });
    host.run(() => running.joinAll());
    assert.equal(executor.now(), 10);
  });
});
