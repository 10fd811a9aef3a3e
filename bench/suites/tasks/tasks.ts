/** Everything that tasks promise, in one run. */
import { type Part, suiteOf } from '../parts.ts';
import type { Suite } from '../suite.ts';
import { fairnessPart } from './fairness.ts';
import { filesPart } from './files.ts';
import { millionPart } from './million.ts';
import { nativePart } from './native.ts';
import { proxyPart } from './proxy.ts';
import { timersPart } from './timers.ts';
import { workloadsPart } from './workloads.ts';

const PARTS: readonly Part[] = [
  workloadsPart,
  nativePart,
  millionPart,
  timersPart,
  fairnessPart,
  filesPart,
  proxyPart,
];

/** The table of the tasks' bars; each part can be run alone. */
export const tasksSuite: Suite = suiteOf(
  'tasks',
  'Do tasks, timers, files and sockets keep their promises, against what is used instead?',
  PARTS,
);
