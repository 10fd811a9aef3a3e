/** Memory as programs see it: typed arrays of each type, DataViews, methods, overlaps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type ModelName, type TestBody } from '../../../src/checker/check/index.ts';
import type { MemoryOrder } from '../../../src/checker/program/test.ts';

/** Values that the last thread returns in some execution, as text. */
function results(model: ModelName, body: TestBody, races: 'allow' | 'fail' = 'allow'): string[] {
  const seen = new Set<string>();
  const { failure, bounded } = check({ model, races }, (context) => {
    let last: { readonly result: unknown } | undefined;
    body({
      ...context,
      thread: (name, run) => {
        const made = context.thread(name, run);
        last = made;
        return made;
      },
    });
    context.after(() => void seen.add(String(last?.result)));
  });
  assert.equal(failure?.message, undefined);
  assert.equal(bounded, undefined);
  return [...seen].sort();
}

type Numbers = { [index: number]: number | bigint; readonly length: number };
type Constructor = new (buffer: SharedArrayBuffer) => Numbers;

describe('typed arrays', () => {
  const TYPES: readonly (readonly [string, number | bigint, number | bigint])[] = [
    ['Int8Array', 0x1ff, -1],
    ['Uint8Array', -1, 255],
    ['Uint8ClampedArray', 300, 255],
    ['Int16Array', 0x1ffff, -1],
    ['Uint16Array', -1, 65_535],
    ['Int32Array', 2 ** 32 - 1, -1],
    ['Uint32Array', -1, 2 ** 32 - 1],
    ['BigInt64Array', 2n ** 64n - 1n, -1n],
    ['BigUint64Array', -1n, 2n ** 64n - 1n],
    ['Float32Array', 0.1, Math.fround(0.1)],
    ['Float64Array', 0.1, 0.1],
  ];
  for (const [name, written, read] of TYPES) {
    it(`${name} converts values as it does elsewhere`, () => {
      const body: TestBody = ({ shared, thread }) => {
        const View = (globalThis as unknown as Record<string, Constructor>)[name]!;
        const view = new View(shared(16, 'memory'));
        const flag = new Int32Array(shared(4, 'flag'));
        thread('writer', () => {
          view[1] = written;
          Atomics.store(flag, 0, 1);
        });
        thread('reader', () => {
          while (Atomics.load(flag, 0) === 0);
          return view[1];
        });
      };
      for (const model of ['sc', 'es', 'rc11'] as const) {
        assert.deepEqual(results(model, body, 'fail'), [String(read)], model);
      }
    });
  }

  it('share bytes: parts of a word are seen apart', () => {
    const body: TestBody = ({ shared, thread }) => {
      const buffer = shared(4);
      const bytes = new Uint8Array(buffer);
      const words = new Int32Array(buffer);
      thread('writer', () => {
        bytes[0] = 1;
        bytes[3] = 2;
      });
      thread('reader', () => words[0]!.toString(16));
    };
    // Parts are accesses of their own, whatever the model: a machine that reads the word at once
    // shows less.
    for (const model of ['sc', 'es', 'v8-x64'] as const) {
      assert.deepEqual(results(model, body), ['0', '1', '2000000', '2000001']);
    }
  });

  it('have the methods that lock-free code uses', () => {
    const body: TestBody = ({ shared, thread }) => {
      const bytes = new Uint8Array(shared(16));
      thread('alone', () => {
        bytes.fill(9);
        bytes.set([1, 2, 3], 1);
        bytes.subarray(4, 8).set(new Uint8Array([4, 5]));
        bytes.copyWithin(8, 0, 4);
        bytes.subarray(-2).fill(0);
        return [...bytes.slice(0, 6), bytes.indexOf(5), ...bytes.subarray(8, 12), bytes.at(-1)];
      });
    };
    assert.deepEqual(results('sc', body), ['9,1,2,3,4,5,5,9,1,2,3,0']);
  });
});

describe('DataViews', () => {
  it('read and write either end first', () => {
    const body: TestBody = ({ shared, thread }) => {
      const view = new DataView(shared(8), 1);
      thread('alone', () => {
        view.setUint32(0, 0x01020304);
        view.setUint16(4, 0x0506, true);
        return `${view.getUint8(0)} ${view.getUint32(0, true)} ${view.getInt16(4)}`;
      });
    };
    assert.deepEqual(results('sc', body), [`1 67305985 1541`]);
  });

  it('may be torn by others under the specification, and are not by machines', () => {
    const body: TestBody = ({ shared, thread }) => {
      const buffer = shared(8);
      const doubles = new Float64Array(buffer);
      const view = new DataView(buffer);
      thread('writer', () => void (doubles[0] = -Math.PI));
      thread('reader', () => {
        const value = view.getBigUint64(0, true);
        return value === 0n || value === 0xc00921fb54442d18n ? 'whole' : 'torn';
      });
    };
    assert.deepEqual(results('es', body), ['torn', 'whole']);
    assert.deepEqual(results('v8-x64', body), ['whole']);
  });
});

describe('load buffering', () => {
  /** Whether both threads can see what the other writes afterwards. */
  function buffers(model: ModelName, second: (read: number) => number | undefined): boolean {
    const body: TestBody = ({ words, thread, after }) => {
      const view = words(2);
      const move = (
        from: number,
        to: number,
        value: (read: number) => number | undefined,
      ): number => {
        const read = view[from]!;
        const written = value(read);
        if (written !== undefined) view[to] = written;
        return read;
      };
      const one = thread('one', () => move(0, 1, () => 1));
      const other = thread('other', () => move(1, 0, second));
      after(() => assert.ok(one.result === 0 || other.result === 0, 'both'));
    };
    return check({ model, races: 'allow' }, body).failure !== undefined;
  }

  it('happens where nothing orders the accesses', () => {
    for (const model of ['es', 'v8-arm64', 'armv8', 'riscv'] as const) {
      assert.ok(
        buffers(model, () => 1),
        model,
      );
      // What does not depend on the value does not depend on the read.
      assert.ok(
        buffers(model, (read) => read * 0 + 1),
        model,
      );
    }
    for (const model of ['sc', 'x86-tso', 'v8-x64', 'rc11'] as const) {
      assert.ok(!buffers(model, () => 1), model);
    }
  });

  it('happens behind a read-modify-write that only releases', () => {
    for (const model of ['armv8', 'riscv'] as const) {
      const found = (order: MemoryOrder): boolean => {
        const { failure, bounded } = check({ model }, ({ cell, thread, after }) => {
          const [x, y] = [cell(0, 'x'), cell(0, 'y')];
          const one = thread('one', () => {
            const before = x.update((value) => value + 2, order);
            y.store(1, 'relaxed');
            return before;
          });
          const other = thread('other', () => {
            const read = y.load('acquire');
            x.store(1, 'release');
            return read;
          });
          after(() => assert.ok(one.result !== 1 || other.result !== 1, 'both'));
        });
        assert.equal(bounded, undefined);
        return failure !== undefined;
      };
      assert.deepEqual([found('release'), found('acquire')], [true, false], model);
    }
  });

  it('is stopped by dependencies on both sides, and never makes values out of nothing', () => {
    for (const model of ['es', 'v8-arm64', 'armv8', 'riscv'] as const) {
      const result = check({ model, races: 'allow' }, ({ words, thread, after }) => {
        const view = words(2);
        const one = thread('one', () => (view[1] = view[0]!));
        const other = thread('other', () => (view[0] = view[1]!));
        after(() => assert.deepEqual([one.result, other.result], [0, 0]));
      });
      assert.equal(result.failure, undefined, model);
    }
  });
});
