/**
 * The threads of a litmus test, sequentially consistent: a read sees the last write. A thread is
 * run again from its start up to its next access whenever it takes a step, with the values that its
 * reads had; that is the contract of front ends. Locations are taken as wholes: of accesses of
 * several sizes at one address the last value counts.
 *
 * Where a front end asks for a choice, the first one is taken that does not end in a contradiction;
 * a store-conditional succeeds unless the location was written since.
 */
import { RondoError } from '../../../base/index.ts';
import type {
  Access as Accessing,
  LitmusTest,
  ThreadContext,
  Value,
} from '../../litmus/contract.ts';
import { Tag } from '../../litmus/contract.ts';
import type { Access, Named } from '../access.ts';
import type { World } from './world.ts';

/** Accesses of a thread: twice what front ends promise. */
const STEPS_MAX = 64;
/** Times that a thread is begun until its next access is found. */
const TRIES_MAX = 1000;

/** A value of a location, and how often that was written. */
interface Cell {
  readonly value: Value;
  readonly version: number;
}

/** An access that was done, and what was read or written. */
interface Done extends Cell {
  readonly address: Value;
  readonly isWrite: boolean;
}

/** What a thread does next. */
interface Intent {
  readonly access: Accessing;
  readonly isWrite: boolean;
  readonly value: Value;
  /** Half of one instruction that reads and writes. */
  readonly isUpdate: boolean;
  /** All choices on the way there. */
  readonly choices: readonly number[];
}

interface Thread {
  readonly done: readonly Done[];
  readonly choices: readonly number[];
}

/** Thrown through a thread that has come to its next access, or to a contradiction. */
const STOP: Error = new Error('The run of a thread is left');

/** See the head of this file. */
export class LitmusWorld implements World {
  readonly threads: number;
  readonly #test: LitmusTest;
  readonly #memory: Map<Value, Cell>;
  readonly #threads: Thread[];
  /** What each thread does next, where that was asked and is still so; null is nothing. */
  #intents: (Intent | null | undefined)[] = [];

  constructor(test: LitmusTest, from?: LitmusWorld) {
    this.#test = test;
    this.threads = test.threads.length;
    this.#memory = new Map(from === undefined ? initialOf(test) : from.#memory);
    this.#threads =
      from === undefined ? test.threads.map(() => ({ done: [], choices: [] })) : [...from.#threads];
    if (from !== undefined) this.#intents = [...from.#intents];
  }

  next(thread: number): Access | undefined {
    const intent = this.#intent(thread);
    if (intent === undefined) return undefined;
    const { access, isWrite, isUpdate } = intent;
    const kind = isUpdate ? 'update' : isWrite ? 'write' : 'read';
    return { core: thread, kind, address: Number(access.address), size: access.size };
  }

  step(thread: number): void {
    const intent = this.#intent(thread);
    if (intent === undefined) return;
    this.#take(thread, intent);
    if (intent.isWrite || !intent.isUpdate) return;
    // An atomic instruction is one step: its write follows its read at once.
    const after = this.#intent(thread);
    if (after?.isWrite && after.isUpdate) this.#take(thread, after);
  }

  /** Unknown: a branch decides. */
  left(thread: number): number {
    return this.#intent(thread) === undefined ? 0 : 1;
  }

  copy(): LitmusWorld {
    return new LitmusWorld(this.#test, this);
  }

  #take(thread: number, { access, isWrite, value, choices }: Intent): void {
    const { done } = this.#threads[thread]!;
    if (done.length === STEPS_MAX) {
      const limit = `a thread has more than ${STEPS_MAX} accesses`;
      throw new RondoError('ERR_CACHE_LIMIT', `Cannot interleave ${this.#test.name}: ${limit}`);
    }
    const before = this.#memory.get(access.address) ?? { value: 0, version: 0 };
    const now = isWrite ? { value, version: before.version + 1 } : before;
    if (isWrite) {
      this.#memory.set(access.address, now);
      // Store-conditionals of others may fail now.
      this.#intents = [];
    }
    const { address } = access;
    this.#threads[thread] = { done: [...done, { ...now, address, isWrite }], choices };
    this.#intents[thread] = undefined;
  }

  #intent(thread: number): Intent | undefined {
    if (this.#intents[thread] === undefined) this.#intents[thread] = this.#search(thread) ?? null;
    return this.#intents[thread] ?? undefined;
  }

  /**
   * The next access of a thread, with the first choices that lead to one or to the end. Earlier
   * ones may turn out wrong only now: others are tried that lead through the same accesses.
   */
  #search(thread: number): Intent | undefined {
    let choices = this.#threads[thread]!.choices;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const replay = new Replay(
        this.#test,
        thread,
        this.#threads[thread]!.done,
        choices,
        (access) => {
          return this.#memory.get(access.address)?.version ?? 0;
        },
      );
      replay.run();
      if (!replay.isContradiction) return replay.intent;
      const taken = [...replay.choices];
      let last = taken.length - 1;
      while (last >= 0 && taken[last]! + 1 >= replay.counts[last]!) last -= 1;
      if (last < 0) break;
      choices = [...taken.slice(0, last), taken[last]! + 1];
    }
    // A loop was left at its bound: the thread ends there.
    return undefined;
  }
}

