/** What a driver needs around it so that the one suite can run on it. */

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Driver, DriverOptions, SocketAddress } from '../../src/driver/index.ts';

/** Decides whether to wait on: see `Station.until`. */
export interface Waiting {
  readonly predicate: () => boolean;
  /** Called when the wait is over without it; throws. */
  readonly fail: (why: string) => never;
  /** Lets the waiter know that something completed; returns how to stop that. */
  readonly watch: (look: () => void) => () => void;
}

/** One driver under test. */
export interface Harness {
  readonly name: string;
  /** Its completions come from a kernel and an event loop. */
  readonly real: boolean;
  /** SO_REUSEPORT works on it. */
  readonly reusePort: boolean;
  /** Connections are TLS on both sides: Node's plain sockets cannot be the other end. */
  readonly tls?: boolean;
  create(options: DriverOptions): Driver;
  wait(driver: Driver, waiting: Waiting): Promise<void>;
  /** Where to listen: any free port. */
  address(): SocketAddress;
  /** A path for a socket or file that does not exist yet. */
  path(name: string): string;
  /** Open descriptors of the process; 0 where there are none. */
  descriptors(): number;
  /** Removes what was made. */
  dispose(): void;
}

/** No test waits longer for what must come: generous, because the machine may be busy. */
const DEADLINE_MS = 30_000;
/** Conditions that no completion announces are looked at so often. */
const POLL_MS = 10;

/** Linux lists a process's descriptors here. */
const DESCRIPTORS = '/proc/self/fd';

/** A harness for a driver that the event loop turns. */
export function realHarness(
  name: string,
  create: (options: DriverOptions) => Driver,
  reusePort: boolean,
): Harness {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-'));
  let paths = 0;
  return {
    name,
    real: true,
    reusePort,
    create,
    wait: (_driver, waiting) => waitOnLoop(waiting),
    address: () => ({ host: '127.0.0.1', port: 0 }),
    path: (file) => join(directory, `${paths++}-${file}`),
    descriptors: () => (existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function waitOnLoop({ predicate, fail, watch }: Waiting): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = performance.now() + DEADLINE_MS;
    const look = (): void => {
      try {
        if (!predicate()) {
          if (performance.now() < deadline) return;
          fail('the deadline has passed');
        }
        end();
        resolve();
      } catch (error) {
        end();
        reject(error);
      }
    };
    const stop = watch(look);
    const poll = setInterval(look, POLL_MS);
    const end = (): void => {
      stop();
      clearInterval(poll);
    };
    look();
  });
}
