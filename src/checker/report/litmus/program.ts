/** The accesses of an execution one after the other, as a litmus test has them: of constants. */
import type { ExecutionTrace, TraceEvent } from '../../check/trace.ts';
import { Facts } from '../facts.ts';

/** Order of an access. */
export type AccessOrder = TraceEvent['order'];

/** One instruction. */
export type Instruction =
  /** `register` gets what is read; `isLocked` for a read-modify-write that wrote nothing. */
  | {
      readonly kind: 'load';
      readonly at: string;
      readonly register: number;
      readonly value: number;
      readonly order: AccessOrder;
      readonly isLocked: boolean;
    }
  | {
      readonly kind: 'store';
      readonly at: string;
      readonly value: number;
      readonly order: AccessOrder;
    }
  /** `register` gets what was there, which is `before`. */
  | {
      readonly kind: 'exchange';
      readonly at: string;
      readonly register: number;
      readonly before: number;
      readonly value: number;
      readonly order: AccessOrder;
    }
  | { readonly kind: 'fence'; readonly order: AccessOrder };

/** An execution as a program without loops and conditions. */
export interface LitmusProgram {
  /** Variables: their letters, what they are called in the test, and what they hold at first. */
  readonly variables: readonly {
    readonly at: string;
    readonly name: string;
    readonly initial: number;
  }[];
  readonly threads: readonly (readonly Instruction[])[];
  /** What variables hold at the end, for those that were written. */
  readonly last: readonly { readonly at: string; readonly value: number }[];
  /** Values that are no small integers, by the numbers that stand for them. */
  readonly numbered: ReadonlyMap<number, unknown>;
}

/** Numbers that stand for other values begin here. */
const NUMBERED_FIRST = 1001;
const LETTERS = 'xyzabcdefghijklmnopqrstuvw';

/** Writes the program of one execution. */
class Writer {
  readonly #facts: Facts;
  readonly #names = new Map<string, string>();
  readonly #numbers = new Map<unknown, number>();
  readonly #initial = new Map<string, number>();

  constructor(trace: ExecutionTrace) {
    this.#facts = new Facts(trace);
  }

  write(): LitmusProgram {
    const { trace } = this.#facts;
    const threads = trace.threads.map((_, thread) => this.#thread(thread));
    const last = [...trace.coherence].flatMap(([location, writes]) => {
      const at = this.#names.get(location);
      const write = this.#facts.event(writes.at(-1)!);
      return at === undefined || write === undefined
        ? []
        : [{ at, value: this.#number(write.value) }];
    });
    const variables = [...this.#names].map(([name, at]) => {
      return { at, name, initial: this.#initial.get(name) ?? 0 };
    });
    const numbered = new Map([...this.#numbers].map(([value, number]) => [number, value]));
    return { variables, threads, last, numbered };
  }

  #variable(location: string): string {
    const known = this.#names.get(location);
    if (known !== undefined) return known;
    const index = this.#names.size;
    const round = Math.floor(index / LETTERS.length);
    const at = `${LETTERS[index % LETTERS.length]}${round === 0 ? '' : round}`;
    this.#names.set(location, at);
    this.#initial.set(location, this.#number(this.#facts.trace.initial.get(location) ?? 0));
    return at;
  }

  #number(value: unknown): number {
    if (typeof value === 'number' && (value | 0) === value && !Object.is(value, -0)) return value;
    if (typeof value === 'bigint' && BigInt.asIntN(32, value) === value) return Number(value);
    const key = Array.isArray(value) ? value.join(' ') : value;
    // Nobody in a queue is what it holds at first.
    if (key === '' && Array.isArray(value)) return 0;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = NUMBERED_FIRST + this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }

  #thread(thread: number): Instruction[] {
    const events = this.#facts.trace.events.filter((event) => event.thread === thread);
    const program: Instruction[] = [];
    let register = 0;
    for (let index = 0; index < events.length; index++) {
      const event = events[index]!;
      const next = events[index + 1];
      if (event.kind === 'read') {
        const queue = this.#queueBehind(event, next, events[index + 2]);
        if (queue !== undefined) {
          program.push(this.#load(queue, register, 'seq_cst'));
          register += 1;
        }
        const isPair = event.isRmw && next?.kind === 'write' && next.isRmw;
        const load = this.#load(event, register, event.order);
        if (isPair) {
          const { at } = load;
          const value = this.#number(next.value);
          const { order } = event;
          program.push({ kind: 'exchange', at, register, before: load.value, value, order });
          index += 1;
        } else program.push(load);
        register += 1;
      } else if (event.kind === 'write') {
        const at = this.#variable(event.location);
        program.push({ kind: 'store', at, value: this.#number(event.value), order: event.order });
      } else if (event.kind === 'fence') program.push({ kind: 'fence', order: event.order });
      else if (event.kind === 'join') {
        program.push(this.#end(event.value as number, register));
        register += 1;
      }
    }
    return [...program, ...this.#signal(thread)];
  }

  #load(
    event: TraceEvent,
    register: number,
    order: AccessOrder,
  ): Instruction & { readonly kind: 'load' } {
    const at = this.#variable(event.location);
    const value = this.#number(event.value ?? 0);
    return { kind: 'load', at, register, value, order, isLocked: event.isRmw && !event.isHidden };
  }

  /** Who goes to sleep has looked at the queue before it read the value: see `Flag.QUEUE`. */
  #queueBehind(
    read: TraceEvent,
    next: TraceEvent | undefined,
    write: TraceEvent | undefined,
  ): TraceEvent | undefined {
    if (read.isHidden || next?.isHidden !== true || !next.isRmw || write === undefined)
      return undefined;
    const before = Array.isArray(next.value) ? next.value.length : 0;
    return Array.isArray(write.value) && write.value.length > before ? next : undefined;
  }

  /** Joining a thread reads what its end writes. */
  #end(thread: number, register: number): Instruction {
    const at = this.#variable(`end of ${this.#facts.trace.threads[thread]}`);
    return { kind: 'load', at, register, value: 1, order: 'seq_cst', isLocked: false };
  }

  #signal(thread: number): Instruction[] {
    const { events, threads } = this.#facts.trace;
    if (!events.some(({ kind, value }) => kind === 'join' && value === thread)) return [];
    const at = this.#variable(`end of ${threads[thread]}`);
    return [{ kind: 'store', at, value: 1, order: 'seq_cst' }];
  }
}

/** The program of an execution. */
export function programOf(trace: ExecutionTrace): LitmusProgram {
  return new Writer(trace).write();
}
