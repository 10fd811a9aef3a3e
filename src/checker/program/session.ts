/**
 * Runs the threads of a test for exploration. A thread is a plain function that cannot be
 * suspended, so it is run again from its start whenever it is wanted: what it has read so far is
 * given to it once more, and at the first event that is not decided it is stopped by an exception
 * that belongs to the checker alone. The whole test is set up anew for each run, so that nothing is
 * left from the last.
 */
import { assert, type RondoError } from '../../base/index.ts';
import type { Builder, RunEnd, Threads } from '../explore/explorer.ts';
import { Flag, type Graph, Kind, Order } from '../explore/graph.ts';
import { Constants } from './constants.ts';
import { withGlobals } from './globals.ts';
import { accessInChange, type Fault, nondeterministic } from './faults.ts';
import { Inputs } from './inputs.ts';
import { type Label, labelOf, matches, nameOf } from './label.ts';
import { Locations, Resplit } from './locations.ts';
import { Memories } from './memories.ts';
import type { Memory } from './memory.ts';
import {
  type Decider,
  type Instance,
  type Layout,
  type MakeInstance,
  makeProbe,
  makeRun,
  NotEnumerated,
  type Run,
  type SessionLimits,
  type Trial,
  valueOf,
} from './run.ts';
import { Rounds } from './rounds.ts';
import { isOnePlace, notePlace, type Repetition, Spins } from './spin.ts';

/** What is thrown to stop a thread: nobody else can have it, and making it once costs nothing. */
const STOP = new Error('stopped by the checker');

/** See the head of this file. */
export class Session implements Threads {
  readonly locations: Locations = new Locations(() => this.anew());
  readonly constants: Constants = new Constants(() => this.anew());
  readonly #make: MakeInstance;
  readonly limits: SessionLimits;
  #builder: Builder | undefined;
  #graph: Graph | undefined;
  #run: Run | undefined;
  #count = 0;
  readonly #buffers: number[][] = [];
  readonly #memories = new Memories(this);
  readonly #spins = new Spins();
  /** Where the loop is that was looked at last. */
  #place = '';
  readonly rounds: Rounds = new Rounds(this);
  /** Makes memory of the test that is being set up; undefined when none is. */
  shared: ((bytes: number) => SharedArrayBuffer) | undefined;
  /** What a thread threw, when a run has failed. */
  error: unknown;
  /** Some execution was given up: one thread had too many events, or all together had. */
  cut: 'thread' | 'all' | undefined;
  /** What the test takes while it is set up. */
  readonly inputs: Inputs = new Inputs();
  /** Accesses that are told to whoever traces; undefined is nobody. */
  onEvent: ((event: number) => void) | undefined;
  /** Changes accesses that are not of the checker's own words. */
  trial: Trial | undefined;

  constructor(make: MakeInstance, limits: SessionLimits) {
    this.#make = make;
    this.limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** Sets the test up once, to see how many threads it has. */
  prepare(): Instance {
    const instance = this.#setUp();
    this.#count = instance.threads.length;
    return instance;
  }

  #setUp(): Instance {
    this.inputs.start();
    return this.#make();
  }

  /**
   * Everything begins again: to be thrown. The thread that runs may catch it; then it is told once
   * more with whatever it does next.
   */
  anew(): Resplit {
    const resplit = new Resplit();
    if (this.#run !== undefined) {
      this.#run.end = 'failed';
      this.error = resplit;
    }
    return resplit;
  }

  /** Forgets what was found out of memory, but not what it takes to explore. */
  restart(): void {
    this.locations.reset();
    this.constants.reset();
    this.#spins.clear();
    this.rounds.clear();
  }

  /** Whether a read is no event: see `Constants`. */
  isConstant(memory: number, offset: number, size: number, order: number): boolean {
    if (order !== Order.PLAIN && this.limits.hasBarriers) return false;
    const run = this.#current();
    run.constants += 1;
    return this.constants.isConstant(memory, offset, size, run.constants);
  }

  /** Says that a thread writes there. */
  assertChanging(memory: number, offset: number, size: number): void {
    if (!this.isProbe) this.constants.change(memory, offset, size);
  }

