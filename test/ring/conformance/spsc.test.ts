import { KINDS, pairs, testScenario } from './matrix.ts';

for (const kind of KINDS) {
  for (const [producer, consumer] of pairs()) {
    testScenario({ ...kind, topology: 'spsc', producers: [producer], consumers: [consumer] });
  }
}
