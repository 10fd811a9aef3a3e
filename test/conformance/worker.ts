/** What the worker threads of `suite-threads.ts` run. */
import { parentPort, workerData } from 'node:worker_threads';
import { waitBlocking } from '#atomics';
import { assert } from '../../src/base/index.ts';
import {
  CompletionFlag,
  createDriver,
  wakeDriver,
  type RealDriverKind,
  type SocketAddress,
  type Waker,
} from '../../src/driver/index.ts';
import { adoptArena, Arena, type WasmMemory } from '../../src/memory/index.ts';

/** What a worker is to do. */
export type WorkerTask =
  | {
      readonly kind: 'wake';
      readonly memory: WasmMemory;
      readonly waker: Waker;
      /** Offset of a word that the worker counts up before each wake. */
      readonly flag: number;
      readonly times: number;
    }
  | {
      readonly kind: 'ask';
      readonly memory: WasmMemory;
      readonly waker: Waker;
      /** Offset of two words: what the worker asked last, and what the driver's thread has seen. */
      readonly asked: number;
      readonly times: number;
      /** Milliseconds between an answer and the next question. */
      readonly pause: number;
    }
  | {
      readonly kind: 'busy';
      readonly driver: string;
      readonly connections: number;
      /** Of the arena that it is to share; without it, it has its own. */
      readonly memory?: WasmMemory;
      /** Destroys its driver after a while instead of waiting for its end. */
      readonly destroy: boolean;
    }
  | {
      readonly kind: 'wait';
      readonly driver: string;
      readonly memory: WasmMemory;
      /**
       * Offset of three words, written by the worker: a driver's wakes, messages of the port, and
       * waits that it has begun.
       */
      readonly told: number;
    };

const task = workerData as WorkerTask;
if (task.kind === 'wake') wake(task);
else if (task.kind === 'ask') ask(task);
else if (task.kind === 'wait') wait(task);
else busy(task);

function tell(address: SocketAddress): void {
  // A port of worker threads has no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort!.postMessage(address);
}

function wake({ memory, waker, flag, times }: WorkerTask & { kind: 'wake' }): void {
  const arena = Arena.attach(memory);
  for (let i = 1; i <= times; i++) {
    arena.words[flag / 4] = i;
    wakeDriver(arena, waker);
  }
}

/** Wakes and waits for the answer, which nothing else brings about than the wake. */
function ask({ memory, waker, asked, times, pause }: WorkerTask & { kind: 'ask' }): void {
  const arena = Arena.attach(memory);
  const { words } = arena;
  const answered = asked / 4 + 1;
  for (let i = 1; i <= times; i++) {
    if (pause > 0) waitBlocking(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    words[asked / 4] = i;
    wakeDriver(arena, waker);
    const answer = waitBlocking(words, answered, i - 1, 20_000);
    assert(answer !== 'timed-out', `wake ${i} of ${times} has completed`);
  }
}

/** Owns its loop: sleeps in its driver, and lets the event loop turn when that says so. */
function wait({ driver: kind, memory, told }: WorkerTask & { kind: 'wait' }): void {
  const { words } = adoptArena(memory);
  const driver = createDriver({
    kind: kind as RealDriverKind,
    connections: 16,
    handler: () => {
      words[told / 4]! += 1;
    },
  });
  driver.wakes(1);
  parentPort!.on('message', () => {
    words[told / 4 + 1]! += 1;
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort!.postMessage(driver.waker());
  const again = (): void => {
    do {
      words[told / 4 + 2]! += 1;
    } while (driver.wait(Infinity) > 0);
    setImmediate(again);
  };
  setImmediate(again);
}

/**
 * Connects a driver to itself many times and keeps every connection sending and receiving; files
 * and timeouts are in flight too. Tells its address when all of them talk.
 */
function busy(busyTask: WorkerTask & { kind: 'busy' }): void {
  const { driver: kind, connections, destroy } = busyTask;
  const ACCEPT = 1;
  const CONNECT = 2;
  const RECEIVE = 3;
  const SEND = 4;
  const TIMEOUT = 5;
  const arena = busyTask.memory ? adoptArena(busyTask.memory) : Arena.create({ size: 16 << 20 });
  const memory = arena.allocate('busy', 65536);
  let talking = 0;
  const driver = createDriver({
    kind: kind as RealDriverKind,
    arena,
    connections: connections * 2 + 16,
    buffers: 64,
    bufferSize: 4096,
    handler: (token, result, flags, buffer) => {
      if ((flags & CompletionFlag.BUFFER) !== 0) driver.release(buffer);
      if ((token === ACCEPT || token === CONNECT) && result > 0) {
        driver.receive(result, RECEIVE);
        // More than the peer's receive takes at once: always some of it is in flight.
        for (let i = 0; i < 4; i++) driver.send(result, SEND, memory.offset, 60_000);
        talking += 1;
        if (talking === connections * 2) tell(driver.address(listener));
      }
      if (token === TIMEOUT && destroy && talking >= connections * 2) void driver.destroy();
      else if (token === TIMEOUT) driver.timeout(1, TIMEOUT);
    },
  });
  const listener = driver.listen({ host: '127.0.0.1', port: 0 });
  assert(driver.accept(listener, ACCEPT) > 0, 'accepting');
  for (let i = 0; i < connections; i++) driver.connect(driver.address(listener), CONNECT);
  driver.timeout(1, TIMEOUT);
}
