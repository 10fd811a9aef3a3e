// Opens streams, uses them without end, and never closes one.
import { parentPort, workerData } from 'node:worker_threads';
import { openStreams } from '../../src/deflate/index.ts';
import { Arena, type WasmMemory } from '../../src/memory/index.ts';

const { memory } = workerData as { memory: WasmMemory };
const arena = Arena.attach(memory);
const streams = openStreams(arena, { kind: 'native' });
const deflaters = Array.from({ length: 40 }, () => streams.deflater({ takeover: true }));
const region = arena.allocate('worker', 65_536);

function round(): void {
  const half = region.offset + 32_768;
  for (const deflater of deflaters) deflater.compress(region.offset, 1000, true, half, 32_768);
}

round();
parentPort?.postMessage(streams.bytes);
setInterval(round, 0);
