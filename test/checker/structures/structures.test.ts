/**
 * Every lock-free structure of `src/`, as it is, under the models of JavaScript. What is not complete
 * says BOUNDED. `orders.test.ts` runs the same with the orders that the sources name, and
 * `mutation/mutation.test.ts` with sources that were changed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { structures } from './all.ts';
import { coverageOf, examine } from './run.ts';

describe('lock-free structures under the models of JavaScript', () => {
  for (const structure of structures) {
    for (const model of structure.models) {
      it(`${structure.name} (${model})`, (context) => {
        const { result, problem } = examine(structure, model, structure.verdict ?? 'holds');
        context.diagnostic(coverageOf(result));
        assert.equal(problem, undefined);
      });
    }
  }

  it('have names of their own, and sources that they cover', () => {
    const names = structures.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
  });
});
