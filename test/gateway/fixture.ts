/** A gateway under test, on every driver that can be used here. */
import assert from 'node:assert/strict';
import { afterEach, describe } from 'node:test';
import { driverStatuses, type RealDriverKind, type SocketAddress } from '../../src/driver/index.ts';
import {
  createGateway,
  echoRoute,
  topicRoute,
  type Gateway,
  type GatewayOptions,
} from '../../src/gateway/index.ts';

/** No test waits longer for what must come: generous, because the machine may be busy. */
const DEADLINE_MS = 30_000;

/** What a test is given. */
export interface Fixture {
  readonly driver: RealDriverKind;
  /** A gateway with `/echo` and `/topics/:topic`, listening; it is closed after the test. */
  start(options?: GatewayOptions, prepare?: (gateway: Gateway) => void): Promise<Started>;
}

export interface Started {
  readonly gateway: Gateway;
  readonly address: SocketAddress;
}

function driversUnderTest(): RealDriverKind[] {
  const forced = process.env['RONDO_DRIVER'];
  const usable = driverStatuses().filter(({ available }) => available);
  const kinds = usable.map(({ kind }) => kind);
  return forced ? kinds.filter((kind) => kind === forced) : kinds;
}

/** Describes the tests once for each driver; `RONDO_DRIVER` chooses one. */
export function onEveryDriver(name: string, tests: (fixture: Fixture) => void): void {
  for (const driver of driversUnderTest()) {
    describe(`${name} (${driver})`, () => {
      const gateways: Gateway[] = [];
      afterEach(async () => {
        for (const gateway of gateways.splice(0)) await gateway.close({ deadlineMs: 0 });
      });
      tests({
        driver,
        async start(options = {}, prepare = () => undefined) {
          const gateway = createGateway({
            port: 0,
            host: '127.0.0.1',
            driver,
            maxConnections: 2048,
            receiveBuffers: 64,
            ...options,
          });
          gateways.push(gateway);
          gateway.websocket('/echo', echoRoute());
          gateway.websocket('/topics/:topic', topicRoute());
          prepare(gateway);
          return { gateway, address: await gateway.listen() };
        },
      });
    });
  }
}

/** Waits for a condition, never for a duration. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `this did not come about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until the gateway holds nothing for connections. */
export async function untilNothingIsHeld(gateway: Gateway): Promise<void> {
  await until(() => gateway.usage().connections === 0, 'all connections are gone');
  await until(() => gateway.usage().driver.buffersHeld === 0, 'all buffers are back');
  const { driver, memoryBytes } = gateway.usage();
  assert.deepEqual(
    { connections: driver.connections, memoryBytes },
    {
      connections: 0,
      memoryBytes: 0,
    },
  );
}
