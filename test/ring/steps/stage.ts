/**
 * A ring with a victim on one side and survivors on the other, who do what a scenario says, line by
 * line, so that a run differs from the next in nothing but where the victim dies.
 */
import { Channel, Ring, type RingOptions } from '../../../src/ring/index.ts';
import { Actor, MESSAGES, type StepChannel, type StepRing } from './actor.ts';
import type { Language } from './library.ts';
import { Step } from './message.ts';
import { type Kill, SideProcess, type VictimOptions } from './side-process.ts';
import { Words } from './words.ts';

/** Where rings begin: slots, slab and positions all wrap after two messages. */
export const POSITION: number = 2 ** 32 - 2;
const SLAB_POSITION = 2 ** 32 - 40;

/** A message that a side has got. */
export interface Got {
  readonly producer: number;
  readonly sequence: number;
}

interface Side {
  readonly events: readonly string[];
  run(line: string): Promise<boolean>;
}

/** A survivor in the process of the test. */
class Here implements Side {
  readonly events: string[] = [];
  readonly #actor: Actor;

  constructor(on: StepRing | StepChannel) {
    this.#actor = new Actor((event) => this.events.push(event), on);
  }

  async run(line: string): Promise<boolean> {
    await this.#actor.run(line);
    return true;
  }
}

/** One line of a scenario: who does what. */
export type Line = readonly [who: string, what: string];

/** See the head of this file. */
export class Stage {
  readonly ring: StepRing;
  /** Of the ring, or of a channel's requests. */
  readonly words: Words;
  readonly victim: SideProcess;
  readonly kill: Kill;
  /** When the victim's end was known. */
  diedAt = 0;
  readonly #channel: StepChannel | undefined;
  readonly #survivor: Language;
  readonly #sides = new Map<string, Side>();

  constructor(
    shape: RingOptions | 'channel',
    languages: { readonly victim: Language; readonly survivor: Language },
    victim: VictimOptions,
  ) {
    if (shape === 'channel') {
      const options = { slots: 4, slabBytes: 64 };
      const both = { requests: options, responses: options, between: 'processes' } as const;
      this.#channel = Channel.create(MESSAGES, both);
      this.ring = this.#channel.requests;
    } else {
      this.ring = Ring.create(Step, { slots: 4, slabBytes: 64, ...shape, between: 'processes' });
    }
    this.words = new Words(this.ring.share());
    this.words.begin(POSITION, SLAB_POSITION);
    if (this.#channel !== undefined) this.responses.begin(POSITION, SLAB_POSITION);
    this.#survivor = languages.survivor;
    this.victim = new SideProcess(languages.victim, this.descriptor, victim);
    this.#sides.set('victim', this.victim);
    this.kill = victim.kill;
  }

  get descriptor(): number {
    return (this.#channel ?? this.ring).descriptor;
  }

  /** The words of a channel's other ring. */
  get responses(): Words {
    return new Words(this.ring.share(), 1);
  }

  /** Who survives, made when first named. */
  async #side(who: string): Promise<Side> {
    const known = this.#sides.get(who);
    if (known !== undefined) return known;
    if (this.#survivor === 'TypeScript') {
      const here = new Here(this.#channel ?? this.ring);
      this.#sides.set(who, here);
      return here;
    }
    const process = new SideProcess(this.#survivor, this.descriptor);
    this.#sides.set(who, process);
    await process.run(this.#channel === undefined ? 'fd:3' : 'channel:3');
    return process;
  }

  /** Does a line; gives what came of it, or undefined when the victim died of it. */
  async do(who: string, what: string): Promise<readonly string[] | undefined> {
    const side = await this.#side(who);
    const before = side.events.length;
    const lives = await side.run(what);
    return lives ? side.events.slice(before) : undefined;
  }

  /**
   * Does lines in order, until the victim dies; then waits for its end. `isExact`: it has as many
   * steps in every run.
   */
  async play(lines: readonly Line[], isExact: boolean = true): Promise<void> {
    for (const [who, what] of lines) {
      if ((await this.do(who, what)) === undefined) break;
    }
    const wasKilled = await this.victim.end();
    this.diedAt = performance.now();
    if (isExact && wasKilled !== this.kill.step > 0) {
      throw new Error(`The victim ${wasKilled ? 'was' : 'was not'} killed at ${this.kill.step}`);
    }
  }

  /** What a side has got so far. */
  got(who: string): Got[] {
    return (this.#sides.get(who)?.events ?? [])
      .filter((event) => event.startsWith('got '))
      .map((event) => {
        const [, producer, sequence] = event.split(' ').map(Number);
        return { producer: producer!, sequence: sequence! };
      });
  }

  /** How often a side reported an event. */
  count(who: string, event: string): number {
    return (this.#sides.get(who)?.events ?? []).filter((each) => each === event).length;
  }

  /** How often the victim has written a word, at an offset of the file. */
  writes(offset: number): number {
    return this.victim.writes().filter((each) => each === offset).length;
  }

  /** How many participants survive. */
  get survivors(): number {
    return 1 + this.processes.length;
  }

  get processes(): readonly SideProcess[] {
    const sides = [...this.#sides.values()];
    return sides.filter((side): side is SideProcess => {
      return side instanceof SideProcess && side !== this.victim;
    });
  }

  /** All survivors leave. */
  async close(): Promise<void> {
    for (const process of this.processes) {
      await process.run('leave');
      await process.end();
    }
    (this.#channel ?? this.ring).close();
  }

  /** Ends what still runs, by its process id, after a failure. */
  abandon(): void {
    for (const process of [this.victim, ...this.processes]) process.signal('SIGKILL');
    (this.#channel ?? this.ring).close();
  }
}
