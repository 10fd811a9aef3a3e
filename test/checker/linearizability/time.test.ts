/**
 * Linearizability is about time, which executions do not have: against a clock that every call
 * looks at when it begins and when it ends.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { check, type ModelName, type TestBody } from '../../../src/checker/check/index.ts';
import {
  linearizable,
  linearize,
  type Operation,
  type Sequential,
} from '../../../src/checker/linearizability/index.ts';

const MODELS = ['sc', 'x86-tso', 'es', 'v8-arm64', 'rc11'] as const;
const WORDS = 2;

interface Access {
  readonly kind: 'load' | 'store' | 'add' | 'exchange';
  readonly word: number;
  readonly value: number;
}

/** What a method does; it returns what it found. */
type Method = readonly Access[];

interface Program {
  readonly methods: readonly Method[];
  /** By thread: methods that it calls. */
  readonly threads: readonly (readonly number[])[];
}

const access: fc.Arbitrary<Access> = fc.record({
  kind: fc.constantFrom('load', 'store', 'add', 'exchange'),
  word: fc.nat(WORDS - 1),
  value: fc.integer({ min: 1, max: 2 }),
});
const programs: fc.Arbitrary<Program> = fc.record({
  methods: fc.array(fc.array(access, { maxLength: 2 }), { minLength: 3, maxLength: 3 }),
  threads: fc.oneof(
    fc.tuple(calls(1, 2), calls(1, 2)),
    fc.tuple(calls(1, 1), calls(1, 1), calls(1, 2)),
  ),
});

function calls(minLength: number, maxLength: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(2), { minLength, maxLength });
}

function carryOut(method: Method, words: Int32Array): string {
  return method.map(({ kind, word, value }) => carryOutOne(kind, words, word, value)).join();
}

function carryOutOne(
  kind: Access['kind'],
  words: Int32Array,
  word: number,
  value: number,
): number | undefined {
  if (kind === 'load') return Atomics.load(words, word);
  if (kind !== 'store') return Atomics[kind](words, word, value);
  Atomics.store(words, word, value);
  return undefined;
}

function objectOf({ methods }: Program, words: Int32Array): Record<string, () => string> {
  return Object.fromEntries(
    methods.map((method, index) => [`m${index}`, () => carryOut(method, words)]),
  );
}

/** What it does when nobody else is there, with memory of its own. */
function alone({ methods }: Program): Sequential {
  const memory = new Array<number>(WORDS).fill(0);
  const one = ({ kind, word, value }: Access): number | undefined => {
    const before = memory[word]!;
    if (kind === 'add') memory[word] = before + value;
    else if (kind !== 'load') memory[word] = value;
    return kind === 'store' ? undefined : before;
  };
  return Object.fromEntries(
    methods.map((method, index) => [`m${index}`, () => method.map(one).join()]),
  );
}

function asked(program: Program): TestBody {
  return linearizable<Record<string, () => string>>({
    object: ({ words }) => objectOf(program, words(WORDS)),
    specification: () => alone(program),
    threads: program.threads.map((names) => (object) => {
      for (const name of names) object[`m${name}`]!();
    }),
  });
}

/** The same by the letter: every call looks at a clock that all threads share. */
function timed(program: Program): TestBody {
  return ({ words, thread, after }) => {
    const object = objectOf(program, words(WORDS));
    const clock = words(1, 'clock');
    const notes: (Operation & { began: number; ended: number })[] = [];
    for (const [index, names] of program.threads.entries()) {
      thread(`${index}`, () => {
        for (const each of names) {
          const name = `m${each}`;
          const began = Atomics.add(clock, 0, 1);
          const result = object[name]!();
          const ended = Atomics.add(clock, 0, 1);
          const call = { thread: index, name, input: [], result, hasThrown: false };
          notes.push({ ...call, began, ended });
        }
      });
    }
    after(() => {
      const isBefore = (one: number, other: number): boolean =>
        notes[one]!.ended < notes[other]!.began;
      assert.ok(linearize(notes, isBefore, () => alone(program)).order);
    });
  };
}

describe('linearizable, in time', () => {
  it('is what a clock says, of any object', () => {
    const counts = { holds: 0, fails: 0 };
    fc.assert(
      fc.property(programs, (program) => {
        const found = check({ model: 'sc' }, asked(program)).failure;
        const wanted = check({ model: 'sc' }, timed(program)).failure;
        assert.equal(found?.kind, wanted?.kind, found?.message ?? wanted?.message);
        counts[found === undefined ? 'holds' : 'fails'] += 1;
      }),
      { numRuns: 80 },
    );
    assert.ok(counts.holds > 0 && counts.fails > 0, JSON.stringify(counts));
  });

  for (const model of MODELS) {
    it(`finds what nobody in the execution could tell, under ${model}`, () => {
      assert.match(
        flagUnder(model, 1)!,
        /\n {2}when time passes so: thread 0: set\(\); thread 1: get\(\)$/,
      );
    });

    it(`takes calls that overlap either way, under ${model}`, () => {
      assert.equal(flagUnder(model, 0), undefined);
    });
  }

  it('finds a queue that gives what came second first', () => {
    const twice = (queue: Lanes): void => {
      queue.put(1);
      queue.put(0);
    };
    const puts = [(queue: Lanes) => queue.put(1), (queue: Lanes) => queue.put(0)];
    for (const threads of [[twice], puts]) {
      const found = lanesWith([...threads, (queue) => void queue.take()]);
      assert.match(found ?? '', /take\(\) = 0/);
    }
    assert.equal(lanesWith([...puts.slice(0, 1), (queue) => void queue.take()]), undefined);
  });

  it('keeps calls of one thread in their order, even those that touch no memory', () => {
    let count = 0;
    const body = linearizable({
      object: () => {
        count = 0;
        return { next: () => count++ };
      },
      specification: () => {
        let next = 0;
        return { next: () => next++ };
      },
      threads: [(object) => [1, 2, 3].forEach(() => object.next())],
    });
    assert.equal(check({ model: 'sc' }, body).failure?.message, undefined);
  });
});

/** A flag: one thread sets word 0, another looks at the word that is given. */
function flagUnder(model: ModelName, seen: number): string | undefined {
  const body = linearizable({
    object: ({ words }) => {
      const memory = words(WORDS);
      return {
        set: () => Atomics.store(memory, 0, 1),
        get: () => Atomics.load(memory, seen),
      };
    },
    specification: () => {
      let value = 0;
      return { set: () => (value = 1), get: () => value };
    },
    threads: [(flag) => flag.set(), (flag) => flag.get()],
  });
  return check({ model }, body).failure?.message;
}

interface Lanes {
  put(lane: number): void;
  take(): number;
}

/** A queue of two lanes, of which the first is looked at first. */
function lanesWith(threads: readonly ((lanes: Lanes) => void)[]): string | undefined {
  const body = linearizable<Lanes>({
    object: ({ words }) => {
      const lanes = words(WORDS);
      return {
        put(lane) {
          Atomics.store(lanes, lane, 1);
        },
        take: () => [0, 1].find((lane) => Atomics.exchange(lanes, lane, 0) === 1) ?? -1,
      };
    },
    specification: () => {
      const queue: number[] = [];
      return {
        put(lane: number) {
          queue.push(lane);
        },
        take: () => queue.shift() ?? -1,
      };
    },
    threads,
  });
  return check({ model: 'sc' }, body).failure?.message;
}
