/**
 * Random programs on the simulated driver under faults, against a naive model: bytes arrive in
 * order and whole unless the connection failed, what is given up loses nothing, nothing is left at
 * the end. A failure names its seed: set SEEDS to [it].
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/index.ts';
import { connect, listen, type Connection, type Listener } from '../../src/net/index.ts';
import {
  attempt,
  join,
  select,
  sleep,
  TaskSet,
  timeout,
  yieldNow,
  type Coroutine,
} from '../../src/task/index.ts';
import { LOOPBACK, pattern, portOf, runSimulated } from './harness.ts';

const SEEDS: readonly number[] = Array.from({ length: 300 }, (_, i) => i + 1);

class Program {
  readonly random: SeededRandom;
  received = 0;
  failed = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** Sends a pattern in random ways. */
  *send(connection: Connection, data: Buffer): Coroutine<void> {
    let at = 0;
    while (at < data.length) {
      const part = data.subarray(at, at + 1 + this.random.below(5000));
      switch (this.random.below(5)) {
        case 0:
          at += yield* connection.write(part);
          continue;
        case 1:
          yield* connection.writeVector([part.subarray(0, 3), part.subarray(3)]);
          break;
        case 2: {
          using chunk = yield* connection.allocate(part.length);
          chunk.view().set(part);
          yield* connection.writeAll(chunk);
          break;
        }
        case 3: {
          // Given up while it waits: nothing was accepted.
          const won = yield* select({ wrote: connection.write(part), other: yieldNow() });
          if (won.key === 'wrote') at += won.value;
          continue;
        }
        default:
          yield* connection.writeAll(part);
      }
      at += part.length;
      if (this.random.chance(1, 8)) yield* sleep(this.random.below(4));
    }
    yield* connection.shutdown();
  }

  /** Receives until the end, in random ways, and compares. */
  *receive(connection: Connection, data: Buffer): Coroutine<void> {
    let at = 0;
    const compare = (bytes: Uint8Array): void => {
      assert.ok(data.subarray(at, at + bytes.length).equals(bytes), 'in order and unchanged');
      at += bytes.length;
      this.received += bytes.length;
    };
    for (;;) {
      if (this.random.chance(1, 10)) yield* sleep(this.random.below(5));
      if (this.random.chance(1, 3)) {
        const target = Buffer.alloc(1 + this.random.below(3000));
        const count = yield* connection.readInto(target);
        if (count === 0) break;
        compare(target.subarray(0, count));
        continue;
      }
      const won = yield* select({ read: connection.read(), other: sleep(this.random.below(3)) });
      if (won.key !== 'read') continue;
      if (won.value === undefined) break;
      using chunk = won.value;
      compare(chunk.bytes());
    }
    assert.equal(at, data.length, 'the end comes after everything');
  }

  /** Both directions of one end; the data of each are known to both. */
  *end(connection: Connection, out: Buffer, incoming: Buffer): Coroutine<void> {
    const talked = yield* attempt(
      join([this.send(connection, out), this.receive(connection, incoming)]),
    );
    if (!talked.ok) {
      if (talked.error instanceof assert.AssertionError) throw talked.error;
      this.failed += 1;
    }
    if (this.random.chance(1, 6)) connection.reset();
    yield* attempt(timeout(50, connection.close()));
  }

  *client(port: number, out: Buffer, incoming: Buffer): Coroutine<void> {
    const connected = yield* attempt(
      connect(
        { port },
        {
          readAhead: 1 + this.random.below(20_000),
          writeBuffer: 1024 + this.random.below(20_000),
          ...(this.random.chance(1, 4) ? { timeout: 1 + this.random.below(5) } : {}),
        },
      ),
    );
    if (connected.ok) yield* this.end(connected.value, out, incoming);
    else this.failed += 1;
  }

  *serve(listener: Listener, out: Buffer, incoming: Buffer): Coroutine<void> {
    const serving = new TaskSet<void>();
    try {
      for (;;) {
        const connection = yield* listener.accept();
        serving.spawn(this.end(connection, out, incoming));
      }
    } finally {
      yield* listener.close();
      yield* serving.joinAll();
    }
  }

  *main(): Coroutine<void> {
    const forth = pattern(this.random.below(40_000), 1);
    const back = pattern(this.random.below(40_000), 2);
    const listener = listen(LOOPBACK, { acceptAhead: 1 + this.random.below(4) });
    const tasks = new TaskSet<void>();
    const server = tasks.spawn(this.serve(listener, back, forth));
    const clients = new TaskSet<void>();
    const count = 1 + this.random.below(6);
    for (let i = 0; i < count; i++) clients.spawn(this.client(portOf(listener), forth, back));
    yield* clients.joinAll();
    server.abort();
    yield* attempt(server);
  }
}

async function run(seed: number): Promise<Program> {
  const random = new SeededRandom(seed ^ 0x5eed);
  const rate = (): number => random.below(4) / 10;
  const program = new Program(seed);
  const connections = 16 + random.below(30);
  await runSimulated(() => program.main(), {
    seed,
    memory: 65536 << random.below(4),
    driver: {
      connections,
      operations: connections * 4 + 16 + random.below(200),
      buffers: 2 << random.below(5),
      bufferSize: 256 << random.below(5),
      socketBuffer: 1 + random.below(9000),
      completionsPerTurn: 1 + random.below(64),
    },
    faults: {
      shortReads: rate(),
      shortWrites: rate(),
      resets: random.chance(1, 3) ? 0.01 : 0,
      acceptFailures: rate(),
      emptyPool: rate(),
      reordering: rate(),
      delayedCancels: rate(),
      cancelRaces: rate(),
    },
  });
  return program;
}

test(`programs on connections under faults, ${SEEDS.length} seeds`, async () => {
  let received = 0;
  let failed = 0;
  for (const seed of SEEDS) {
    try {
      const program = await run(seed);
      received += program.received;
      failed += program.failed;
    } catch (error) {
      throw new Error(`seed ${seed} fails`, { cause: error });
    }
  }
  assert.ok(received > 100_000 && failed > 0, 'programs did something, faults too');
});

test('the same seed gives the same run', async () => {
  for (const seed of [7, 8, 9]) {
    const first = await run(seed);
    const second = await run(seed);
    assert.deepEqual([second.received, second.failed], [first.received, first.failed]);
  }
});
