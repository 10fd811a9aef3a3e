/** Where a suite runs: a runtime on one driver, a place for files, and nothing left afterwards. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { errnoName } from '../../src/base/index.ts';
import {
  driverStatuses,
  type RealDriverKind,
  type SimulatedFaults,
} from '../../src/driver/index.ts';
import { Runtime, simulateRuntime, type Reactor } from '../../src/runtime/index.ts';
import { attempt, type Coroutine, type Future } from '../../src/task/index.ts';

/** What the body of a test is given. */
export interface Place {
  readonly reactor: Reactor;
  /** A path for something that is not there. */
  readonly path: (name: string) => string;
  /** The real file system is behind it. */
  readonly real: boolean;
}

/** One driver, with a name for the tests. */
export interface World {
  readonly name: string;
  readonly real: boolean;
  /** Runs a coroutine, and asserts afterwards that nothing is held. */
  run(body: (place: Place) => Coroutine<unknown>): Promise<void>;
}

const DESCRIPTORS = '/proc/self/fd';

/** Those of the runtime and of its files: the test runner opens files of its own when it likes. */
function descriptors(): number {
  if (!existsSync(DESCRIPTORS)) return 0;
  const links = readdirSync(DESCRIPTORS).map((name) => {
    try {
      return readlinkSync(join(DESCRIPTORS, name));
    } catch {
      return ''; // The one that the folder itself was read by.
    }
  });
  return links.filter((link) => /^(anon_inode|socket|pipe):|rondo-fs-/.test(link)).length;
}

function assertNothingHeld(reactor: Reactor): void {
  const nothing = { connections: 0, listeners: 0, files: 0, operations: 0, buffersHeld: 0 };
  assert.deepEqual(reactor.driver.usage(), nothing);
  assert.equal(reactor.buffers.held, 0, 'all memory was given back');
  assert.equal(reactor.flying, 0);
}

/** Closes that nobody waits for are over soon. */
async function settled(predicate: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !predicate(); i++) await pause(1);
}

function realWorld(kind: RealDriverKind): World {
  return {
    name: kind,
    real: true,
    async run(body) {
      const directory = mkdtempSync(join(tmpdir(), 'rondo-fs-'));
      const before = descriptors();
      const runtime = new Runtime({ driver: { kind, connections: 256, buffers: 16 } });
      const { reactor } = runtime;
      let paths = 0;
      const place: Place = {
        reactor,
        real: true,
        path: (name) => join(directory, `${paths++}-${name}`),
      };
      try {
        await runtime.run(() => body(place));
        await settled(() => reactor.driver.usage().operations === 0);
        assertNothingHeld(reactor);
      } finally {
        await runtime.close();
        rmSync(directory, { recursive: true, force: true });
      }
      await settled(() => descriptors() <= before);
      assert.ok(descriptors() <= before, 'no descriptor is left');
    },
  };
}

/** The simulated driver, each run with the next seed. */
export function simulatedWorld(
  name: string,
  faults: SimulatedFaults,
  options: { readonly fileBytes?: number } = {},
): World {
  let seed = 0;
  return {
    name,
    real: false,
    async run(body) {
      seed += 1;
      const runtime = simulateRuntime({ seed, faults, memory: 4 << 20, driver: options });
      const { reactor } = runtime;
      let paths = 0;
      const path = (file: string): string => `/somewhere/${paths++}-${file}`;
      try {
        await runtime.run(() => body({ reactor, real: false, path }));
        while (runtime.step());
        assertNothingHeld(reactor);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      } finally {
        await runtime.close();
      }
    },
  };
}

const FAULTS = { shortReads: 0.3, shortWrites: 0.3, delayedCancels: 0.5, cancelRaces: 0.3 };

/** Every driver that works here, and the simulated one with and without faults. */
export function worlds(): World[] {
  const real = driverStatuses().filter(({ available }) => available);
  return [
    ...real.map(({ kind }) => realWorld(kind)),
    simulatedWorld('simulated', {}),
    simulatedWorld('simulated with faults', FAULTS),
  ];
}

/** One suite on all of them. */
export function onEveryDriver(
  what: string,
  tests: Readonly<Record<string, (place: Place) => Coroutine<unknown>>>,
): void {
  for (const world of worlds()) {
    describe(`${what} on driver ${world.name}`, () => {
      for (const [name, body] of Object.entries(tests)) test(name, () => world.run(body));
    });
  }
}

/** Asserts that a future fails so: by errno's name or by code. */
export function* fails(future: Future<unknown>, expected: string): Coroutine<void> {
  const result = yield* attempt(future);
  assert.ok(!result.ok, `${expected} was expected`);
  const { code, errno } = result.error as { code?: string; errno?: number };
  assert.equal(code === 'ERR_SYSTEM' ? errnoName(errno!) : code, expected);
}

/** Bytes whose place can be told from their value. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + seed * 101) & 0xff;
  return bytes;
}
