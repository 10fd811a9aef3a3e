/** Which tests are to notice a mutant, and in which order. */
import { structures } from '../all.ts';
import type { Mutant } from './mutants.ts';
import type { Range, Survey, Visit } from './survey.worker.ts';
import type { Trial } from './trial.ts';

/** Trials of one mutant: with the order that JavaScript gives accesses, and with those named. */
export interface Tries {
  readonly usual: readonly Trial[];
  readonly named: readonly Trial[];
}

function isOrder({ kind }: Mutant): boolean {
  return kind === 'plain' || kind === 'drop' || kind === 'relaxed';
}

/** All trials that are about a mutant. */
export function triesOf(mutant: Mutant): Tries {
  const usual: Trial[] = [];
  const named: Trial[] = [];
  for (const { name, covers, models, named: verdict } of structures) {
    if (!covers.includes(mutant.file)) continue;
    if (isOrder(mutant) && verdict === 'holds') named.push({ name, model: 'rc11' });
    // Only RC11 with named orders tells relaxed accesses from others.
    if (mutant.kind === 'relaxed') continue;
    // Models differ in the order of accesses alone.
    const own = isOrder(mutant) ? models.filter((model) => /^(sc|v8-arm64)$/.test(model)) : [];
    for (const model of own.length > 0 ? own : models.slice(0, 1)) usual.push({ name, model });
  }
  return { usual, named };
}

function keyOf({ name, model }: Trial): string {
  return `${model} ${name}`;
}

function isRun(ranges: readonly Range[] | undefined, at: number): boolean {
  let innermost: Range | undefined;
  for (const range of ranges ?? []) {
    if (at < range[0] || at >= range[1]) continue;
    const isInner = !innermost || range[1] - range[0] <= innermost[1] - innermost[0];
    if (isInner) innermost = range;
  }
  return innermost?.[2] === true;
}

/** Chooses trials by what a survey found, and by what noticed others before. */
export class Chooser {
  readonly #visits = new Map<string, Visit>();
  readonly #imports: readonly Survey['imports'][];
  readonly #catches = new Map<string, number>();

  constructor(...surveys: readonly Survey[]) {
    this.#imports = surveys.map(({ imports }) => imports);
    for (const { visits } of surveys) {
      for (const visit of visits) this.#visits.set(keyOf(visit), visit);
    }
  }

  /** Those that come by; the most successful and quickest first. */
  choose(mutant: Mutant): Tries {
    const { usual, named } = triesOf(mutant);
    const atImport = this.#imports.some((imports) => isRun(imports[mutant.file], mutant.at));
    const comesBy = (trial: Trial): boolean =>
      atImport || isRun(this.#visits.get(keyOf(trial))?.ranges[mutant.file], mutant.at);
    const order = (trials: readonly Trial[]): Trial[] =>
      trials
        .filter(comesBy)
        .map((trial) => ({ trial, key: keyOf(trial) }))
        .sort((a, b) => this.#worth(b.key) - this.#worth(a.key))
        .map(({ trial }) => trial);
    return { usual: order(usual), named: order(named) };
  }

  /** Catches for each second that it took. */
  #worth(key: string): number {
    const milliseconds = this.#visits.get(key)?.milliseconds ?? 1;
    return (1 + (this.#catches.get(key) ?? 0)) / (20 + milliseconds);
  }

  /** Remembers who noticed one. */
  caught(trial: Trial): void {
    const key = keyOf(trial);
    this.#catches.set(key, 1 + (this.#catches.get(key) ?? 0));
  }
}
