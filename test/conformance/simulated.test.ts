import {
  simulate,
  type DriverOptions,
  type SimulatedDriver,
  type SimulatedFaults,
} from '../../src/driver/index.ts';
import type { Harness } from './harness.ts';
import { driverSuite } from './suite.ts';

/** More turns than any test needs. */
const TURNS_MAX = 5_000_000;

function simulatedHarness(name: string, faults: SimulatedFaults): Harness {
  let paths = 0;
  return {
    name,
    real: false,
    reusePort: true,
    create: (options: DriverOptions) => simulate({ ...options, faults, seed: 42 }),
    wait: async (driver, { predicate, fail }) => {
      for (let turns = 0; !predicate(); turns++) {
        if (turns === TURNS_MAX) fail('too many turns');
        if ((driver as SimulatedDriver).idle) fail('nothing will happen any more');
        driver.turn();
      }
    },
    address: () => ({ host: '127.0.0.1', port: 0 }),
    path: (file) => `/simulated/${paths++}-${file}`,
    descriptors: () => 0,
    dispose: () => undefined,
  };
}

driverSuite(simulatedHarness('simulated', {}));
driverSuite(
  simulatedHarness('simulated with faults', {
    shortReads: 0.1,
    shortWrites: 0.1,
    acceptFailures: 0.05,
    emptyPool: 0.05,
    reordering: 0.2,
    delayedCancels: 0.2,
    cancelRaces: 0.2,
  }),
);
