export { Buffers, type MemoryWaiter } from './buffers.ts';
export { Chunk } from './chunk.ts';
export { configureRuntime, currentReactor } from './current.ts';
export { Operation } from './operation.ts';
export type { RuntimeOptions } from './options.ts';
export { Reactor, type CompletionSink, type Resubmission } from './reactor.ts';
export { Runtime } from './runtime.ts';
export { simulateRuntime, SimulatedRuntime, type SimulatedRuntimeOptions } from './simulated.ts';
export { Waiter, WaitQueue } from './waiter.ts';