/** One run of a thread, up to the first access that is not done. */
class Replay {
  intent: Intent | undefined;
  /** Whether the choices, or the bound of a loop, rule this run out. */
  isContradiction = false;
  readonly choices: number[] = [];
  /** How many there were to choose from. */
  readonly counts: number[] = [];
  readonly #test: LitmusTest;
  readonly #thread: number;
  readonly #done: readonly Done[];
  readonly #given: readonly number[];
  readonly #versionOf: (access: Accessing) => number;
  #accesses = 0;
  /** The last load-exclusive, and the version that it saw. */
  #reserved: { readonly access: Accessing; readonly version: number } | undefined;

  constructor(
    test: LitmusTest,
    thread: number,
    done: readonly Done[],
    given: readonly number[],
    versionOf: (access: Accessing) => number,
  ) {
    this.#test = test;
    this.#thread = thread;
    this.#done = done;
    this.#given = given;
    this.#versionOf = versionOf;
  }

  run(): void {
    try {
      this.#test.threads[this.#thread]!.run(this.#context());
    } catch (error) {
      if (error !== STOP) throw error;
    }
  }

  #context(): ThreadContext {
    const accesses = (): number => this.#accesses;
    return {
      read: (access) => {
        const done = this.#arrive(access, false, 0);
        if ((access.tag & Tag.EXCLUSIVE) !== 0) {
          this.#reserved = { access, version: done.version };
        }
        return done.value;
      },
      write: (access, value) => {
        this.#arrive(access, true, value);
      },
      fence: () => undefined,
      branch: () => undefined,
      choose: (count) => this.#choose(count),
      abandon: () => this.#contradict(),
      get accesses() {
        return accesses();
      },
    };
  }

  #arrive(access: Accessing, isWrite: boolean, value: Value): Done {
    const done = this.#done[this.#accesses];
    if (done !== undefined) {
      const isSame = done.isWrite === isWrite && done.address === access.address;
      if (!isSame || (isWrite && done.value !== value)) this.#contradict();
      this.#accesses += 1;
      return done;
    }
    const isUpdate = (access.tag & Tag.ATOMIC_RMW) !== 0;
    this.intent = { access, isWrite, value, isUpdate, choices: this.choices };
    throw STOP;
  }

  #contradict(): never {
    this.isContradiction = true;
    throw STOP;
  }

  #choose(count: number): number {
    const isLost =
      this.#reserved !== undefined &&
      this.#versionOf(this.#reserved.access) !== this.#reserved.version;
    const choice = this.#given[this.choices.length] ?? (isLost ? count - 1 : 0);
    this.choices.push(choice);
    this.counts.push(count);
    return choice;
  }
}

function initialOf({ initial }: LitmusTest): [Value, Cell][] {
  return initial.map(({ address, value }) => [address, { value, version: 0 }]);
}

/** The locations that these accesses touch, for reports. */
export function namesOf({ symbols }: LitmusTest, accesses: readonly Access[]): Named[] {
  const sizes = new Map<number, number>();
  for (const { address, size } of accesses) {
    sizes.set(address, Math.max(size, sizes.get(address) ?? 0));
  }
  return [...sizes].flatMap(([address, size]) => {
    const name = symbols.nameOf(address);
    return name === undefined ? [] : [{ name, address, size }];
  });
}
