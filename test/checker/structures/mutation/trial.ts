/** One test of a structure, as mutants are tried with it. */
import type { ModelName } from '../../../../src/checker/check/index.ts';
import { structures } from '../all.ts';
import { examine } from '../run.ts';

/** A structure's test under a model. */
export interface Trial {
  readonly name: string;
  readonly model: ModelName;
}

/** Executions of one test at most: a mutant that is caught is caught early. */
const EXECUTIONS = 200;

/** What is wrong with it; undefined when it is what it must be. */
export function problemOf({ name, model }: Trial): string | undefined {
  const structure = structures.find((each) => each.name === name)!;
  const executions = Math.min(structure.executions ?? EXECUTIONS, EXECUTIONS);
  try {
    return examine(structure, model, 'holds', executions).problem;
  } catch (error) {
    return (error as Error).message;
  }
}
