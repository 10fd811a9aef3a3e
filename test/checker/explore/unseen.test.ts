/** What would go past the checker is refused: no test passes because nobody looked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type TestBody } from '../../../src/checker/check/index.ts';

const PutAside = Int32Array;
const ViewPutAside = DataView;
class Words extends Int32Array {}

/** Two threads that each count one up, in the words that they are given. */
function counting(words: (context: Parameters<TestBody>[0]) => Int32Array): TestBody {
  return (context) => {
    const count = words(context);
    for (const name of ['one', 'other']) {
      context.thread(name, () => Atomics.store(count, 0, Atomics.load(count, 0) + 1));
    }
    context.after(() => assert.equal(count[0], 2, 'both have counted'));
  };
}

describe('memory that a test makes', () => {
  it('is shared when it comes from SharedArrayBuffer', () => {
    const { failure } = check(
      { model: 'sc' },
      counting(() => new Int32Array(new SharedArrayBuffer(4))),
    );
    assert.match(failure?.message ?? '', /both have counted/);
  });

  const refused: Record<string, (buffer: SharedArrayBuffer) => unknown> = {
    'a constructor that was put aside': (buffer) => new PutAside(buffer),
    'a class that extends one': (buffer) => new Words(buffer as unknown as ArrayBuffer),
    'a Buffer': (buffer) => Buffer.from(buffer),
    'a copy of the whole': (buffer) => buffer.slice(0),
  };
  for (const [what, view] of Object.entries(refused)) {
    it(`is refused to ${what}`, () => {
      const test = counting(({ shared }) => {
        const buffer = shared(8, 'counters');
        view(buffer);
        return new Int32Array(buffer);
      });
      assert.throws(() => check({}, test), {
        code: 'ERR_CHECKER_UNSUPPORTED',
        message: /^Cannot check counters: /,
      });
    });
  }

  it('is no buffer to a DataView that was put aside', () => {
    const test = counting(({ shared }) => {
      const buffer = shared(8);
      assert.ok(new ViewPutAside(buffer));
      return new Int32Array(buffer);
    });
    assert.match(check({}, test).failure?.message ?? '', /must be an ArrayBuffer/);
  });

  it('must not come from outside of it', () => {
    const outside = new SharedArrayBuffer(8);
    const view = new Int32Array(outside);
    for (const words of [() => new Int32Array(outside), () => view]) {
      assert.throws(() => check({}, counting(words)), { code: 'ERR_CHECKER_USE' });
    }
  });
});

describe('a thread that catches everything', () => {
  const caught = (body: () => number): number => {
    try {
      return body();
    } catch {
      return -1;
    }
  };

  it('cannot keep exploration from beginning anew', () => {
    const mixed: TestBody = ({ shared, thread, after }) => {
      const buffer = shared(8);
      const [words, halves] = [new Int32Array(buffer), new Uint16Array(buffer)];
      thread('writer', () => caught(() => (words[0] = 0x10001)));
      const reader = thread('reader', () => caught(() => halves[0]!));
      after(() => assert.notEqual(reader.result, -1));
    };
    const constant: TestBody = ({ words, thread, after }) => {
      const word = words(1);
      const reader = thread('reader', () => caught(() => word[0]!));
      thread('writer', () => caught(() => (word[0] = 1)));
      after(() => assert.notEqual(reader.result, -1));
    };
    for (const test of [mixed, constant]) {
      const { executions, failure } = check({ model: 'sc' }, test);
      assert.deepEqual([executions, failure], [2, undefined]);
    }
  });
});
