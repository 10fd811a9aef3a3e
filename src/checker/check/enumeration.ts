/**
 * Executions in which reads see writes that come after them. Exploration builds a graph event by
 * event and so never meets one; where a model allows them, and a test is small enough, its threads
 * are given to the enumeration of litmus tests, which finds every final state whatever the order.
 *
 * What hardware may not turn round depends on what a thread computes. That is found out by trying:
 * a write depends on a read when the thread does something else there, had it read another value.
 */
import { Flag, Kind } from '../explore/graph.ts';
import { isHalf, type Lowered, type Lowering } from '../explore/lowering.ts';
import { runLitmus } from '../litmus/index.ts';
import type { Access, LitmusTest, Observable, ThreadContext, Value } from '../litmus/contract.ts';
import type { Model } from '../models/index.ts';
import { Resplit } from '../program/locations.ts';
import { type Decider, NotEnumerated } from '../program/run.ts';
import type { Session } from '../program/session.ts';
import type { TestInstance } from '../program/test.ts';
import { messageOf } from './causes.ts';

/** Reads of one thread that are told apart. */
const READS_MAX = 31;
/** Other values that are tried for a read, to see what depends on it. */
const TRIES = 3;
/** Addresses of locations lie so far apart. */
const APART = 64;
const FIRST = 0x1_0000;

/** One final state: what each thread read, in order, and what memory holds. */
export interface FinalState {
  readonly reads: readonly (readonly unknown[])[];
  /** What each thread threw, if it did. */
  readonly threw: readonly unknown[];
  /** By location: the last value. */
  readonly memory: ReadonlyMap<number, unknown>;
}

/** What was found. */
export interface Enumerated {
  readonly states: readonly FinalState[];
  readonly executions: number;
}

/** Values of tests as numbers, which is all that the enumeration knows. */
class Names {
  readonly #numbers = new Map<unknown, number>();
  readonly values: unknown[] = [];

  of(value: unknown): number {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.values.length;
      this.#numbers.set(value, number);
      this.values.push(value);
    }
    return number;
  }
}

/** What a thread asked for. */
export interface Step {
  readonly kind: number;
  readonly location: number;
  /** What was written, or given to a read by a feed. */
  readonly value: unknown;
  readonly order: number;
  readonly flags: number;
  /** Where in the source; '' when nobody asked. */
  readonly site: string;
}

/** Feeds a thread with values, and notes what it does. */
export class Feed implements Decider {
  readonly steps: Step[] = [];
  readonly #reads: readonly unknown[];
  readonly #site: () => string;
  #next = 0;

  /** `site` tells where in the source a step is. */
  constructor(reads: readonly unknown[], site: () => string = () => '') {
    this.#reads = reads;
    this.#site = site;
  }

