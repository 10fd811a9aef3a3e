/** Runs in a thread, in a copy of the tree with one source changed: whether a test notices. */
import { parentPort, workerData } from 'node:worker_threads';
import { problemOf, type Trial } from './trial.ts';

/** What a thread tells: which trial it begins, and at the end which one noticed. */
export type Word =
  | { readonly begins: Trial }
  | { readonly caught: Trial; readonly how: string }
  | { readonly caught: undefined };

function run(trials: readonly Trial[], say: (word: Word) => void): void {
  for (const trial of trials) {
    say({ begins: trial });
    const how = problemOf(trial);
    if (how !== undefined) return say({ caught: trial, how });
  }
  say({ caught: undefined });
}

run(workerData as Trial[], (word) => parentPort!.postMessage(word));
