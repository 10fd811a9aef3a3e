/**
 * A million operations that are given up: reads, writes, accepts, connects, timeouts and operations
 * of the driver, at random moments. Afterwards nothing is held, by us or by the system.
 */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/index.ts';
import type { Driver, OperationId } from '../../src/driver/index.ts';
import { processArena } from '../../src/memory/index.ts';
import { connect, listen, type Connection } from '../../src/net/index.ts';
import { currentReactor, Operation, Runtime } from '../../src/runtime/index.ts';
import {
  BaseFuture,
  PENDING,
  yieldNow,
  type Context,
  type Coroutine,
  type Future,
  type Poll,
} from '../../src/task/index.ts';
import { LOOPBACK, nothingHeld, pair, portOf, REAL } from './harness.ts';

const OPERATIONS = 1_000_000;
/** Each with its own mix; connects cost a hundred times what the others do. */
const CONNECTS = 4000;
const AT_ONCE = 64;

/** Polls a future some times, then gives it up. */
class GiveUp extends BaseFuture<void> {
  readonly #future: Future<unknown>;
  #polls: number;

  constructor(future: Future<unknown>, polls: number) {
    super();
    this.#future = future;
    this.#polls = polls;
  }

  poll(context: Context): Poll<void> {
    if (this.#polls > 0) {
      this.#polls -= 1;
      const value = this.#future.poll(context);
      if (value !== PENDING) {
        release(value);
        return undefined;
      }
      if (this.#polls > 0) {
        context.waker.wakeByRef();
        return PENDING;
      }
    }
    return this.#future.cancel?.(context);
  }
}

/** What came nevertheless. */
function release(value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    if ('reset' in value) (value as Connection).reset();
    else if ('release' in value) (value as { release(): void }).release();
  }
}

class Timeout extends Operation<number> {
  protected submit(driver: Driver, token: number): OperationId {
    return driver.timeout(60_000, token);
  }
  protected finish(result: number): number {
    return result;
  }
}

/** Sockets, rings and the like that the process has open. */
function descriptors(): string[] {
  const open: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, 'N');
      if (target.startsWith('socket:') || target.startsWith('anon_inode:')) open.push(target);
    } catch {
      // The one that lists them.
    }
  }
  return open.sort();
}

function* worker(random: SeededRandom, share: number): Coroutine<void> {
  const reactor = currentReactor();
  const ends = yield* pair({ writeBuffer: 4096 });
  const small = new Uint8Array(8);
  for (let i = 0; i < share; i++) {
    const polls = random.below(4);
    switch (random.below(6)) {
      case 0:
        yield* new GiveUp(ends.client.read(), polls);
        break;
      case 1:
        yield* new GiveUp(ends.listener.accept(), polls);
        break;
      case 2:
        // The client reads what is written here, if at all.
        yield* new GiveUp(ends.server.write(small), polls);
        break;
      case 3:
        yield* new GiveUp(reactor.buffers.wait(64), polls);
        break;
      case 4:
        yield* new GiveUp(new Timeout(reactor), polls);
        break;
      default:
        yield* new GiveUp(ends.server.flush(), polls);
    }
  }
  ends.client.reset();
  ends.server.reset();
  yield* ends.client.close();
  yield* ends.server.close();
  yield* ends.listener.close();
}

function* connects(random: SeededRandom, count: number): Coroutine<void> {
  const listener = listen(LOOPBACK);
  const port = portOf(listener);
  for (let i = 0; i < count; i++) {
    yield* new GiveUp(connect({ port }), random.below(6));
    yield* new GiveUp(listener.accept(), random.below(3));
    if (i % 16 === 0) yield* yieldNow();
  }
  yield* listener.close();
}

for (const kind of REAL) {
  // The kernel's own rings take the whole; the others a part: what differs is the driver.
  const total = kind === 'uring' || REAL[0] === kind ? OPERATIONS : OPERATIONS / 10;

  test(`${total} operations that are given up leave nothing (${kind})`, async () => {
    // What the process opens once and keeps is opened by now.
    await new Runtime({ driver: { kind, connections: 16, buffers: 2 } }).close();
    const regions = processArena().regions();
    const before = descriptors();
    const runtime = new Runtime({ driver: { kind, connections: 2048, buffers: 64 } });
    const random = new SeededRandom(1);
    const share = Math.ceil(total / AT_ONCE);
    const tasks = Array.from({ length: AT_ONCE }, () => runtime.spawn(worker(random, share)));
    tasks.push(runtime.spawn(connects(random, CONNECTS / (OPERATIONS / total))));
    for (const task of tasks) await task;
    await nothingHeld(runtime);
    const { submitted } = runtime.reactor.driver.counters();
    assert.ok(submitted > total / 10, `the driver had ${submitted} of them`);
    await runtime.close();
    assert.deepEqual(processArena().regions(), regions);
    // Node closes what it has listed to be closed in the next turns of its loop.
    for (let turns = 0; turns < 1000 && descriptors().join() !== before.join(); turns++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.deepEqual(descriptors(), before);
  });
}
