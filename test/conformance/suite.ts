/** One behaviour suite for all drivers, against the contract at the head of `driver.ts` alone. */
import { after, describe } from 'node:test';
import type { Harness } from './harness.ts';
import { connections } from './suite-connections.ts';
import { endings } from './suite-endings.ts';
import { files } from './suite-files.ts';
import { interoperability } from './suite-interop.ts';
import { pauses } from './suite-pauses.ts';
import { peers } from './suite-peers.ts';
import { pressure } from './suite-pressure.ts';
import { rules } from './suite-rules.ts';
import { fileFlags } from './suite-file-flags.ts';
import { threads } from './suite-threads.ts';
import { time } from './suite-time.ts';
import { waits } from './suite-waits.ts';

/** What a driver does with connections; without what would only measure handshakes. */
export function tlsSuite(harness: Harness): void {
  describe(`driver ${harness.name}`, () => {
    after(() => harness.dispose());
    rules(harness);
    connections(harness);
    endings(harness);
    pauses(harness);
    peers(harness);
  });
}

/** Describes the suite for one driver. */
export function driverSuite(harness: Harness): void {
  describe(`driver ${harness.name}`, () => {
    after(() => harness.dispose());
    rules(harness);
    connections(harness);
    time(harness);
    files(harness);
    fileFlags(harness);
    waits(harness);
    endings(harness);
    pressure(harness);
    pauses(harness);
    peers(harness);
    if (!harness.real) return;
    interoperability(harness);
    threads(harness);
  });
}
