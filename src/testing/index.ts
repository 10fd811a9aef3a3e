/**
 * For the tests of programs that use tasks: a clock that stands still until the test moves it, a
 * whole runtime whose network, disk and chance come from a seed, and futures polled by hand.
 */
export {
  simulateRuntime,
  SimulatedRuntime,
  type SimulatedRuntimeOptions,
} from '../runtime/index.ts';
export { TestTask, VirtualHost, type VirtualHostOptions } from '../task/index.ts';
