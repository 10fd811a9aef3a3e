import { KINDS, pairs, testScenario } from './matrix.ts';
import { LANGUAGES } from './peers.ts';

for (const kind of KINDS) {
  for (const [one, consumer] of pairs()) {
    testScenario({ ...kind, topology: 'mpsc', producers: [one, one], consumers: [consumer] });
  }
  for (const consumer of LANGUAGES) {
    testScenario({ ...kind, topology: 'mpsc', producers: LANGUAGES, consumers: [consumer] });
  }
}
