import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countCargo, countUnittest } from '../../scripts/check-peers.js';

describe('countCargo', () => {
  it('adds up all binaries', () => {
    const text = `
running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 3 passed; 1 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1s
`;
    assert.deepEqual(countCargo(text), { passed: 5, failed: 1, skipped: 4 });
  });

  it('finds nothing where nothing ran', () => {
    assert.deepEqual(countCargo('error: could not compile'), { passed: 0, failed: 0, skipped: 0 });
  });
});

describe('countUnittest', () => {
  it('counts what passed', () => {
    const text = '....\n-----\nRan 4 tests in 0.100s\n\nOK\n';
    assert.deepEqual(countUnittest(text), { passed: 4, failed: 0, skipped: 0 });
  });

  it('takes failures, errors and skips from the sum', () => {
    const text = 'Ran 10 tests in 1s\n\nFAILED (failures=2, errors=1, skipped=3)\n';
    assert.deepEqual(countUnittest(text), { passed: 4, failed: 3, skipped: 3 });
  });

  it('takes expected failures for skips and unexpected successes for failures', () => {
    const text = 'Ran 3 tests in 1s\n\nFAILED (expected failures=1, unexpected successes=1)\n';
    assert.deepEqual(countUnittest(text), { passed: 1, failed: 1, skipped: 1 });
  });
});
