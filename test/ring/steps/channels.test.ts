/** A client, and a server, in TypeScript dies at each of its writes. */
import { afterChannel } from './channels.ts';
import { killAtEachStep } from './scenario.ts';
import { CHANNELS } from './scenarios.ts';

for (const scenario of CHANNELS) {
  killAtEachStep(scenario, { victim: 'TypeScript', survivor: 'TypeScript' }, afterChannel);
}
