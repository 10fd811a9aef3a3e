/**
 * An execution in steps as people think of them: both halves of a read-modify-write are one, and
 * what `wait` and `notify` do with the checker's own queues is told as going to sleep and being
 * woken.
 */
import type { ExecutionTrace, TraceEvent } from '../check/trace.ts';

/** What a step is. */
export type StepKind =
  | 'read'
  | 'write'
  | 'update'
  | 'fence'
  | 'choice'
  | 'join'
  | 'sleep'
  | 'wake'
  | 'notify'
  | 'timeout';

/** One step of a thread. */
export interface Step {
  readonly thread: number;
  readonly kind: StepKind;
  /** In program order, those of the checker's own words too. */
  readonly events: readonly TraceEvent[];
  /** What memory of the test it read, if it did. */
  readonly read: TraceEvent | undefined;
  /** What memory of the test it wrote, if it did. */
  readonly write: TraceEvent | undefined;
  /** Memory that it is about; '' for none. */
  readonly location: string;
  readonly site: string;
  /** `notify`: threads that it wakes. */
  readonly woken: readonly number[];
}

type Queue = readonly string[];
const NOBODY: Queue = [];
const QUEUE = /^sleepers of (.*)$/s;

/** Takes the steps of one thread off its events. */
class Reader {
  readonly #events: readonly TraceEvent[];
  #next = 0;
  readonly steps: Step[] = [];

  constructor(events: readonly TraceEvent[]) {
    this.#events = events;
  }

  readAll(): Step[] {
    while (this.#next < this.#events.length) this.#readStep();
    return this.steps;
  }

  #take(): TraceEvent | undefined {
    const event = this.#events[this.#next];
    this.#next += 1;
    return event;
  }

  #peek(): TraceEvent | undefined {
    return this.#events[this.#next];
  }

  #readStep(): void {
    const event = this.#take()!;
    switch (event.kind) {
      case 'read':
        if (event.isHidden) this.#readHidden(event);
        else if (event.isRmw) this.#readUpdate(event);
        else this.#push('read', [event], { read: event });
        break;
      case 'write':
        if (!event.isHidden) this.#push('write', [event], { write: event });
        break;
      case 'choice':
        this.#readChoice(event);
        break;
      default:
        this.#push(event.kind, [event], {});
    }
  }

  #push(kind: StepKind, events: readonly TraceEvent[], more: Partial<Step>): void {
    const first = events[0]!;
    const { thread, site, location } = first;
    const both = { read: undefined, write: undefined, woken: [] };
    this.steps.push({ thread, kind, events, location, site, ...both, ...more });
  }

  #readUpdate(read: TraceEvent): void {
    const write = this.#peek();
    const isPair = write?.kind === 'write' && write.isRmw && write.location === read.location;
    if (isPair) this.#take();
    this.#push('update', isPair ? [read, write] : [read], {
      read,
      write: isPair ? write : undefined,
    });
  }

  /** That time is up is told where it ends the wait; that it is not, nowhere. */
  #readChoice(choice: TraceEvent): void {
    const before = this.steps[this.steps.length - 1];
    const isOfWait = before?.kind === 'sleep' && before.site === choice.site;
    if (!isOfWait) this.#push('choice', [choice], {});
    else if (choice.value === 1) this.#readTimeout(choice, before.location);
  }

  #readTimeout(choice: TraceEvent, location: string): void {
    const events = [choice];
    for (let half = 0; half < 2 && this.#peek()?.isRmw === true; half++) {
      events.push(this.#take()!);
    }
    this.#push('timeout', events, { location });
  }

  #readHidden(read: TraceEvent): void {
    const location = QUEUE.exec(read.location)?.[1];
    if (location === undefined) {
      const [before] = this.steps.slice(-1);
      this.#push('wake', [read], { location: before?.location ?? '' });
      return;
    }
    const write = this.#peek();
    if (write?.isHidden !== true || write.kind !== 'write') return;
    this.#take();
    const before = (read.value as Queue | undefined) ?? NOBODY;
    const after = (write.value as Queue | undefined) ?? NOBODY;
    if (after.length > before.length) this.#pushSleep([read, write], location);
    else this.#pushNotify([read, write], location, before, after);
  }

  /** With the read that decided to sleep. */
  #pushSleep(events: readonly TraceEvent[], location: string): void {
    const last = this.steps[this.steps.length - 1];
    if (last?.kind === 'read' && last.location === location) {
      this.steps.pop();
      this.#push('sleep', [...last.events, ...events], { location, read: last.read });
    } else this.#push('sleep', events, { location });
  }

  #pushNotify(pair: readonly TraceEvent[], location: string, before: Queue, after: Queue): void {
    const events = [...pair];
    const woken: number[] = [];
    for (const ticket of before) {
      if (after.includes(ticket)) continue;
      woken.push(Number(ticket.split('.')[0]));
      if (this.#peek()?.isHidden === true) events.push(this.#take()!);
    }
    this.#push('notify', events, { location, woken });
  }
}

/** The steps of each thread, in program order. */
export function stepsOf(trace: ExecutionTrace): readonly (readonly Step[])[] {
  return trace.threads.map((_, thread) => {
    const own = trace.events.filter((event) => event.thread === thread);
    return new Reader(own).readAll();
  });
}