  read(location: number, order: number, flags: number): unknown {
    const value = this.#reads[this.#next];
    this.steps.push({ kind: Kind.READ, location, value, order, flags, site: this.#site() });
    if (this.#next >= this.#reads.length) throw new NotEnumerated();
    this.#next += 1;
    return value;
  }

  write(location: number, order: number, flags: number, value: unknown): void {
    this.steps.push({ kind: Kind.WRITE, location, value, order, flags, site: this.#site() });
  }

  fence(order: number): void {
    const site = this.#site();
    this.steps.push({ kind: Kind.FENCE, location: -1, value: undefined, order, flags: 0, site });
  }

  choose(): number {
    throw new NotEnumerated();
  }
}

/** See the head of this file. */
export class Enumeration {
  readonly #session: Session;
  readonly #make: () => TestInstance;
  readonly #lower: Lowering;
  readonly #model: Model;
  readonly #names = new Names();
  readonly #locations: number[] = [];
  /** By location: values that somebody writes, or that it holds at first. */
  readonly #domain = new Map<number, Set<unknown>>();
  /** By thread and what it has read: what the next event depends on. */
  readonly #dependencies = new Map<string, number>();
  readonly #errors = new Map<number, unknown>();

  constructor(session: Session, make: () => TestInstance, lower: Lowering, model: Model) {
    this.#session = session;
    this.#make = make;
    this.#lower = lower;
    this.#model = model;
  }

  /**
   * Every final state. `domain` holds the values that exploration has seen in each location.
   * @throws {RondoError} ERR_LITMUS_SIZE
   */
  run(domain: ReadonlyMap<number, ReadonlySet<unknown>>): Enumerated {
    const instance = this.#make();
    for (const [location, values] of domain) {
      this.#locations.push(location);
      this.#domain.set(location, new Set([instance.initial(location), ...values]));
    }
    const result = runLitmus(this.#test(instance), this.#model, { mode: 'count' });
    const states = result.outcomes.map((text) => this.#parse(text, instance.threads.length));
    return { states, executions: result.executions };
  }

  #test(instance: TestInstance): LitmusTest {
    const observed: Observable[] = [];
    for (let thread = 0; thread < instance.threads.length; thread++) {
      for (let read = 0; read < READS_MAX; read++) {
        observed.push({ kind: 'register', thread, name: `r${read}`, size: 4, signed: true });
      }
      for (const name of ['reads', 'threw']) {
        observed.push({ kind: 'register', thread, name, size: 4, signed: true });
      }
    }
    for (const location of this.#locations) {
      const address = addressOf(location);
      observed.push({ kind: 'location', name: `m${location}`, address, size: 4, signed: true });
    }
    return {
      name: 'test',
      architecture: this.#model.architectures[0] ?? 'c11',
      threads: instance.threads.map((_, thread) => ({
        run: (context: ThreadContext) => this.#runThread(thread, context),
      })),
      source: instance.threads.map(() => []),
      symbols: { addressOf: () => 0, nameOf: () => undefined },
      initial: this.#locations.map((location) => ({
        address: addressOf(location),
        size: 4,
        value: this.#names.of(instance.initial(location)),
      })),
      observed,
      quantifier: 'exists',
      condition: { kind: 'true' },
      conditionText: 'true',
      filter: undefined,
    };
  }

  #runThread(thread: number, context: ThreadContext): ReadonlyMap<string, Value> {
    const registers = new Map<string, Value>();
    const adapter = new Adapter(this, thread, context, registers);
    try {
      this.#session.decide(thread, this.#make(), adapter);
    } catch (error) {
      if (adapter.stop !== undefined) throw adapter.stop;
      // It writes what nobody has written before: everything begins anew.
      if (error instanceof Resplit) throw error;
      const number = this.#names.of(nameOf(error));
      this.#errors.set(number, error);
      registers.set('threw', number + 1);
    }
    registers.set('reads', adapter.reads.length);
    return registers;
  }

  lower(kind: number, order: number, flags: number): Lowered {
    return this.#lower(kind, order, isHalf(flags));
  }

  name(value: unknown): number {
    return this.#names.of(value);
  }

  value(number: Value): unknown {
    return this.#names.values[Number(number)];
  }

  /** Notes a value, so that dependencies are tried with it. */
  wrote(location: number, value: unknown): void {
    this.#domain.get(location)?.add(value);
  }

  /** Which of the reads before a step change it: bit by number of access. */
  dependsOn(thread: number, adapter: Adapter): number {
    const { reads, steps } = adapter;
    const key = `${thread} ${steps.length} ${reads.map(({ value }) => this.name(value)).join()}`;
    const known = this.#dependencies.get(key);
    if (known !== undefined) return known;
    let mask = 0;
    reads.forEach((read, index) => {
      let tries = 0;
      for (const other of this.#domain.get(read.location) ?? []) {
        if (Object.is(other, read.value)) continue;
        if (tries++ >= TRIES) break;
        const values = reads.map(({ value }) => value);
        values[index] = other;
        if (this.#isChanged(thread, values, adapter)) {
          mask |= 1 << read.access;
          break;
        }
      }
    });
    this.#dependencies.set(key, mask);
    return mask;
  }

  #isChanged(thread: number, values: readonly unknown[], adapter: Adapter): boolean {
    const feed = new Feed(values);
    try {
      this.#session.decide(thread, this.#make(), feed);
    } catch (error) {
      if (error instanceof Resplit) throw error;
      // Beyond what it is fed with, or its own error: what it did before counts.
    }
    const last = adapter.steps.length - 1;
    const wanted = adapter.steps[last]!;
    const found = feed.steps[last];
    return (
      found?.kind !== wanted.kind ||
      found.location !== wanted.location ||
      (wanted.kind === Kind.WRITE && !Object.is(found.value, wanted.value))
    );
  }

  #parse(text: string, threads: number): FinalState {
    const reads: unknown[][] = Array.from({ length: threads }, () => []);
    const threw: unknown[] = Array.from({ length: threads });
    const memory = new Map<number, unknown>();
    const found = new Map<string, number>();
    for (const [, name, number] of text.matchAll(/(\S+?)=(-?\d+);/g)) {
      found.set(name!, Number(number));
    }
    for (let thread = 0; thread < threads; thread++) {
      const count = found.get(`${thread}:reads`) ?? 0;
      for (let read = 0; read < count; read++) {
        reads[thread]!.push(this.value(found.get(`${thread}:r${read}`) ?? 0));
      }
      const error = found.get(`${thread}:threw`) ?? 0;
      if (error > 0) threw[thread] = this.#errors.get(error - 1);
    }
    for (const location of this.#locations) {
      memory.set(location, this.value(found.get(`[m${location}]`) ?? 0));
    }
    return { reads, threw, memory };
  }
}

