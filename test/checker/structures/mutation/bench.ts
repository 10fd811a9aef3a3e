/** Trying mutants: in copies of the compiled tree, one thread for each. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Mutant } from './mutants.ts';
import type { Survey, SurveyTask } from './survey.worker.ts';
import { type Tries, triesOf } from './tries.ts';
import { firstFailing } from './units.ts';
import type { Trial } from './trial.ts';
import type { Word } from './worker.ts';

/** The compiled tree: `dist/`. */
export const DIST: string = fileURLToPath(new URL('../../../../', import.meta.url));

const TESTS = 'test/checker/structures';
/** A trial of a mutant that runs for longer has no end, which is noticed. */
const LIMIT_MS = 30_000;

/** Reads a compiled source; `file` is from `src/` on. */
export function sourceOf(file: string): string {
  return readFileSync(join(DIST, 'src', file), 'utf8');
}

/** What noticed a mutant. */
export interface Catch {
  /** Undefined when it does not even run. */
  readonly trial: Trial | undefined;
  readonly how: string;
}

/** A copy of the tree in which sources can be changed. */
export class Bench {
  readonly #root: string;

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), 'rondo-mutants-'));
    const isNeeded = (path: string): boolean => !/\.(map|d\.ts)$/.test(path);
    for (const part of ['src', TESTS]) {
      cpSync(join(DIST, part), join(this.#root, 'dist', part), {
        recursive: true,
        filter: isNeeded,
      });
    }
    const origin = dirname(DIST);
    cpSync(join(origin, 'package.json'), join(this.#root, 'package.json'));
    for (const part of ['node_modules', 'build']) {
      if (existsSync(join(origin, part))) symlinkSync(join(origin, part), join(this.#root, part));
    }
  }

  /** Which trial notices the change, or undefined. */
  async caughtBy(mutant: Mutant, tries: Tries = triesOf(mutant)): Promise<Catch | undefined> {
    return this.#changed(mutant, async () => {
      const caught = await this.#try(tries.usual, false);
      return caught ?? (await this.#try(tries.named, true));
    });
  }

  /** Which of the unit tests notices the change, of those whose paths from `src/` on are given. */
  async unitOf(mutant: Mutant, units: readonly string[]): Promise<string | undefined> {
    return this.#changed(mutant, () => firstFailing(join(this.#root, 'dist/src'), units));
  }

  async #changed<T>(mutant: Mutant, body: () => Promise<T>): Promise<T> {
    const path = join(this.#root, 'dist/src', mutant.file);
    const original = readFileSync(path, 'utf8');
    writeFileSync(path, mutant.text);
    try {
      return await body();
    } finally {
      writeFileSync(path, original);
    }
  }

  /** What each trial runs of the sources, as they are. */
  survey(task: SurveyTask, isNamed: boolean): Promise<Survey> {
    const worker = this.#worker('survey.worker.js', task, isNamed);
    return new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  }

  #worker(script: string, workerData: unknown, isNamed: boolean): Worker {
    const url = pathToFileURL(join(this.#root, 'dist', TESTS, 'mutation', script));
    return new Worker(url, { workerData, execArgv: isNamed ? ['--conditions=checker'] : [] });
  }

  async #try(trials: readonly Trial[], isNamed: boolean): Promise<Catch | undefined> {
    if (trials.length === 0) return undefined;
    const worker = this.#worker('worker.js', trials, isNamed);
    try {
      return await new Promise((resolve) => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        worker.on('message', (word: Word) => {
          clearTimeout(timer);
          if ('begins' in word) {
            const endless = { trial: word.begins, how: 'it does not end' };
            timer = setTimeout(() => resolve(endless), LIMIT_MS);
          } else resolve(word.caught && { trial: word.caught, how: word.how });
        });
        worker.once('error', ({ message }) => {
          resolve({ trial: undefined, how: `it does not even run: ${message}` });
        });
        worker.once('exit', () => clearTimeout(timer));
      });
    } finally {
      await worker.terminate();
    }
  }

  /** Removes the copy. */
  close(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
