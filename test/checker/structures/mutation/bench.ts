/** Trying mutants: in copies of the compiled tree, one thread for each. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Mutant } from './mutants.ts';
import type { Task } from './worker.ts';

/** The compiled tree: `dist/`. */
export const DIST: string = fileURLToPath(new URL('../../../../', import.meta.url));

const TESTS = 'test/checker/structures';
/** A mutant that runs for longer has no end, which is noticed. */
const LIMIT_MS = 30_000;

/** Reads a compiled source; `file` is from `src/` on. */
export function sourceOf(file: string): string {
  return readFileSync(join(DIST, 'src', file), 'utf8');
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
    cpSync(join(dirname(DIST), 'package.json'), join(this.#root, 'package.json'));
  }

  /** Which test notices the change, or undefined. */
  async caughtBy(mutant: Mutant): Promise<string | undefined> {
    const path = join(this.#root, 'dist/src', mutant.file);
    const original = readFileSync(path, 'utf8');
    writeFileSync(path, mutant.text);
    try {
      const { file, kind } = mutant;
      const isOrder = kind === 'plain' || kind === 'drop' || kind === 'relaxed';
      // Only RC11 with named orders tells relaxed accesses from others.
      if (kind !== 'relaxed') {
        const caught = await this.#run({ file, isNamed: false, isOrder });
        if (caught !== undefined || !isOrder) return caught;
      }
      return await this.#run({ file, isNamed: true, isOrder });
    } finally {
      writeFileSync(path, original);
    }
  }

  #run(task: Task): Promise<string | undefined> {
    const script = pathToFileURL(join(this.#root, 'dist', TESTS, 'mutation/worker.js'));
    const execArgv = task.isNamed ? ['--conditions=checker'] : [];
    const worker = new Worker(script, { workerData: task, execArgv });
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve('it does not end');
        void worker.terminate();
      }, LIMIT_MS);
      worker.once('message', (caught: string | undefined) => resolve(caught));
      worker.once('error', (error) => resolve(`it does not even run: ${error.message}`));
      worker.once('exit', () => clearTimeout(timer));
    });
  }

  /** Removes the copy. */
  close(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
