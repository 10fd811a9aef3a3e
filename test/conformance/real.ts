/** Runs the suite on a driver that the event loop turns, or says why it cannot. */
import { test } from 'node:test';
import { createDriver, driverStatuses, type RealDriverKind } from '../../src/driver/index.ts';
import { realHarness } from './harness.ts';
import { driverSuite } from './suite.ts';

/** SO_REUSEPORT cannot be asked for through Node's `net` on every version that is supported. */
const REUSES_PORTS: readonly RealDriverKind[] = ['uring', 'epoll'];

/** Why the driver is not tested here; empty when it is. */
export function reasonToSkip(kind: RealDriverKind): string {
  const forced = process.env['RONDO_DRIVER'];
  if (forced !== undefined && forced !== '' && forced !== kind) return `RONDO_DRIVER is ${forced}`;
  return driverStatuses().find((status) => status.kind === kind)!.reason;
}

/** The whole suite for one real driver. */
export function realDriverSuite(kind: RealDriverKind): void {
  const reason = reasonToSkip(kind);
  if (reason !== '') {
    test(`driver ${kind}`, { skip: reason }, () => undefined);
    return;
  }
  const create: Parameters<typeof realHarness>[1] = (options) => createDriver({ kind, ...options });
  driverSuite(realHarness(kind, create, REUSES_PORTS.includes(kind)));
}
