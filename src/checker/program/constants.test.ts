/** Words that nobody writes, and what is found of them elsewhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Constants } from './constants.ts';
import { Resplit } from './locations.ts';

function fresh(): Constants {
  return new Constants(() => new Resplit());
}

/** Whether four bytes of the first memory are constant. */
function isConstant(constants: Constants, offset: number): boolean {
  return constants.isConstant(0, offset, 4, 1);
}

describe('constants', () => {
  it('are what nobody writes; a write of what was read begins anew', () => {
    const constants = fresh();
    constants.change(0, 0, 8);
    assert.deepEqual(
      [0, 4, 8].map((offset) => isConstant(constants, offset)),
      [false, false, true],
    );
    assert.throws(() => constants.change(0, 8, 1), Resplit);
    assert.ok(!isConstant(constants, 8));
  });

  it('are those of others, too: what changes for one must not have been read by the other', () => {
    const reader = fresh();
    const writer = fresh();
    assert.ok(isConstant(reader, 4) && isConstant(reader, 12));
    writer.change(0, 4, 2);
    assert.throws(() => fresh().adopt(writer.changing, reader.read), Resplit);
    assert.throws(() => reader.adopt(writer.changing, []), Resplit);
    assert.ok(!isConstant(reader, 4) && isConstant(reader, 12));
    assert.throws(() => writer.adopt([], reader.read), Resplit);
  });

  it('are taken over where that goes together, and asked for from then on', () => {
    const constants = fresh();
    constants.adopt([[0, 1]], [[1, 3]]);
    assert.ok(!isConstant(constants, 4));
    assert.throws(() => constants.change(1, 12, 4), Resplit);
    constants.reset();
    assert.deepEqual(
      [constants.read, constants.changing],
      [
        [],
        [
          [0, 1],
          [1, 3],
        ],
      ],
    );
    assert.equal(constants.size, 2);
  });
});
