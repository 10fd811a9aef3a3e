import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check } from '../check/index.ts';
import * as door from './door.ts';

describe('the checked door of #atomics', () => {
  it('is Atomics on memory that is of no test', () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    door.storeRelease(words, 0, -5);
    assert.equal(door.loadAcquire(words, 0), -5);
    assert.equal(door.compareExchange(words, 0, 1, 2), -5);
    assert.equal(door.compareExchange(words, 0, -5, 2), -5);
    assert.equal(door.exchange(words, 0, 0x7fff_ffff), 2);
    assert.equal(door.add(words, 0, 1), 0x7fff_ffff);
    assert.equal(door.or(words, 0, 1), -0x8000_0000);
    door.fence(words, 1);
    assert.deepEqual([...words], [-0x7fff_ffff, 0]);
    assert.equal(door.waitBlocking(words, 1, 1, 0), 'not-equal');
    assert.equal(door.notify(words, 1, 1), 0);
    assert.throws(() => door.loadAcquire(words, 2), RangeError);
  });

  it('has the values of Atomics on memory of a test, wrapping at 32 bits', () => {
    const result = check({ model: 'sc' }, ({ words, thread, after }) => {
      const memory = words(2);
      const values = thread('only', () => [
        door.add(memory, 0, 0x7fff_ffff),
        door.add(memory, 0, 1),
        door.or(memory, 0, 3),
        door.exchange(memory, 0, -1),
        door.compareExchange(memory, 0, 0xffff_ffff, 7),
        door.loadAcquire(memory, 0),
      ]);
      after(() => {
        const seen = values.result;
        assert.deepEqual(seen, [0, 0x7fff_ffff, -0x8000_0000, -0x7fff_fffd, -1, 7]);
      });
      thread('outside', () => {
        assert.throws(() => door.loadAcquire(memory, 2), RangeError);
        assert.throws(() => door.storeRelease(memory, -1, 0), RangeError);
      });
    });
    assert.equal(result.failure, undefined);
    assert.equal(result.executions, 1);
  });

  it('orders no more than its names say: a store and the load behind it change places', () => {
    const stored = (tell: (memory: Int32Array, index: number) => void): boolean => {
      const { failure } = check({ model: 'rc11' }, ({ words, thread, after }) => {
        const memory = words(4);
        const seen = [0, 1].map((own) =>
          thread(`thread ${own}`, () => {
            tell(memory, own);
            return door.loadAcquire(memory, 1 - own);
          }),
        );
        after(() => assert.ok(seen[0]!.result + seen[1]!.result > 0, 'one sees the other'));
      });
      return failure === undefined;
    };
    assert.equal(
      stored((memory, own) => door.storeRelease(memory, own, 1)),
      false,
    );
    const fenced = stored((memory, own) => {
      door.storeRelease(memory, own, 1);
      door.fence(memory, 2 + own);
    });
    assert.equal(fenced, true);
  });

  it('orders what its names say: a message is there when its flag is', () => {
    for (const [store, load, holds] of [
      [door.storeRelease, door.loadAcquire, true],
      [door.storeRelaxed, door.loadAcquire, false],
      [door.storeRelease, door.loadRelaxed, false],
    ] as const) {
      const { failure } = check({ model: 'rc11', races: 'allow' }, ({ words, thread }) => {
        const memory = words(2);
        thread('writer', () => {
          memory[0] = 1;
          store(memory, 1, 1);
        });
        thread('reader', () => {
          if (load(memory, 1) === 1) assert.equal(memory[0], 1);
        });
      });
      assert.equal(failure === undefined, holds);
    }
  });
});
