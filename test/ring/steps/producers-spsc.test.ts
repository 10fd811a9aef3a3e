/** A producer of an SPSC ring in TypeScript dies at each of its writes. */
import { afterProducer } from './producers.ts';
import { killAtEachStep } from './scenario.ts';
import { PRODUCERS } from './scenarios.ts';

for (const scenario of PRODUCERS) {
  if (scenario.shape === 'channel' || scenario.shape.topology !== 'spsc') continue;
  killAtEachStep(scenario, { victim: 'TypeScript', survivor: 'TypeScript' }, afterProducer);
}
