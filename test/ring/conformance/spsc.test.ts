import { GATED, LOSSY, pairs, testScenario } from './matrix.ts';

for (const kind of [...GATED, ...LOSSY]) {
  for (const [producer, consumer] of pairs()) {
    testScenario({ ...kind, topology: 'spsc', producers: [producer], consumers: [consumer] });
  }
}
