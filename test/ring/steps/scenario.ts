/** Scenarios, and what it is to kill their victim at each of its steps: one test per step. */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { RingOptions } from '../../../src/ring/index.ts';
import { type Language, missing } from './library.ts';
import type { Kill } from './side-process.ts';
import { type Line, Stage } from './stage.ts';
import { Twin } from './twin.ts';

/** What happens before, while and until the victim dies. */
export interface Scenario {
  readonly name: string;
  readonly shape: RingOptions | 'channel';
  readonly lines: readonly Line[];
  /** Who reads, who writes, among the survivors. */
  readonly survivors: readonly string[];
  /** For a producer: how often it publishes. */
  readonly every?: number;
  /** For a consumer: messages at most that it has got, and not released. */
  readonly holds?: number;
  /**
   * For a consumer: messages at most that it has taken without having got them. A pop takes before
   * it returns; what is read in place is taken afterwards.
   */
  readonly takes?: number;
}

/** Who plays, and where its victim dies. */
export interface Run {
  readonly scenario: Scenario;
  readonly stage: Stage;
  readonly victim: Language;
  /** Clears up something at the same moment as another survivor. */
  readonly clearUp: () => Promise<void>;
  /** Notes how long it took to learn of the death. */
  readonly learned: () => void;
}

/** What is left to be done when the victim is dead: checks, and a successor. */
export type Aftermath = (run: Run) => Promise<void>;

/** Files with traces, one for each run. */
export class Traces {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'rondo-steps-'));
  #count = 0;

  next(): string {
    return join(this.directory, String(this.#count++));
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs of one scenario. */
class Runs {
  readonly #scenario: Scenario;
  readonly #languages: { readonly victim: Language; readonly survivor: Language };
  readonly #aftermath: Aftermath;
  readonly #traces = new Traces();
  readonly #twin: Twin | undefined;
  slowest = 0;

  constructor(
    scenario: Scenario,
    languages: { readonly victim: Language; readonly survivor: Language },
    aftermath: Aftermath,
  ) {
    this.#scenario = scenario;
    this.#languages = languages;
    this.#aftermath = aftermath;
    // Channels, and rings of which the survivors are processes, are cleared up by one alone.
    const twins = scenario.shape !== 'channel' && languages.survivor === 'TypeScript';
    this.#twin = twins ? new Twin() : undefined;
  }

  /** One run; gives the number of the victim's steps. */
  async run(kill: Kill): Promise<number> {
    const trace = this.#traces.next();
    const arms = this.#scenario.lines.some(([, what]) => what.includes('arm'));
    const stage = new Stage(this.#scenario.shape, this.#languages, { kill, trace, arms });
    try {
      const twin = await this.#twin?.attach(stage.ring.share());
      await stage.play(this.#scenario.lines);
      await this.#aftermath({
        scenario: this.#scenario,
        stage,
        victim: this.#languages.victim,
        clearUp: async () => this.#clearUp(stage, twin),
        learned: () => {
          this.slowest = Math.max(this.slowest, performance.now() - stage.diedAt);
        },
      });
      await stage.close();
      return stage.victim.writes().length;
    } catch (error) {
      stage.abandon();
      throw error;
    }
  }

  async #clearUp(stage: Stage, twin: number | undefined): Promise<void> {
    const own = (): void => void stage.ring.peers;
    if (this.#twin === undefined) own();
    else await this.#twin.together({ id: twin! }, own);
  }

  async close(): Promise<void> {
    await this.#twin?.close();
    this.#traces.close();
  }
}

/** Defines the tests of a scenario: one for each step of its victim, before and after it. */
export function killAtEachStep(
  scenario: Scenario,
  languages: { readonly victim: Language; readonly survivor: Language },
  aftermath: Aftermath,
): void {
  const skip = missing(languages.victim, languages.survivor);
  const title = `${languages.victim} ${scenario.name}, ${languages.survivor} survives`;
  void it(title, { skip, concurrency: availableParallelism() }, async (t) => {
    const runs = new Runs(scenario, languages, aftermath);
    try {
      await testEachStep(t, scenario.name, async (kill) => runs.run(kill));
    } finally {
      await runs.close();
    }
    if (runs.slowest > 0) {
      t.diagnostic(`the survivor learned of a death within ${runs.slowest.toFixed(1)} ms`);
    }
  });
}

/**
 * One test for each step of a victim, before and after it; several at a time. `run` gives the
 * number of steps, which a run without a death finds out.
 */
export async function testEachStep(
  t: TestContext,
  name: string,
  run: (kill: Kill) => Promise<number>,
): Promise<void> {
  const started = performance.now();
  const count = await run({ step: 0, when: 'before' });
  const kills = Array.from({ length: count }, (_, index) => [
    { step: index + 1, when: 'before' } as const,
    { step: index + 1, when: 'after' } as const,
  ]).flat();
  const tests = kills.map(async (kill) => {
    const which = `${name}, step ${kill.step} of ${count}, ${kill.when}`;
    await t.test(which, async () => void (await run(kill)));
  });
  await Promise.all(tests);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  t.diagnostic(`${name}: ${kills.length} deaths in ${seconds} s`);
}
