/** Runs in a thread with `--conditions=checker`: structures with the orders that their sources name. */
import { parentPort } from 'node:worker_threads';
import { structures } from './all.ts';
import { coverageOf, examine } from './run.ts';

/** What one structure came to. */
export interface OrdersReport {
  readonly name: string;
  readonly problem: string | undefined;
  readonly coverage: string;
}

for (const structure of structures) {
  if (structure.named === undefined) continue;
  const { result, problem } = examine(structure, 'rc11', structure.named);
  const report: OrdersReport = { name: structure.name, problem, coverage: coverageOf(result) };
  parentPort!.postMessage(report);
}
