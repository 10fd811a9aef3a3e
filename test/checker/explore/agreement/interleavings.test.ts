/**
 * Exploration under sequential consistency against an interleaver that knows nothing of it: random
 * programs that sleep, wake, join, choose, change words in one step, wait in loops, and access
 * parts of words have the same final states; and where some thread may wait for ever, it is found.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { check, type CheckResult } from '../../../../src/checker/check/index.ts';
import { type Act, BYTES, interleave, outcomeText, WORDS } from './interleaver.ts';

const RUNS = 300 * Number(process.env['RONDO_RUNS'] ?? 1);

type Program = readonly (readonly Act[])[];

/** What exploration finds. */
function explore(program: Program): { outcomes: Set<string>; result: CheckResult } {
  const outcomes = new Set<string>();
  const result = check(
    { model: 'sc', races: 'allow' },
    ({ words, shared, thread, after, choose }) => {
      const view = words(WORDS, 'words');
      const buffer = shared(BYTES, 'bytes');
      const views = {
        1: new Uint8Array(buffer),
        2: new Uint16Array(buffer),
        4: new Uint32Array(buffer),
      };
      const carryOut = (act: Act): number | string | undefined => {
        switch (act.act) {
          case 'load':
            return Atomics.load(view, act.at);
          case 'add':
            return Atomics.add(view, act.at, 1);
          case 'store':
            Atomics.store(view, act.at, act.value);
            return undefined;
          case 'until':
            while (Atomics.load(view, act.at) !== act.value);
            return undefined;
          case 'swap':
            return Atomics.compareExchange(view, act.at, act.expected, act.value);
          case 'wait':
            return Atomics.wait(view, act.at, act.expected);
          case 'notify':
            return Atomics.notify(view, act.at, act.count);
          case 'choose':
            return choose(2);
          case 'join':
            threads[act.thread]!.join();
            return undefined;
          case 'get':
            return views[act.size as 1 | 2 | 4][act.offset / act.size];
          case 'put':
            views[act.size as 1 | 2 | 4][act.offset / act.size] = act.value;
        }
        return undefined;
      };
      const threads: { readonly result: (number | string)[]; join(): void }[] = program.map(
        (acts, number) =>
          thread(`${number}`, () => acts.map(carryOut).filter((value) => value !== undefined)),
      );
      after(() => {
        const seen = threads.map((each) => each.result);
        outcomes.add(outcomeText(seen, [...view], [...views[1]]));
      });
    },
  );
  return { outcomes, result };
}

const at = fc.nat(WORDS - 1);
const value = fc.integer({ min: 0, max: 2 });
const size = fc.constantFrom(1, 2, 4);

const atomic: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constantFrom('load' as const, 'add' as const), at }),
  fc.record({ act: fc.constant('store' as const), at, value }),
  fc.record({ act: fc.constant('swap' as const), at, expected: value, value }),
);
const waiting: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constant('until' as const), at, value }),
  fc.record({ act: fc.constant('wait' as const), at, expected: value }),
  fc.record({ act: fc.constant('notify' as const), at, count: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ act: fc.constant('join' as const), thread: fc.nat(1) }),
  fc.constant({ act: 'choose' as const }),
);
const plain: fc.Arbitrary<Act> = fc
  .record({
    act: fc.constantFrom('get' as const, 'put' as const),
    size,
    place: fc.nat(BYTES - 1),
    value: fc.constantFrom(0x01020304, 0x05060708),
  })
  .map(({ act, size: bytes, place, value: written }) => {
    const offset = place - (place % bytes);
    return act === 'get'
      ? { act, offset, size: bytes }
      : { act, offset, size: bytes, value: written & (2 ** (8 * bytes) - 1) };
  });

function programs(act: fc.Arbitrary<Act>): fc.Arbitrary<Program> {
  const thread = fc.array(act, { minLength: 1, maxLength: 3 });
  return fc.array(thread, { minLength: 2, maxLength: 3 });
}

const KINDS: readonly (readonly [string, fc.Arbitrary<Act>])[] = [
  ['step by step', atomic],
  ['with waiting', fc.oneof(atomic, waiting)],
  [
    'with parts of words',
    fc.oneof({ weight: 1, arbitrary: atomic }, { weight: 2, arbitrary: plain }),
  ],
];

describe('exploration finds what an interleaver finds', () => {
  for (const [name, act] of KINDS) {
    it(name, () => {
      fc.assert(
        fc.property(programs(act), (program) => {
          const { outcomes, isStuck } = interleave(program);
          const { outcomes: explored, result } = explore(program);
          const isFound = ['deadlock', 'livelock'].includes(result.failure?.kind ?? '');
          assert.equal(isFound, isStuck);
          assert.equal(result.bounded, undefined);
          if (isStuck) return;
          assert.equal(result.failure, undefined);
          assert.deepEqual([...explored].sort(), [...outcomes].sort());
        }),
        { numRuns: RUNS, seed: 6 },
      );
    });
  }
});