  /** Says who decides what events do. */
  use(builder: Builder): void {
    this.#builder = builder;
  }

  /** What is known of memory: see `Layout`. */
  get layout(): Layout {
    const looping = [...this.rounds.looping];
    return { cuts: this.locations.cuts, changing: this.constants.changing, looping };
  }

  /**
   * Takes over what another session knows of memory, before anything of it is explored.
   * @throws {Resplit} when it does not go with what this one knows: see `Constants.adopt`
   */
  adopt({ cuts, changing, looping }: Layout, constants: Layout['changing'] = []): void {
    for (const [memory, offset] of cuts) this.locations.cut(memory, offset);
    for (const [thread, level] of looping) this.rounds.adopt(thread, level);
    this.constants.adopt(changing, constants);
  }

  /**
   * A memory for the instance that is being set up: the one that the last instance had. A look
   * ahead has its own, because the run that it interrupts goes on.
   */
  memory(index: number, bytes: number, name: string): Memory {
    return this.#memories.take(index, bytes, name);
  }

  /** A memory that the thread which runs makes for itself: all 0, and nobody else knows it. */
  ownMemory(bytes: number): Memory {
    const run = this.#current();
    run.made += 1;
    return this.#memories.takeOwn(run.thread, run.made, bytes);
  }

  /** Whether accesses go straight to memory: while the test is set up, and after its threads. */
  get isDirect(): boolean {
    return this.#run === undefined;
  }

  /** The thread that runs. */
  get thread(): number {
    return this.#current().thread;
  }

  run(thread: number, graph: Graph): RunEnd {
    this.#graph = graph;
    const log = this.#buffers.pop() ?? [];
    const run = makeRun(thread, this.#setUp(), log, graph.log(thread, log), undefined);
    const end = this.#carryOut(run);
    this.#buffers.push(log);
    return end;
  }

  /** Runs all threads of one instance with what they read in `graph`, and nothing else. */
  replay(graph: Graph, instance: Instance): unknown[] {
    this.#graph = graph;
    const results: unknown[] = [];
    for (let thread = 0; thread < this.#count; thread++) {
      const log: number[] = [];
      const length = graph.log(thread, log);
      const run = makeRun(thread, instance, log, length, makeProbe(0, 0));
      const outer = this.#run;
      this.#run = run;
      try {
        results.push(instance.threads[thread]!());
      } catch (error) {
        if (error !== STOP) this.error = error;
        results.push(undefined);
      } finally {
        this.#run = outer;
      }
    }
    return results;
  }

  /**
   * Runs a thread with somebody else to decide. Gives what it returns; what it, or who decides,
   * throws goes out.
   */
  decide(thread: number, instance: Instance, decider: Decider): unknown {
    const run = makeRun(thread, instance, [], 0, undefined, decider);
    const outer = this.#run;
    this.#run = run;
    this.#graph = undefined;
    try {
      const result = instance.threads[thread]!();
      if (run.end !== undefined) throw run.end === 'failed' ? this.error : STOP;
      return result;
    } finally {
      this.#run = outer;
    }
  }

  #carryOut(run: Run): RunEnd {
    const outer = this.#run;
    this.#run = run;
    try {
      run.instance.threads[run.thread]!();
      if (run.end !== undefined) return run.end;
      if (run.probe === undefined) this.#end();
      return 'ended';
    } catch (error) {
      if (error === STOP) return run.end ?? 'stopped';
      // A test may have caught the stop and thrown something of its own.
      if (run.end !== undefined) return run.end;
      this.error = error;
      return 'failed';
    } finally {
      this.#run = outer;
    }
  }

  /** A thread has come to its end: others may join it. */
  #end(): void {
    const run = this.#current();
    if (run.cursor < run.length) {
      this.#replayed(run, Kind.END, -1, Order.RELEASE, 0);
      return;
    }
    if (!this.#builder!.addPlain(run.thread, Kind.END, Order.RELEASE)) {
      throw this.#stop(run, 'stopped');
    }
    this.rounds.ended(run, this.#graph!);
  }

