/**
 * All runs of one thread, for all values that its reads may have: it is run again and again, each
 * time with the next combination of answers.
 */
import { RondoError } from '../../base/index.ts';
import type { Event, Section, Trace } from './events.ts';
import type { Memory } from './memory.ts';
import {
  decode,
  encode,
  interpret,
  type Access,
  type Known,
  type Machine,
  type Scalar,
  type Script,
} from './script/index.ts';

/** What runs of threads are made with. */
export interface TraceContext {
  readonly memory: Memory;
  /** The values, as bytes, that a read may have. */
  valuesOf(address: number, access: Access): readonly (readonly number[])[];
  /** How often loops turn back. */
  readonly unroll: number;
  /** How many threads may sleep: notify wakes no more. */
  readonly sleepers: number;
}

/** Runs of a thread. */
export interface Traces {
  readonly traces: readonly Trace[];
  /** Runs were left out because a loop went on. */
  readonly bounded: boolean;
}

const LARGEST = 200_000;

/** Ends a run early; the trace so far counts when it is `blocked`, and is no run otherwise. */
class Stop extends Error {
  readonly blocked: boolean;
  constructor(blocked: boolean) {
    super();
    this.blocked = blocked;
  }
}

/**
 * @throws {RondoError} ERR_LITMUS_SIZE when there are too many, and what running the thread throws
 */
export function tracesOf(script: Script, thread: number, context: TraceContext): Traces {
  const choices = new Choices();
  const traces: Trace[] = [];
  let bounded = false;
  do {
    const run = new TraceMachine(thread, context, choices);
    const trace = run.trace(script);
    if (trace) traces.push(trace);
    else bounded ||= run.looped;
    if (traces.length > LARGEST) {
      const message = `Cannot evaluate the test: thread ${thread} has over ${LARGEST} runs`;
      throw new RondoError('ERR_LITMUS_SIZE', message);
    }
  } while (choices.next());
  return { traces, bounded };
}

/** Counts through all combinations of choices, whose numbers may depend on earlier choices. */
class Choices {
  #taken: { index: number; count: number }[] = [];
  #at = 0;

  /** One of `0 … count - 1`. */
  choose(count: number): number {
    const known = this.#taken[this.#at++];
    if (known) return known.index;
    this.#taken.push({ index: 0, count });
    return 0;
  }

  /** Goes on to the next combination; false after the last. */
  next(): boolean {
    this.#at = 0;
    for (;;) {
      const last = this.#taken.pop();
      if (!last) return false;
      if (last.index + 1 < last.count) {
        this.#taken.push({ index: last.index + 1, count: last.count });
        return true;
      }
    }
  }
}

class TraceMachine implements Machine {
  looped = false;
  readonly #thread: number;
  readonly #context: TraceContext;
  readonly #choices: Choices;
  readonly #events: Event[] = [];
  readonly #sections: Section[] = [];
  #blockedOn: number | undefined;
  #asleep = false;

  constructor(thread: number, context: TraceContext, choices: Choices) {
    this.#thread = thread;
    this.#context = context;
    this.#choices = choices;
  }

  /** Runs the thread once; undefined when this is no run of it. */
  trace(script: Script): Trace | undefined {
    const locals = new Map<string, Known>();
    try {
      interpret(script, this, locals);
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      if (!error.blocked) return undefined;
    }
    return {
      thread: this.#thread,
      events: this.#events,
      sections: this.#sections,
      locals: new Map([...locals].map(([name, { value }]) => [name, value])),
      blockedOn: this.#blockedOn,
      asleep: this.#asleep,
    };
  }

  read(access: Access): Known {
    const bytes = this.#choose(access);
    this.#access(access, bytes, undefined);
    return known(decode(access.element, bytes, access.littleEndian));
  }

  write(access: Access, { value }: Known): void {
    this.#access(access, undefined, encode(access.element, value, access.littleEndian));
  }

  modify(access: Access, compute: (old: Known) => Known | undefined): Known {
    const bytes = this.#choose(access);
    const old = known(decode(access.element, bytes, access.littleEndian));
    const value = compute(old);
    const written = value && encode(access.element, value.value, access.littleEndian);
    this.#access(access, bytes, written);
    return old;
  }

  wait(access: Access, expected: Scalar, forever: boolean): Known {
    const { statement } = access;
    const list = this.#address(access);
    const enter = this.#synchronize('enter', statement, list);
    const { value } = this.read(access);
    const same = sameBytes(access, value, expected);
    this.#section(list, enter, same ? 'sleep' : 'look', statement);
    if (!same) return known('not-equal');
    const ends = forever ? (['asleep', 'ok'] as const) : (['ok', 'timed-out'] as const);
    const result = ends[this.#choices.choose(ends.length)]!;
    if (result === 'asleep') {
      this.#asleep = true;
      throw new Stop(true);
    }
    const back = this.#synchronize('enter', statement, list);
    this.#section(list, back, result === 'ok' ? 'woken' : 'timed-out', statement);
    return known(result);
  }

  notify(access: Access, most: number): Known {
    const list = this.#address(access);
    const enter = this.#synchronize('enter', access.statement, list);
    const whole = Math.max(0, Math.trunc(most));
    const count = this.#choices.choose(Math.min(whole, this.#context.sleepers) + 1);
    this.#section(list, enter, 'notify', access.statement, count, whole);
    return known(count);
  }

  host(end: 'signal' | 'await', edge: number, statement: string): void {
    if (end === 'await' && this.#choices.choose(2) === 1) {
      this.#blockedOn = edge;
      throw new Stop(true);
    }
    this.#synchronize(end, statement, edge);
  }

  branch(): void {
    // Branches order nothing in this model.
  }

  turn(turns: number): void {
    if (turns <= this.#context.unroll) return;
    this.looped = true;
    throw new Stop(false);
  }

  #address({ block, offset }: Access): number {
    return this.#context.memory.address(block, offset);
  }

  #choose(access: Access): readonly number[] {
    const values = this.#context.valuesOf(this.#address(access), access);
    if (values.length === 0) throw new Stop(false);
    return values[this.#choices.choose(values.length)]!;
  }

  #access(
    access: Access,
    reads: readonly number[] | undefined,
    writes: readonly number[] | undefined,
  ): void {
    const { statement, seqCst, noTear, element } = access;
    const address = this.#address(access);
    const { size } = element;
    this.#events.push({
      kind: 'memory',
      statement,
      seqCst,
      noTear,
      address,
      size,
      reads,
      writes,
    });
  }

  #synchronize(
    kind: 'signal' | 'await' | 'enter' | 'leave',
    statement: string,
    of: number,
  ): number {
    return this.#events.push({ kind, statement, of }) - 1;
  }

  #section(
    list: number,
    enter: number,
    step: Section['step'],
    statement: string,
    count = 0,
    most = 0,
  ): void {
    const leave = this.#synchronize('leave', statement, list);
    this.#sections.push({ list, enter, leave, step, count, most });
  }
}

function known(value: Scalar): Known {
  return { value, from: 0 };
}

function sameBytes({ element, littleEndian }: Access, one: Scalar, other: Scalar): boolean {
  const bytes = encode(element, other, littleEndian);
  return encode(element, one, littleEndian).every((byte, at) => byte === bytes[at]);
}
