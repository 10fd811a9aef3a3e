/** A consumer in TypeScript dies at each of its writes. */
import { afterConsumer } from './consumers.ts';
import { killAtEachStep } from './scenario.ts';
import { CONSUMERS } from './scenarios.ts';

for (const scenario of CONSUMERS) {
  killAtEachStep(scenario, { victim: 'TypeScript', survivor: 'TypeScript' }, afterConsumer);
}
