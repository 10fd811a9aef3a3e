/** A side in TypeScript dies at each of its writes, and survivors in Rust go on. */
import { afterChannel } from './channels.ts';
import { afterConsumer } from './consumers.ts';
import { afterProducer } from './producers.ts';
import { type Aftermath, killAtEachStep, type Scenario } from './scenario.ts';
import { CHANNELS, CONSUMERS, PRODUCERS } from './scenarios.ts';

const SAMPLE: readonly string[] = [
  'mpsc producer',
  'gated broadcast producer',
  'spsc consumer',
  'mpmc consumer',
  'lossy broadcast consumer',
  'client of a channel',
];
const languages = { victim: 'TypeScript', survivor: 'Rust' } as const;

function sample(scenarios: readonly Scenario[], aftermath: Aftermath): void {
  for (const scenario of scenarios) {
    if (SAMPLE.includes(scenario.name)) killAtEachStep(scenario, languages, aftermath);
  }
}

sample(PRODUCERS, afterProducer);
sample(CONSUMERS, afterConsumer);
sample(CHANNELS, afterChannel);
