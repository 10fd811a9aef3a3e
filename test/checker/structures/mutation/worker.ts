/** Runs in a thread, in a copy of the tree with one source changed: whether a test notices. */
import { parentPort, workerData } from 'node:worker_threads';
import { structures } from '../all.ts';
import { examine } from '../run.ts';

/** What a thread is told. */
export interface Task {
  /** The source that was changed. */
  readonly file: string;
  /** Whether accesses have the order that their functions name, under RC11. */
  readonly isNamed: boolean;
  /** Whether it is about the order of accesses, so that models differ. */
  readonly isOrder: boolean;
}

/** Executions of one test at most: a mutant that is caught is caught early. */
const EXECUTIONS = 500;

function caughtBy({ file, isNamed, isOrder }: Task): string | undefined {
  for (const structure of structures) {
    if (!structure.covers.includes(file)) continue;
    if (isNamed && structure.named !== 'holds') continue;
    const own = structure.models.filter((model, index) =>
      isOrder ? model === 'sc' || model === 'v8-arm64' : index === 0,
    );
    const models = isNamed ? (['rc11'] as const) : own;
    for (const model of models) {
      const executions = Math.min(structure.executions ?? EXECUTIONS, EXECUTIONS);
      try {
        const { problem } = examine(structure, model, 'holds', executions);
        if (problem !== undefined) return `${structure.name} (${model}): ${problem}`;
      } catch (error) {
        return `${structure.name} (${model}): ${(error as Error).message}`;
      }
    }
  }
  return undefined;
}

parentPort!.postMessage(caughtBy(workerData as Task));
