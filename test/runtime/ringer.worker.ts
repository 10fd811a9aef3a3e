/** Rings a doorbell once. */
import { workerData } from 'node:worker_threads';
import { wakeDriver, type Waker } from '../../src/driver/index.ts';
import { Arena, type WasmMemory } from '../../src/memory/index.ts';

const { memory, waker } = workerData as { memory: WasmMemory; waker: Waker };
wakeDriver(Arena.attach(memory), waker);
