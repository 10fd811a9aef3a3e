/** Random programs: trees of what tasks do. Numbers that name things are taken modulo how many. */
import fc from 'fast-check';
import {
  PRIORITIES,
  type MissedTicks,
  type OnError,
  type Priority,
  type Scheduling,
} from '../../../src/task/index.ts';

/** What needs one wait, and can stand by itself in a `select` or `join`. */
export type Leaf =
  { readonly do: 'sleep'; readonly ms: number } | { readonly do: 'yield' } | BlockingLeaf;

/** What may wait for ever; `patience` is after how many milliseconds it is given up, 0 for never. */
export interface BlockingLeaf {
  readonly do: 'send' | 'receive' | 'receiveMany' | 'hear' | 'changed' | 'tokenCancelled' | 'wait';
  readonly which: number;
  readonly patience: number;
}

/** What needs no wait. */
export type Act =
  | { readonly do: 'trySend' | 'tryReceive' | 'abort' | 'cancelToken'; readonly which: number }
  | { readonly do: 'closeSender' | 'closeReceiver' | 'disposeReceiver'; readonly which: number }
  | { readonly do: 'publish' | 'change' | 'closePublisher' | 'closeWatch' | 'throw' };

/** What has parts. */
export type Compound =
  | { readonly do: 'all' | 'shield' | 'attempt'; readonly parts: readonly Step[] }
  | { readonly do: 'clean'; readonly parts: readonly Step[]; readonly cleanup: readonly Step[] }
  | { readonly do: 'timeout' | 'deadline'; readonly ms: number; readonly parts: readonly Step[] }
  | { readonly do: 'follow'; readonly which: number; readonly parts: readonly Step[] }
  | {
      readonly do: 'select' | 'race' | 'join' | 'joinSettled';
      readonly biased: boolean;
      readonly branches: readonly Step[];
    }
  | {
      readonly do: 'hold';
      readonly how: 'permit' | 'run' | 'try' | 'mutex' | 'exclusive' | 'read' | 'write';
      readonly which: number;
      readonly count: number;
      readonly parts: readonly Step[];
    }
  | {
      readonly do: 'sendBy';
      readonly how: 'clone' | 'permit';
      readonly which: number;
      readonly count: number;
      readonly parts: readonly Step[];
    }
  | { readonly do: 'lend'; readonly leaf: Leaf; readonly ms: number }
  | { readonly do: 'ask'; readonly asReceiver: boolean; readonly answer: readonly Step[] }
  | {
      readonly do: 'ticks';
      readonly period: number;
      readonly missed: MissedTicks;
      readonly between: readonly Step[];
    }
  | { readonly do: 'spawn'; readonly priority: Priority; readonly parts: readonly Step[] }
  | {
      readonly do: 'scope';
      readonly onError: OnError;
      readonly cancels: boolean;
      readonly children: readonly (readonly Step[])[];
      readonly parts: readonly Step[];
    }
  | {
      readonly do: 'set';
      readonly how: 'all' | 'next' | 'abort';
      readonly children: readonly (readonly Step[])[];
      readonly parts: readonly Step[];
    };

/** One thing that a task does. */
export type Step = Leaf | Act | Compound;

/** See the head of this file. */
export interface Program {
  readonly scheduling: Scheduling;
  readonly budget: number;
  readonly pollsPerTurn: number;
  readonly chance: number;
  readonly capacities: readonly number[];
  /** Of tasks that are there from the beginning. */
  readonly tasks: readonly (readonly Step[])[];
  /** Aborted from outside, by time. */
  readonly aborts: readonly { readonly at: number; readonly which: number }[];
  /** When everything is cancelled. */
  readonly end: number;
}

const nat = fc.nat(30);
const ms = fc.nat(20);

function one<T>(names: readonly T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...names);
}

const blocking = [
  ...(['send', 'receive', 'send', 'receive', 'send', 'receive', 'receiveMany'] as const),
  ...(['hear', 'changed', 'wait', 'wait', 'tokenCancelled'] as const),
] as const;

const patience = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 15 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);

const leaf: fc.Arbitrary<Leaf> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: one(['sleep'] as const), ms }) },
  { weight: 1, arbitrary: fc.record({ do: one(['yield'] as const) }) },
  { weight: 12, arbitrary: fc.record({ do: one(blocking), which: nat, patience }) },
);

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: one(['trySend', 'tryReceive'] as const), which: nat }) },
  { weight: 4, arbitrary: fc.record({ do: one(['publish', 'change'] as const) }) },
  { weight: 2, arbitrary: fc.record({ do: one(['abort'] as const), which: nat }) },
  { weight: 1, arbitrary: fc.record({ do: one(['throw'] as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: one(['cancelToken', 'closeSender', 'closeReceiver', 'disposeReceiver'] as const),
      which: nat,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: one(['closePublisher', 'closeWatch'] as const) }) },
);