  /**
   * Reads a location. `wanted` makes it wait for a value; see `Builder.addRead`. `isTimed` says
   * that it also would not, if that does not come.
   */
  read(
    location: number,
    order: number,
    flags: number = 0,
    wanted?: (value: unknown) => boolean,
    isTimed: boolean = false,
  ): unknown {
    const run = this.#asking();
    if (run.probe !== undefined) notePlace(run, run.probe);
    if (this.trial !== undefined && (flags & Flag.HIDDEN) === 0) {
      const asked = { kind: Kind.READ, location, order, flags };
      ({ order, flags } = this.trial.change(this, asked));
    }
    if (run.decider !== undefined) {
      return run.decider.read(location, order, flags, run.instance.initial(location));
    }
    if (run.cursor < run.length) {
      return valueOf(run, this.#graph!, this.#replayed(run, Kind.READ, location, order, flags));
    }
    if (run.probe !== undefined) return this.#probed(run, Kind.READ, location, order, flags);
    this.#assertRoom(run);
    const isOwn = (flags & (Flag.AWAIT | Flag.HIDDEN)) === 0;
    if (isOwn && this.#isSpinning(run, location, order, flags)) throw this.#stop(run, 'spinning');
    const event = this.#graph!.count;
    const write = this.#builder!.addRead(run.thread, location, order, flags, wanted);
    if (write < 0) {
      const waits = isTimed ? 'dozing' : 'sleeping';
      throw this.#stop(run, (flags & Flag.AWAIT) === 0 ? 'stopped' : waits);
    }
    this.#logged(run, event);
    return valueOf(run, this.#graph!, event);
  }

  /** Writes a location. */
  write(location: number, order: number, value: unknown, flags: number = 0): void {
    const run = this.#asking();
    if (this.trial !== undefined && (flags & Flag.HIDDEN) === 0) {
      const asked = { kind: Kind.WRITE, location, order, flags };
      ({ order, flags } = this.trial.change(this, asked));
    }
    if (run.decider !== undefined) {
      run.decider.write(location, order, flags, value);
      return;
    }
    if (run.cursor < run.length) {
      const event = this.#replayed(run, Kind.WRITE, location, order, flags);
      if ((flags & Flag.HIDDEN) === 0 && !Object.is(this.#graph!.values[event], value)) {
        throw this.#nondeterministic(
          run,
          `it wrote ${String(this.#graph!.values[event])} before and ${String(value)} now`,
        );
      }
      return;
    }
    if (run.probe !== undefined) {
      this.#probed(run, Kind.WRITE, location, order, flags);
      return;
    }
    this.#assertRoom(run);
    const event = this.#graph!.count;
    if (!this.#builder!.addWrite(run.thread, location, order, flags, value)) {
      throw this.#stop(run, 'stopped');
    }
    this.#logged(run, event);
  }

  /**
   * Reads, and writes what `change` makes of that, as one step; undefined writes nothing. Gives
   * what was there.
   */
  modify(
    location: number,
    order: number,
    change: (value: unknown) => unknown,
    flags: number = 0,
  ): unknown {
    const before = this.read(location, order, flags | Flag.RMW);
    const run = this.#current();
    let after: unknown;
    run.isChanging = true;
    try {
      after = change(before);
    } finally {
      run.isChanging = false;
    }
    if (after !== undefined) this.write(location, order, after, (flags & Flag.HIDDEN) | Flag.RMW);
    return before;
  }

  /** Whether the log, or a look ahead, has decided what neither reads nor writes. */
  #isDecided(run: Run, kind: number, order: number): boolean {
    if (run.cursor < run.length) this.#replayed(run, kind, -1, order, 0);
    else if (run.probe !== undefined) this.#probed(run, kind, -1, order, 0);
    else return false;
    return true;
  }

  /** A fence. */
  fence(order: number): void {
    const run = this.#asking();
    if (run.decider !== undefined) {
      run.decider.fence(order);
      return;
    }
    if (this.#isDecided(run, Kind.FENCE, order)) return;
    this.#assertRoom(run);
    const event = this.#graph!.count;
    if (!this.#builder!.addPlain(run.thread, Kind.FENCE, order)) throw this.#stop(run, 'stopped');
    this.#logged(run, event);
  }

  /** One of `0 … count - 1`; each is explored. */
  choose(count: number): number {
    if (this.isDirect) return this.inputs.take(count);
    const run = this.#asking();
    if (run.decider !== undefined) return run.decider.choose(count);
    if (run.cursor < run.length) {
      return this.#graph!.values[this.#replayed(run, Kind.CHOICE, -1, 0, 0)] as number;
    }
    if (run.probe !== undefined) {
      this.#probed(run, Kind.CHOICE, -1, 0, 0);
      return 0;
    }
    this.#assertRoom(run);
    const event = this.#graph!.count;
    const choice = this.#builder!.choose(run.thread, count);
    if (choice < 0) throw this.#stop(run, 'stopped');
    this.#logged(run, event);
    return choice;
  }

  /** Waits until a thread has ended. */
  join(thread: number): void {
    const run = this.#asking();
    if (run.decider !== undefined) {
      if (run.decider.join === undefined) throw new NotEnumerated();
      run.decider.join(Order.ACQUIRE);
      return;
    }
    if (this.#isDecided(run, Kind.JOIN, Order.ACQUIRE)) return;
    const graph = this.#graph!;
    const last = graph.head(thread);
    if (last < 0 || graph.kind(last) !== Kind.END) throw this.#stop(run, 'joining');
    this.#assertRoom(run);
    const event = graph.count;
    if (!this.#builder!.addPlain(run.thread, Kind.JOIN, Order.ACQUIRE, last)) {
      throw this.#stop(run, 'stopped');
    }
    this.#logged(run, event);
  }

  /** The thread goes no further, silently: this execution is none that the test asks about. */
  giveUp(): never {
    if (this.isDirect) throw this.inputs.deny();
    throw this.#stop(this.#current(), 'unasked');
  }

  /** Numbers the sleeps of the thread that runs, from 1 on: the same in each run of it. */
  countWait(): number {
    const run = this.#current();
    run.waits += 1;
    return run.waits;
  }

  /** The thread has done what none may: the execution fails. */
  fault(fault: Fault): never {
    const run = this.#current();
    if (run.decider !== undefined) throw fault;
    this.error = fault;
    throw this.#stop(run, 'failed');
  }

  /** Whether what the thread that runs has read last was there before the threads started. */
  get hasReadInitial(): boolean {
    const { log, cursor, probe, decider } = this.#current();
    if (probe !== undefined || decider !== undefined || cursor === 0) return false;
    return this.#graph!.rf(log[cursor - 1]!) === 0;
  }

  /** Sleepers that were woken look again. */
  wakeSleepers(): void {
    const { probe, decider } = this.#current();
    if (probe === undefined && decider === undefined) this.#builder!.wakeSleepers();
  }

  /** What the thread that runs must ask for next, where that is known because it has before. */
  get expected(): Label | undefined {
    const { log, length, cursor, probe } = this.#current();
    if (cursor < length) return labelOf(this.#graph!, log[cursor]!);
    if (probe === undefined || probe.period === 0) return undefined;
    return labelOf(this.#graph!, log[length - probe.period + (probe.seen % probe.period)]!);
  }

  /** What the thread that runs has asked for last, where exploration decides. */
  get last(): Label | undefined {
    const { log, cursor } = this.#current();
    return cursor === 0 ? undefined : labelOf(this.#graph!, log[cursor - 1]!);
  }

  /** The memory with that number in the set-up that was made last. */
  memoryAt(index: number): Memory | undefined {
    return this.#memories.at(index);
  }

  /** Events that the running thread has had. */
  get position(): number {
    return this.#run?.cursor ?? 0;
  }

  /** Whether the running thread was told to stop, so that what comes now is none of its own. */
  get isStopping(): boolean {
    return this.#run?.end !== undefined;
  }

  /** The execution that was run again last; undefined when it has no graph. */
  get graph(): Graph | undefined {
    return this.#graph;
  }

  /** Whether the run only looks ahead, so that nothing may be kept of it. */
  get isProbe(): boolean {
    return this.#run?.probe !== undefined;
  }

  #current(): Run {
    const run = this.#run;
    assert(run !== undefined, 'a thread runs');
    // Its code has caught the stop: it is told again.
    if (run.end !== undefined) throw STOP;
    return run;
  }

  /** The thread that runs, which asks for an event. */
  #asking(): Run {
    const run = this.#current();
    if (run.isChanging) throw accessInChange();
    return run;
  }

  #stop(run: Run, end: RunEnd): Error {
    run.end = end;
    return STOP;
  }

  #logged(run: Run, event: number): void {
    run.constants = 0;
    run.log[run.cursor] = event;
    run.cursor += 1;
    run.length = run.cursor;
    this.onEvent?.(event);
  }

  #assertRoom(run: Run): void {
    const graph = this.#graph!;
    if (run.cursor >= this.limits.events) {
      this.cut ??= 'thread';
      throw this.#stop(run, 'stopped');
    }
    if (graph.count + 4 >= 32 * graph.words) {
      this.cut = 'all';
      throw this.#stop(run, 'stopped');
    }
  }

  /** The event of the log that this is, which it must be. */
  #replayed(run: Run, kind: number, location: number, order: number, flags: number): number {
    run.constants = 0;
    const event = run.log[run.cursor]!;
    if (!matches(this.#graph!, event, kind, location, order, flags)) {
      const before = nameOf(this.#graph!, event, this.locations);
      throw this.#nondeterministic(
        run,
        `its event ${run.cursor} was another one: ${before} before`,
      );
    }
    run.cursor += 1;
    this.onEvent?.(event);
    return event;
  }

  #nondeterministic(run: Run, how: string): RondoError {
    run.end = 'failed';
    this.error = nondeterministic(run.instance.names[run.thread]!, how);
    return this.error as RondoError;
  }

  /** Whether the thread goes round in circles: it would read the same again for ever. */
  #isSpinning(run: Run, location: number, order: number, flags: number): boolean {
    const graph = this.#graph!;
    const next: Label = { kind: Kind.READ, location, order, flags };
    const period = this.#spins.find(graph, run, next, {
      valueOf: (event) => valueOf(run, this.#graph!, event),
      name: () => `${run.thread} ${this.inputs.values.join()}`,
      repeats: (events, rounds) => this.#probe(run, events, rounds),
      place: () => this.#place,
    });
    if (period === 0) return false;
    if (!this.rounds.isLast(run, graph, period)) return false;
    graph.setRound(run.thread, period);
    return true;
  }

