// Opens windows, and leaves them open: the thread is terminated.
import { parentPort, workerData } from 'node:worker_threads';
import { Arena, Window, type WasmMemory } from '../../src/memory/index.ts';

/** What the worker is given. */
export interface WindowTask {
  readonly memory: WasmMemory;
  /** Of a segment of the thread that started this one. */
  readonly fd: number;
  readonly writable: boolean;
}

const { memory, fd, writable } = workerData as WindowTask;
const arena = Arena.attach(memory);
const window = Window.open(arena, fd, { name: 'left open', writable });
parentPort!.postMessage(window.offset);
// Keeps the thread until it is terminated.
parentPort!.on('message', () => undefined);
