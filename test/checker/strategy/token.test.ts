/** Tokens of failing executions, and of what is no such thing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { check, type CheckOptions, MODEL_NAMES } from '../../../src/checker/index.ts';
import {
  buffering,
  choices,
  counter,
  inputs,
  message,
  mixed,
  ring,
  setUp,
  sleeper,
} from './programs.ts';

const TESTS = {
  'a lost update': counter(3, false),
  'a thread that throws': message,
  'a ring that is too small': ring(4, 3),
  'a lost wake': sleeper(true),
  'accesses of several sizes': mixed,
  'what comes afterwards': buffering,
  'a set-up that fails': setUp,
  'a choice': choices,
};

/** Failures by name of the test, and how it was checked. */
function failures(options: CheckOptions): number {
  let found = 0;
  for (const [name, body] of Object.entries(TESTS)) {
    const { failure } = check(options, body);
    if (failure === undefined) continue;
    found += 1;
    const again = check({ token: failure.token }, body);
    const { cause: _cause, ...rest } = failure;
    const { cause: _again, ...found2 } = again.failure!;
    assert.deepEqual(found2, rest, `${name} under ${options.model}`);
    assert.equal(again.bounded, 'the one execution of a token');
    assert.ok(failure.token.length < 120, failure.token);
  }
  return found;
}

describe('a token', () => {
  for (const model of MODEL_NAMES) {
    it(`gives the same failure and the same trace under ${model}`, () => {
      assert.ok(failures({ model }) >= 5);
      assert.ok(failures({ model, races: 'fail' }) >= 6);
      assert.ok(failures({ model, strategy: 'random', samples: 200 }) >= 4);
      assert.ok(failures({ model, strategy: 'pct', samples: 200 }) >= 4);
    });
  }

  it('of values that were enumerated gives the same failure', () => {
    const { failure } = check({ model: 'armv8' }, buffering);
    assert.equal(failure?.message, 'out of thin air');
    assert.equal(check({ token: failure.token }, buffering).failure?.message, failure.message);
  });
});

describe('a token is refused', () => {
  const body = counter(2, false);
  const { token = '' } = check({ model: 'sc' }, body).failure ?? {};

  it('by another test', () => {
    for (const other of [counter(3, false), counter(2, true), message, inputs, setUp]) {
      assert.throws(() => check({ token }, other), { code: 'ERR_CHECKER_TOKEN' });
    }
  });

  it('by the same test with other names', () => {
    assert.throws(
      () =>
        check({ token }, (context) => {
          body({ ...context, words: (length) => context.words(length, 'others') });
        }),
      { code: 'ERR_CHECKER_TOKEN' },
    );
  });

  it('with another model', () => {
    assert.throws(() => check({ token, model: 'es' }, body), { code: 'ERR_CHECKER_TOKEN' });
    assert.equal(check({ token, model: 'sc' }, body).failure?.message, '1 of 2');
  });

  it('with a character changed', () => {
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === 'A' ? 'B' : 'A';
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      if (Buffer.from(changed, 'base64url').equals(Buffer.from(token, 'base64url'))) continue;
      assert.throws(() => check({ token: changed }, body), { code: 'ERR_CHECKER_TOKEN' }, changed);
    }
    for (const text of ['', 'x', '!!!!!!!!!!!!', token.slice(0, -3), token + token]) {
      assert.throws(() => check({ token: text }, body), { code: 'ERR_CHECKER_TOKEN' }, text);
    }
  });
});
