/**
 * An engine in a process of its own: `node bridge-engine.js DIRECTORY NAME`. It gives every request
 * back, and says over IPC what it was asked: `hold` stops taking requests, `go` goes on.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Channel } from '../../src/ring/index.ts';
import { MESSAGES } from './bridge-messages.ts';

const [, , directory, name] = process.argv;
const channel = Channel.open(MESSAGES, name!, { directory: directory!, label: 'engine' });
const { requests, responses } = channel.server();

let held = false;
process.on('message', (message) => {
  held = message === 'hold';
  process.send!(message);
});
process.on('disconnect', () => process.exit());
process.send!('ready');

for (;;) {
  await requests.ready();
  while (held) await delay(1);
  // A request is given back to the ring's producer after it was answered: who dies between leaves
  // it to the successor.
  for (const request of requests.drain(1)) {
    await responses.push({
      client: request.client,
      number: process.pid,
      payload: request.payload,
    });
    responses.flush();
  }
}
