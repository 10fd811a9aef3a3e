import { parentPort, workerData } from 'node:worker_threads';
import { Arena, type WasmMemory } from '../../src/memory/index.ts';
import { loadNative } from '../../src/native/index.ts';

const { memory, word } = workerData as { memory: WasmMemory; word: number };
const arena = Arena.attach(memory);
const native = loadNative();
native.attachArena(arena.bytes);
parentPort?.postMessage(native.futexWaitBlocking(word, 0, 60_000));
