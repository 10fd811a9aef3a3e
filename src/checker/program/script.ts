/** A run of a thread that is given what it reads, and is not to do anything else. */
import { Flag, Kind } from '../explore/graph.ts';
import { isSame } from './label.ts';
import type { Step } from './past.ts';
import type { Decider } from './run.ts';

/** Stops a run that does something else than it was given. */
class Differs extends Error {}

/** Gives a thread its steps, and then, if it is asked to, the last ones of them again and again. */
export class Script implements Decider {
  readonly #steps: readonly Step[];
  readonly #period: number;
  readonly #length: number;
  #cursor = 0;
  #differs = false;

  constructor(steps: readonly Step[], period: number = 0, rounds: number = 0) {
    this.#steps = steps;
    this.#period = period;
    this.#length = steps.length + period * rounds;
  }

  /** Whether the thread did all of it and nothing else, also if it has caught what stopped it. */
  get wasFollowed(): boolean {
    return !this.#differs && this.#cursor === this.#length;
  }

  #next(kind: number, location: number, order: number, flags: number): unknown {
    const steps = this.#steps;
    // What it does behind all rounds is not asked.
    if (this.#period > 0 && this.#cursor === this.#length) throw new Differs();
    const again = steps.length - this.#period + ((this.#cursor - steps.length) % this.#period);
    const step = steps[this.#cursor < steps.length || this.#period === 0 ? this.#cursor : again];
    if (step === undefined || !isSame(step, { kind, location, order, flags })) this.#stop();
    this.#cursor += 1;
    return step.value;
  }

  #stop(): never {
    this.#differs = true;
    throw new Differs();
  }

  read(location: number, order: number, flags: number): unknown {
    return this.#next(Kind.READ, location, order, flags);
  }

  write(location: number, order: number, flags: number, value: unknown): void {
    const before = this.#next(Kind.WRITE, location, order, flags);
    if ((flags & Flag.HIDDEN) === 0 && !Object.is(before, value)) this.#stop();
  }

  fence(order: number): void {
    this.#next(Kind.FENCE, -1, order, 0);
  }

  choose(): number {
    return this.#next(Kind.CHOICE, -1, 0, 0) as number;
  }

  join(order: number): void {
    this.#next(Kind.JOIN, -1, order, 0);
  }
}
