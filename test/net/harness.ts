/** Runs a test's coroutine on every driver, and asserts that it leaves nothing behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { driverStatuses, type RealDriverKind } from '../../src/driver/index.ts';
import { processArena } from '../../src/memory/index.ts';
import {
  Runtime,
  simulateRuntime,
  type RuntimeOptions,
  type SimulatedRuntime,
  type SimulatedRuntimeOptions,
} from '../../src/runtime/index.ts';
import type { Coroutine } from '../../src/task/index.ts';
import { connect, listen, type Connection, type Listener } from '../../src/net/index.ts';
import { join } from '../../src/task/index.ts';

/** The drivers that can be used on this machine. */
export const REAL: readonly RealDriverKind[] = driverStatuses()
  .filter(({ available }) => available)
  .map(({ kind }) => kind);

export type DriverLimits = NonNullable<RuntimeOptions['driver']>;

export interface HarnessOptions {
  readonly driver?: DriverLimits;
  readonly memory?: number;
}

const SMALL: DriverLimits = { connections: 256, buffers: 64, bufferSize: 4096 };

/** One test for each driver that is real. */
export function onReal(
  name: string,
  body: (runtime: Runtime) => Coroutine<void>,
  options: HarnessOptions = {},
): void {
  for (const kind of REAL) {
    test(`${name} (${kind})`, () => runReal(kind, body, options));
  }
}

/** Runs a coroutine on a runtime of its own. */
export async function runReal(
  kind: RealDriverKind,
  body: (runtime: Runtime) => Coroutine<void>,
  options: HarnessOptions = {},
): Promise<void> {
  const regions = processArena().regions();
  const runtime = new Runtime({
    driver: { ...SMALL, ...options.driver, kind },
    ...(options.memory === undefined ? {} : { memory: options.memory }),
  });
  try {
    await runtime.run(() => body(runtime));
    await nothingHeld(runtime);
  } finally {
    await runtime.close();
  }
  assert.deepEqual(processArena().regions(), regions, 'every region was given back');
}

/** The same on the simulated driver. */
export async function runSimulated(
  body: (runtime: SimulatedRuntime) => Coroutine<void>,
  options: SimulatedRuntimeOptions = {},
): Promise<void> {
  const regions = processArena().regions();
  const runtime = simulateRuntime(options);
  try {
    await runtime.run(() => body(runtime));
    // Timers that were cancelled late, and connections that nobody waits for.
    while (runtime.step());
    assertNothingHeld(runtime);
  } finally {
    await runtime.close();
  }
  assert.deepEqual(processArena().regions(), regions, 'every region was given back');
}

/** One test for each driver, the simulated one included. */
export function onAll(
  name: string,
  body: () => Coroutine<void>,
  options: HarnessOptions = {},
): void {
  onReal(name, body, options);
  test(`${name} (simulated)`, () =>
    runSimulated(body, {
      driver: { ...SMALL, ...options.driver },
      ...(options.memory === undefined ? {} : { memory: options.memory }),
    }));
}

/** What nobody waits for may take a few turns of the event loop to go. */
export async function nothingHeld(runtime: Runtime): Promise<void> {
  for (let turns = 0; turns < 1000 && runtime.reactor.flying > 0; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertNothingHeld(runtime);
}

export function assertNothingHeld({ reactor }: Pick<Runtime, 'reactor'>): void {
  const nothing = { connections: 0, listeners: 0, files: 0, operations: 0, buffersHeld: 0 };
  assert.deepEqual(reactor.driver.usage(), nothing);
  assert.equal(reactor.flying, 0);
  assert.equal(reactor.buffers.held, 0);
}

/** Where a listener of TCP is reached. */
export function portOf({ address }: Pick<Listener, 'address'>): number {
  assert.ok('port' in address);
  return address.port;
}

export const LOOPBACK = { host: '127.0.0.1', port: 0 } as const;

/** A listener and the two ends of one connection: the connecting one, the accepted one. */
export interface Pair {
  readonly listener: Listener;
  readonly client: Connection;
  readonly server: Connection;
}

export function* pair(
  options: Parameters<typeof listen>[1] & Parameters<typeof connect>[1] = {},
): Coroutine<Pair> {
  const listener = listen(LOOPBACK, options);
  const [client, server] = yield* join([
    connect({ host: '127.0.0.1', port: portOf(listener) }, options),
    listener.accept(),
  ]);
  return { listener, client, server };
}

/** Closes all three. */
export function* closePair({ listener, client, server }: Pair): Coroutine<void> {
  yield* join([client.close(), server.close(), listener.close()]);
}

/** Everything until the end of the stream. */
export function* readAll(connection: Connection): Coroutine<Buffer> {
  const parts: Buffer[] = [];
  for (;;) {
    using chunk = yield* connection.read();
    if (chunk === undefined) return Buffer.concat(parts);
    parts.push(Buffer.from(chunk.bytes()));
  }
}

/** Exactly so many bytes. */
export function* readExactly(connection: Connection, length: number): Coroutine<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = yield* connection.readInto(bytes.subarray(filled));
    assert.notEqual(count, 0, 'the stream goes on');
    filled += count;
  }
  return bytes;
}

/** Bytes whose place in the stream can be told from their value. */
export function pattern(length: number, seed: number = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + seed * 101) & 0xff;
  return bytes;
}
