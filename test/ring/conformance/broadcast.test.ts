import { GATED, LOSSY, pairs, testScenario } from './matrix.ts';
import { LANGUAGES } from './peers.ts';

for (const kind of [...GATED, ...LOSSY]) {
  for (const [producer, consumer] of pairs()) {
    const consumers = [consumer, consumer];
    testScenario({ ...kind, topology: 'broadcast', producers: [producer], consumers });
  }
  for (const producer of LANGUAGES) {
    testScenario({ ...kind, topology: 'broadcast', producers: [producer], consumers: LANGUAGES });
  }
}
