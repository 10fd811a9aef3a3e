import { KINDS, pairs, testScenario } from './matrix.ts';
import { LANGUAGES } from './peers.ts';

for (const kind of KINDS) {
  for (const [one, other] of pairs()) {
    testScenario({ ...kind, topology: 'mpmc', producers: [one], consumers: [other, other] });
    if (one >= other) continue;
    const both = [one, other];
    testScenario({ ...kind, topology: 'mpmc', producers: both, consumers: both });
  }
  testScenario({ ...kind, topology: 'mpmc', producers: LANGUAGES, consumers: LANGUAGES });
}
