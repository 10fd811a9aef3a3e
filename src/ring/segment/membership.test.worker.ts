/** Takes a lane and stays, or ends; or clears up until it is told to stop, and says how often. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Arena, type WasmMemory } from '../../memory/index.ts';
import { Membership } from './membership.ts';
import { Participants } from './participants.ts';
import { RingSegment } from './segment.ts';

const { memory, offset, bytes, clears, ends } = workerData as {
  readonly memory: WasmMemory;
  readonly offset: number;
  readonly bytes: number;
  readonly clears?: boolean;
  readonly ends?: boolean;
};
const segment = RingSegment.attach(Arena.attach(memory), offset, bytes);
const port = parentPort!;

if (clears) {
  const participants = new Participants(segment);
  let freed = 0;
  while (receiveMessageOnPort(port) === undefined) freed += participants.clearUp(-1);
  port.postMessage(freed);
} else {
  if (!ends) port.on('message', () => {});
  Membership.of(segment, 'worker').takeLane(segment.rings[0]!);
  port.postMessage('taken');
}
