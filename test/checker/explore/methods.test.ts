/** Methods of views do on a test's memory what they do elsewhere, and read what they need. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check } from '../../../src/checker/check/index.ts';

type View = Int16Array & { readonly [name: string]: unknown };
type Say = (what: unknown) => void;

/** What is done with a view of three elements in the middle of a memory of eight. */
type Use = (view: View, say: Say, data: DataView) => unknown;

const USES: Readonly<Record<string, Use>> = {
  at: (view, say) => [0, -1, 3, -4, NaN].forEach((index) => say(view.at(index))),
  entries: (view, say) => say([...view.entries()].join(' ')),
  'for of': (view, say) => say([...view].join()),
  forEach: (view, say) => {
    view.forEach((value, index, all) => {
      say(value);
      if (index === 0) all[2] = 7;
    });
  },
  map: (view, say) => say([view.map((value) => value * 1000.5), view.map(String as never)].join()),
  filter: (view, say) => say(view.filter((value) => value > 2).join()),
  find: (view, say) => say([view.find((value) => value > 2), view.findLast(Boolean)].join()),
  reduce: (view, say) => say(view.reduce((one, other) => one * 10 + other)),
  includes: (view, say) => say([view.includes(3), view.indexOf(3), view.lastIndexOf(9)].join()),
  with: (view, say) => say([view.toReversed().join(), view.with(1, 9).join()].join()),
  'as text': (view, say) => say(`${view.toString()} ${view.join('-')} ${view.toLocaleString()}`),
  fill: (view) => [view.fill(8, -1), view.fill(9.7, 0, -2)],
  'fill with nothing': (view, say) => say(view.fill(5, 2, 1) === view),
  'set from itself': (view) => view.set(view.subarray(0, 2), 1),
  'set from bytes': (view) => view.set(new Uint8Array([200, 201]), 1),
  'set from a list': (view) => view.set([70_000, -1.5]),
  'set beyond': (view) => view.set([1, 2, 3], 1),
  'set before': (view) => view.set([1], -1),
  copyWithin: (view) => view.copyWithin(-1, 0),
  subarray: (view, say) => say([view.subarray(-2).length, view.subarray(1, -1).join()].join(' ')),
  slice: (view, say) => say([view.slice(-2), view.slice(1, 9)].join(' ')),
  'keys of objects': (view, say) => say([Object.hasOwn(view, 1), Object.keys(view)].join()),
  descriptors: (view, say) => say(Object.getOwnPropertyDescriptor(view, 1)?.value),
  defineProperty: (view) => Object.defineProperty(view, 1, { value: 5 }),
  'its constructor': (view, say) =>
    say(view.constructor === Int16Array && view instanceof Int16Array),
  isView: (view, say, data) => say([ArrayBuffer.isView(view), ArrayBuffer.isView(data)].join()),
  'an atomic store': (view, say) =>
    [1.7, -0, NaN, '5'].forEach((value) => {
      say(Object.is(Atomics.store(view, 1, value as number), -0));
      say(Atomics.store(view, 1, value as number));
    }),
  'a wait for halves': (view) => Atomics.wait(view as never, 0, 0, 0),
  'a wake of halves': (view) => Atomics.notify(view as never, 0),
  'an element that is big': (view) => (view[0] = 1n as never),
  'offsets of a DataView': (_view, say, data) =>
    say(
      [data.getUint8(undefined as never), data.getUint8('2' as never), data.getInt16(1.9)].join(),
    ),
  'beyond a DataView': (_view, _say, data) => data.getInt32(13),
  'a rest of a memory': (view) => new Float64Array(view.buffer, 0, 3),
};

/** What a use says, and what the memory holds then. */
function outcomeOf(use: Use, buffer: SharedArrayBuffer): string {
  const said: string[] = [];
  const view = new Int16Array(buffer, 4, 3) as View;
  try {
    use(view, (what) => void said.push(String(what)), new DataView(buffer));
  } catch (error) {
    said.push(`throws ${(error as Error).name}`);
  }
  return said.join('; ');
}

function fillIn(buffer: SharedArrayBuffer): void {
  new Int16Array(buffer).set([11, 12, 3, 2, 1, 13, 14, 15]);
}

describe('methods of a view', () => {
  for (const [name, use] of Object.entries(USES)) {
    it(`are what they are elsewhere: ${name}`, () => {
      const real = new SharedArrayBuffer(16);
      fillIn(real);
      const wanted = [outcomeOf(use, real), [...new Int16Array(real)].join()];
      const { failure } = check({ model: 'sc' }, ({ shared, thread, after }) => {
        const buffer = shared(16);
        fillIn(buffer);
        const user = thread('user', () => outcomeOf(use, buffer));
        after(() => {
          assert.deepEqual([user.result, [...new Int16Array(buffer)].join()], wanted);
        });
      });
      assert.equal(failure?.message, undefined);
    });
  }

  it('read what they need, when they need it', () => {
    const seen = new Set<string>();
    const { races } = check({ model: 'sc' }, ({ words, thread, after }) => {
      const [list, flag] = [words(3, 'list'), words(1, 'flag')];
      thread('writer', () => {
        Atomics.store(flag, 0, 1);
        list[1] = 1;
        list[2] = 1;
      });
      const reader = thread('reader', () => {
        const values = list.values();
        values.next();
        return `${Atomics.load(flag, 0)}${String(values.next().value)}`;
      });
      after(() => void seen.add(reader.result));
    });
    assert.deepEqual([...seen].sort(), ['00', '01', '10', '11']);
    assert.deepEqual(races, ['list[1]']);
  });

  it('see halves of floats where the engine has them', (t) => {
    const { Float16Array } = globalThis as { Float16Array?: unknown };
    if (Float16Array === undefined) {
      t.skip('this engine has none');
      return;
    }
    const seen = new Set<unknown>();
    check({ model: 'sc' }, ({ shared, thread, after }) => {
      const { Float16Array: Halves } = globalThis as unknown as {
        Float16Array: typeof Float32Array;
      };
      const halves = new Halves(shared(4));
      thread('writer', () => (halves[1] = 0.5));
      const reader = thread('reader', () => halves[1]);
      after(() => void seen.add(reader.result));
    });
    assert.deepEqual(seen, new Set([0, 0.5]));
  });
});
