// Changes text and references in shared memory as fast as it can, until it is ended.
import { workerData } from 'node:worker_threads';

const { buffer, from, to } = workerData as { buffer: SharedArrayBuffer; from: number; to: number };
const bytes = new Uint8Array(buffer);
// ASCII, the beginnings and the middle of longer characters, and zero.
const values = [0x61, 0xc3, 0x80, 0xf0, 0x9f, 0x00, 0x62, 0xff];
for (let turn = 0; ; turn = (turn + 1) & 7) {
  for (let at = from; at < to; at++) bytes[at] = values[(turn + at) & 7]!;
}
