/** A side in Rust dies at each of its writes, and a survivor in TypeScript goes on. */
import { afterChannel } from './channels.ts';
import { afterConsumer } from './consumers.ts';
import { afterProducer } from './producers.ts';
import { killAtEachStep } from './scenario.ts';
import { CHANNELS, CONSUMERS, PRODUCERS } from './scenarios.ts';

const languages = { victim: 'Rust', survivor: 'TypeScript' } as const;
for (const scenario of PRODUCERS) killAtEachStep(scenario, languages, afterProducer);
for (const scenario of CONSUMERS) killAtEachStep(scenario, languages, afterConsumer);
for (const scenario of CHANNELS) killAtEachStep(scenario, languages, afterChannel);
