/**
 * The whole runtime on the simulated driver and its clock: random programs of sockets and files
 * under faults and cancellation, by seed. Bytes arrive in order and unaltered, files are what was
 * written, nobody waits for ever, and in the end the driver, its memory and the executor hold
 * nothing. A failure names its seed: to run it alone make it the only one of SEEDS.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../src/base/index.ts';
import { runSimulated } from '../net/harness.ts';
import { Ledger } from '../task/simulation/ledger.ts';
import { Services } from './services.ts';

const SEEDS: readonly number[] = Array.from({ length: 3000 }, (_, i) => i + 1);

/** What came of a run. */
interface Run {
  readonly services: Services;
  readonly hash: number;
  readonly now: number;
}

async function run(seed: number): Promise<Run> {
  const random = new SeededRandom(seed ^ 0x10ad);
  const rate = (): number => random.below(4) / 10;
  const isPeaceful = random.chance(1, 2);
  const connections = 24 + random.below(20);
  let ledger: Ledger | undefined;
  let services: Services | undefined;
  let now = 0;
  const faults = {
    shortReads: rate(),
    shortWrites: rate(),
    resets: isPeaceful || random.chance(1, 2) ? 0 : 0.01,
    acceptFailures: isPeaceful ? 0 : rate(),
    emptyPool: rate(),
    reordering: rate(),
    delayedCancels: rate(),
    cancelRaces: rate(),
  };
  await runSimulated(
    function* (runtime) {
      const { executor } = runtime;
      ledger = new Ledger(executor);
      executor.host.report = (error) => ledger!.fail(`nobody received ${String(error)}`);
      services = new Services({ random: new SeededRandom(seed), ledger, isPeaceful });
      yield* services.main();
      now = runtime.now();
    },
    {
      seed,
      faults,
      memory: 65536 << random.below(4),
      executor: {
        budget: random.chance(1, 3) ? 4 + random.below(8) : 128,
        pollsPerTurn: 1 + random.below(64),
        watchdog: { timing: 'off' },
      },
      driver: {
        connections,
        operations: connections + 16 + random.below(100),
        // Not so few that slow peers can hold all of them: that is test/net/pressure.test.ts.
        buffers: 64 << random.below(2),
        bufferSize: 256 << random.below(5),
        socketBuffer: 256 + random.below(9000),
        completionsPerTurn: 1 + random.below(64),
      },
    },
  );
  ledger!.checkEnd([], []);
  ledger!.throwFailures();
  return { services: services!, hash: ledger!.hash, now };
}

async function named(seed: number): Promise<Run> {
  try {
    return await run(seed);
  } catch (error) {
    throw new Error(`seed ${seed} fails: ${(error as Error).message}`, { cause: error });
  }
}

test(`programs of sockets and files under faults, ${SEEDS.length} seeds`, async () => {
  const total = { received: 0, completed: 0, failed: 0, done: 0, givenUp: 0 };
  for (const seed of SEEDS) {
    const { services } = await named(seed);
    total.received += services.received;
    total.completed += services.completed;
    total.failed += services.failed;
    for (const worker of services.workers) {
      total.done += worker.done;
      total.givenUp += worker.givenUp;
    }
  }
  const each = Math.min(...Object.values(total));
  assert.ok(each >= SEEDS.length / 10, `all kinds of things happened: ${JSON.stringify(total)}`);
});

test('the same seed gives the same run', async () => {
  for (const seed of SEEDS.slice(0, 40)) {
    const [first, second] = [await named(seed), await named(seed)];
    assert.deepEqual([second.hash, second.now], [first.hash, first.now], `seed ${seed}`);
  }
});
