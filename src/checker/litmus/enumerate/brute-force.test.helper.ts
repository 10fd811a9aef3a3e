/**
 * What a model allows, by every choice of sources and every order of writes, each judged by the
 * axioms alone: no run of threads, no pruning, nothing left out of the model.
 */
import { Execution } from '../../execution/index.ts';
import type { ExecutionEvent } from '../../execution/index.ts';
import type { Model } from '../../models/index.ts';
import { Evaluator } from '../../relation/index.ts';
import { Tag } from '../contract.ts';
import type { Step } from './programs.test.helper.ts';

/** Every outcome of some threads over two locations, as `litmusOf` prints it. */
export function bruteForce(
  threads: readonly (readonly Step[])[],
  locations: readonly [number, number],
  model: Model,
): string[] {
  return new BruteForce(threads, locations, model).outcomes();
}

function eventOf(event: Partial<ExecutionEvent> & Pick<ExecutionEvent, 'kind'>): ExecutionEvent {
  return {
    thread: -1,
    access: -1,
    location: -1,
    value: 0,
    tag: 0,
    fence: '',
    addr: 0,
    data: 0,
    ctrl: 0,
    pickAddr: 0,
    pickData: 0,
    pickCtrl: 0,
    unsequenced: 0,
    reads: -1,
    ...event,
  };
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((one) =>
    permutations(items.filter((other) => other !== one)).map((rest) => [one, ...rest]),
  );
}

class BruteForce {
  readonly #model: Model;
  readonly #evaluator: Evaluator;
  readonly #execution = new Execution();
  readonly #locations: readonly number[];
  /** What each event adds to what it is computed from. */
  readonly #plus: number[] = [0, 0];
  readonly #reads: number[];
  readonly #source = new Map<number, number>();
  readonly #orders: number[][][];
  readonly #found = new Set<string>();

  constructor(threads: readonly (readonly Step[])[], locations: readonly number[], model: Model) {
    this.#model = model;
    this.#evaluator = new Evaluator(model.axioms);
    this.#locations = locations;
    const initial = locations.map((_, location) => eventOf({ kind: 'W', location }));
    this.#execution.load(
      initial,
      threads.map((steps, thread) => this.#events(steps, thread)),
    );
    const all = this.#execution.events;
    this.#reads = all.flatMap((event, index) => (event.kind === 'R' ? [index] : []));
    this.#orders = locations.map((_, location) => {
      const writes = all.flatMap((one, index) =>
        one.kind === 'W' && one.thread >= 0 && one.location === location ? [index] : [],
      );
      return permutations(writes).map((order) => [location, ...order]);
    });
  }

  #events(steps: readonly Step[], thread: number): ExecutionEvent[] {
    let access = 0;
    return steps.flatMap((step): ExecutionEvent[] => {
      this.#plus.push(step.kind === 'write' || step.kind === 'add' ? step.value : 0);
      if (step.kind === 'fence') return [eventOf({ kind: 'F', thread, fence: step.name })];
      const location = this.#locations.indexOf(step.at);
      const first = access++;
      if (step.kind === 'read') return [eventOf({ kind: 'R', thread, location, access: first })];
      if (step.kind === 'write') {
        const data = step.plus === undefined ? 0 : 1 << step.plus;
        return [eventOf({ kind: 'W', thread, location, access: first, data })];
      }
      this.#plus.push(step.value);
      const tag = Tag.ATOMIC_RMW;
      const data = 1 << first;
      const second = access++;
      return [
        eventOf({ kind: 'R', thread, location, access: first, tag }),
        eventOf({ kind: 'W', thread, location, access: second, tag, data, reads: first }),
      ];
    });
  }

  /** The value of an access; undefined when it is computed from itself. */
  #value(index: number, depth: number): number | undefined {
    const all = this.#execution.events;
    if (depth > all.length) return undefined;
    const event = all[index]!;
    if (event.kind === 'R') return this.#value(this.#source.get(index)!, depth + 1);
    if (event.data === 0) return this.#plus[index];
    const access = 31 - Math.clz32(event.data);
    const from = all.findIndex((one) => one.thread === event.thread && one.access === access);
    const base = this.#value(from, depth + 1);
    return base === undefined ? undefined : base + this.#plus[index]!;
  }

  outcomes(): string[] {
    this.#choose(0);
    return [...this.#found].sort();
  }

  #choose(at: number): void {
    const index = this.#reads[at];
    if (index === undefined) {
      this.#order();
      return;
    }
    const all = this.#execution.events;
    for (const [from, event] of all.entries()) {
      if (event.kind !== 'W' || event.location !== all[index]!.location) continue;
      this.#source.set(index, from);
      this.#choose(at + 1);
    }
  }

  #order(): void {
    const { events, readsFrom, coherence } = this.#execution;
    for (const [index, { kind }] of events.entries()) {
      if (kind !== 'F' && this.#value(index, 0) === undefined) return;
    }
    readsFrom.fill(0);
    for (const [to, from] of this.#source) readsFrom[from]! |= 1 << to;
    for (const first of this.#orders[0]!) {
      for (const second of this.#orders[1]!) {
        coherence.fill(0);
        for (const order of [first, second]) {
          for (const [at, from] of order.entries()) {
            for (const to of order.slice(at + 1)) coherence[from]! |= 1 << to;
          }
        }
        this.#judge([first.at(-1)!, second.at(-1)!]);
      }
    }
  }

  #judge(last: readonly number[]): void {
    this.#evaluator.bind(this.#execution);
    if (this.#evaluator.violated(0, this.#model.axioms.length) >= 0) return;
    const registers = this.#reads.map((index) => {
      const { thread, access } = this.#execution.events[index]!;
      return `${thread}:r${access}=${this.#value(index, 0)};`;
    });
    const memory = last.map((index, at) => `[x${this.#locations[at]}]=${this.#value(index, 0)};`);
    this.#found.add([...registers, ...memory].join(' '));
  }
}