  /** Does something with an instance of its own while a run stands still. */
  aside<T>(body: (instance: Instance) => T): T {
    const run = this.#run;
    const graph = this.#graph;
    const { error, onEvent } = this;
    this.#run = undefined;
    this.error = undefined;
    this.onEvent = undefined;
    this.#memories.depth += 1;
    try {
      // A test may have put something in the place of globals, which is for that run of it alone.
      return withGlobals(() => body(this.#setUp()));
    } finally {
      this.#memories.depth -= 1;
      this.#run = run;
      this.#graph = graph;
      this.error = error;
      this.onEvent = onEvent;
    }
  }

  #probe(run: Run, period: number, rounds: number): Repetition {
    const probe = makeProbe(period, rounds);
    const found = this.aside((instance) => {
      this.#carryOut(makeRun(run.thread, instance, run.log, run.cursor, probe));
      return this.error;
    });
    if (found instanceof Resplit) throw found;
    this.#place = probe.places[0] ?? '';
    if (!probe.isSame || probe.seen < probe.wanted) return 'ends';
    return isOnePlace(probe) ? 'same' : 'elsewhere';
  }

  /** What a probe gets for an event behind its log: what it got one round before. */
  #probed(run: Run, kind: number, location: number, order: number, flags: number): unknown {
    const probe = run.probe!;
    const graph = this.#graph!;
    run.constants = 0;
    if (probe.seen >= probe.wanted) throw this.#stop(run, 'stopped');
    const event = run.log[run.length - probe.period + (probe.seen % probe.period)]!;
    probe.isSame = matches(graph, event, kind, location, order, flags);
    if (!probe.isSame) throw this.#stop(run, 'stopped');
    probe.seen += 1;
    return kind === Kind.READ ? valueOf(run, this.#graph!, event) : undefined;
  }
}