/** Gives the context of a litmus test's thread the events of a test's thread. */
class Adapter implements Decider {
  readonly reads: { location: number; value: unknown; access: number }[] = [];
  readonly steps: Step[] = [];
  /** What ended the run, when that was not the thread itself. */
  stop: Error | undefined;
  readonly #of: Enumeration;
  readonly #thread: number;
  readonly #context: ThreadContext;
  readonly #registers: Map<string, Value>;

  constructor(
    of: Enumeration,
    thread: number,
    context: ThreadContext,
    registers: Map<string, Value>,
  ) {
    this.#of = of;
    this.#thread = thread;
    this.#context = context;
    this.#registers = registers;
  }

  read(location: number, order: number, flags: number): unknown {
    return this.#ask(() => {
      if ((flags & Flag.HIDDEN) !== 0 || this.reads.length >= READS_MAX) throw new NotEnumerated();
      this.#did(Kind.READ, location, undefined);
      const { before, tag, behind } = this.#of.lower(Kind.READ, order, flags);
      if (before !== '') this.#context.fence(before);
      const access = this.#context.accesses;
      const number = this.#context.read(this.#access(location, tag, this.#from()));
      if (behind !== '') this.#context.fence(behind);
      const value = this.#of.value(number);
      this.#registers.set(`r${this.reads.length}`, number);
      this.reads.push({ location, value, access });
      return value;
    });
  }

  write(location: number, order: number, flags: number, value: unknown): void {
    this.#ask(() => {
      if ((flags & Flag.HIDDEN) !== 0) throw new NotEnumerated();
      this.#of.wrote(location, value);
      this.#did(Kind.WRITE, location, value);
      const { before, tag, behind } = this.#of.lower(Kind.WRITE, order, flags);
      if (before !== '') this.#context.fence(before);
      const reads = isHalf(flags) ? this.reads[this.reads.length - 1]!.access : -1;
      const access = this.#access(location, tag, 0);
      this.#context.write(access, this.#of.name(value), this.#from(), reads);
      if (behind !== '') this.#context.fence(behind);
    });
  }

  fence(order: number): void {
    this.#ask(() => {
      this.#did(Kind.FENCE, -1, undefined);
      const { behind } = this.#of.lower(Kind.FENCE, order, 0);
      if (behind !== '') this.#context.fence(behind);
    });
  }

  choose(): number {
    return this.#ask(() => {
      throw new NotEnumerated();
    });
  }

  #did(kind: number, location: number, value: unknown): void {
    this.steps.push({ kind, location, value, order: 0, flags: 0, site: '' });
  }

  #ask<T>(what: () => T): T {
    if (this.stop !== undefined) throw this.stop;
    try {
      return what();
    } catch (error) {
      this.stop = error as Error;
      throw error;
    }
  }

  /** What the last step depends on. */
  #from(): number {
    return this.reads.length === 0 ? 0 : this.#of.dependsOn(this.#thread, this);
  }

  #access(location: number, tag: number, addressFrom: number): Access {
    return { address: addressOf(location), size: 4, tag, addressFrom };
  }
}

function addressOf(location: number): number {
  return FIRST + APART * location;
}

/** Tells errors apart. */
function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : messageOf(error);
}
