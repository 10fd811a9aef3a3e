/** What would go past the checker is refused: no test passes because nobody looked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type TestBody } from '../../../src/checker/check/index.ts';
import { coverageText } from '../../../src/checker/report/report.ts';

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

describe('a function that is not over when it returns', () => {
  const later: () => unknown = async () => {
    await Promise.resolve();
    throw new Error('nobody hears this');
  };
  function* never(): Generator<number> {
    yield 1;
    throw new Error('nobody runs this');
  }
  const tests: Record<string, [what: RegExp, body: TestBody]> = {
    'a test that is asynchronous': [/the test: .* asynchronous/, later],
    'a test that is a generator': [/the test: .* generator/, never],
    'a thread that is asynchronous': [/one: .* asynchronous/, ({ thread }) => thread('one', later)],
    'a thread that is a generator': [/one: .* generator/, ({ thread }) => thread('one', never)],
  };
  for (const [name, [message, body]] of Object.entries(tests)) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => check({}, body), { code: 'ERR_CHECKER_UNSUPPORTED', message });
    });
  }

  it('fails where it says what holds at the end', () => {
    const { failure } = check({}, ({ after }) => after(later));
    assert.match(failure?.message ?? '', /after: its function is asynchronous/);
  });
});

describe('what is no test', () => {
  const wrong: Record<string, () => unknown> = {
    'no options': () => check(undefined as never, () => undefined),
    'no function': () => check({}, undefined as never),
    'a thread without a name': () => check({}, ({ thread }) => thread((() => 1) as never, later)),
    'a thread without a function': () => check({}, ({ thread }) => thread('one', 1 as never)),
    'an end without a function': () => check({}, ({ after }) => after(undefined as never)),
  };
  const later = (): void => undefined;
  for (const [name, run] of Object.entries(wrong)) {
    it(`is refused: ${name}`, () => assert.throws(run, { code: 'ERR_OPTION_TYPE' }));
  }

  it('joins a thread in another thread only', () => {
    const body: TestBody = ({ thread }) => thread('one', later).join();
    assert.throws(() => check({}, body), { code: 'ERR_CHECKER_USE', message: /^Cannot join one/ });
  });
});

describe('an assumption that does not hold', () => {
  it('is none that the test can catch, while it is set up', () => {
    const { executions, failure } = check({}, ({ choose, assume }) => {
      const isLucky = choose(2) === 1;
      try {
        assume(isLucky);
      } catch {
        throw new Error('it was unlucky');
      }
    });
    assert.deepEqual([executions, failure], [1, undefined]);
  });

  it('leaves out what holds at the end', () => {
    const { failure } = check({}, ({ words, thread, after, assume }) => {
      const word = words(1);
      for (const value of [1, 2]) thread(`writes ${value}`, () => (word[0] = value));
      after(() => {
        assume(word[0] === 2);
        assert.equal(word[0], 2);
      });
    });
    assert.equal(failure, undefined);
  });

  it('is said when it leaves nothing', () => {
    const result = check({}, ({ thread, assume }) => thread('one', () => assume(false)));
    assert.match(coverageText(result), /^complete, and empty, .*: 0 executions, 1 blocked$/);
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