interface Parts {
  readonly parts: fc.Arbitrary<Step[]>;
  readonly children: fc.Arbitrary<Step[][]>;
  readonly branches: fc.Arbitrary<Step[]>;
}

function compounds({ parts, children, branches }: Parts): fc.WeightedArbitrary<Step>[] {
  const holds = ['permit', 'run', 'try', 'mutex', 'exclusive', 'read', 'write'] as const;
  const count = fc.nat(3);
  const all: [number, fc.Arbitrary<Step>][] = [
    [3, fc.record({ do: one(['all', 'shield', 'attempt'] as const), parts })],
    [2, fc.record({ do: one(['clean'] as const), parts, cleanup: parts })],
    [3, fc.record({ do: one(['timeout', 'deadline'] as const), ms, parts })],
    [1, fc.record({ do: one(['follow'] as const), which: nat, parts })],
    [
      6,
      fc.record({
        do: one(['select', 'race', 'join', 'joinSettled'] as const),
        biased: fc.boolean(),
        branches,
      }),
    ],
    [4, fc.record({ do: one(['hold'] as const), how: one(holds), which: nat, count, parts })],
    [
      2,
      fc.record({
        do: one(['sendBy'] as const),
        how: one(['clone', 'permit'] as const),
        which: nat,
        count,
        parts,
      }),
    ],
    [1, fc.record({ do: one(['lend'] as const), leaf: leaf.filter(isOneWait), ms })],
    [2, fc.record({ do: one(['ask'] as const), asReceiver: fc.boolean(), answer: parts })],
    [
      1,
      fc.record({
        do: one(['ticks'] as const),
        period: fc.integer({ min: 1, max: 9 }),
        missed: one<MissedTicks>(['burst', 'delay', 'skip']),
        between: parts,
      }),
    ],
    [3, fc.record({ do: one(['spawn'] as const), priority: one(PRIORITIES), parts })],
    [
      3,
      fc.record({
        do: one(['scope'] as const),
        onError: one<OnError>(['cancel', 'continue']),
        cancels: fc.integer({ min: 0, max: 4 }).map((n) => n === 4),
        children,
        parts,
      }),
    ],
    [
      2,
      fc.record({
        do: one(['set'] as const),
        how: one(['all', 'next', 'abort'] as const),
        children,
        parts,
      }),
    ],
  ];
  return all.map(([weight, arbitrary]) => ({ weight, arbitrary }));
}

/** A handle is no wait of its own: whoever wants to wait for a task in two places waits twice. */
function isOneWait({ do: kind }: Leaf): boolean {
  return kind !== 'wait';
}

/** Branches that fail, and branches that take their time to let go. */
const awkward: fc.Arbitrary<Step> = fc.oneof(
  ms.map((late): Step => ({ do: 'all', parts: [{ do: 'sleep', ms: late }, { do: 'throw' }] })),
  fc.tuple(leaf, ms).map(([first, late]): Step => ({
    do: 'clean',
    parts: [first, { do: 'sleep', ms: 20 }],
    cleanup: [{ do: 'sleep', ms: late }],
  })),
);

/** Steps of at most that depth. */
function steps(depth: number): fc.Arbitrary<Step[]> {
  const simple: fc.WeightedArbitrary<Step>[] = [
    { weight: 30, arbitrary: leaf },
    { weight: 12, arbitrary: act },
  ];
  if (depth === 0) return fc.array(fc.oneof(...simple), { maxLength: 3, size: 'max' });
  const parts = steps(depth - 1);
  const step = fc.oneof(
    ...simple,
    ...compounds({
      parts,
      children: fc.array(parts, { maxLength: 3, size: 'max' }),
      branches: parts.chain((first) =>
        fc
          .array(fc.oneof({ weight: 6, arbitrary: leaf }, { weight: 1, arbitrary: awkward }), {
            maxLength: 3,
            size: 'max',
          })
          .map((others) => [...others, ...first]),
      ),
    }),
  );
  return fc.array(step, { maxLength: 5, size: 'max' });
}

/** All programs. */
export const programs: fc.Arbitrary<Program> = fc.record({
  scheduling: one<Scheduling>(['priority', 'feedback', 'deadline']),
  budget: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(128)),
  pollsPerTurn: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 16 })),
  chance: fc.nat(0xffff),
  capacities: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
  tasks: fc.array(steps(4), { minLength: 2, maxLength: 8, size: 'max' }),
  aborts: fc.array(fc.record({ at: fc.nat(60), which: nat }), { maxLength: 5, size: 'max' }),
  end: fc.integer({ min: 30, max: 120 }),
});
