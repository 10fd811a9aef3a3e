/**
 * Runs in a thread, in a tree that nobody changed: how long each trial takes, and what of the
 * sources it runs, so that mutants are tried only where somebody comes by.
 */
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import type { Trial } from './trial.ts';

/** From where to where in a text, and whether it was run. The innermost one counts. */
export type Range = readonly [start: number, end: number, isRun: boolean];

/** What one trial came to. */
export interface Visit extends Trial {
  readonly milliseconds: number;
  /** By source, from `src/` on. */
  readonly ranges: Readonly<Record<string, readonly Range[]>>;
}

/** What a thread is told. */
export interface SurveyTask {
  readonly files: readonly string[];
  readonly trials: readonly Trial[];
}

/** What it tells: for what runs when sources are imported there is no trial. */
export interface Survey {
  readonly imports: Visit['ranges'];
  readonly visits: readonly Visit[];
}

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly {
        readonly startOffset: number;
        readonly endOffset: number;
        readonly count: number;
      }[];
    }[];
  }[];
}

async function survey({ files, trials }: SurveyTask): Promise<Survey> {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const take = (): Visit['ranges'] => {
    const ranges: Record<string, Range[]> = {};
    // Answers at once: the session is of this thread.
    session.post('Profiler.takePreciseCoverage', (_error: unknown, coverage: Coverage) => {
      for (const { url, functions } of coverage.result) {
        const file = files.find((each) => url.endsWith(`/dist/src/${each}`));
        if (file === undefined) continue;
        const all = functions.flatMap((each) => each.ranges);
        ranges[file] = all.map((each) => [each.startOffset, each.endOffset, each.count > 0]);
      }
    });
    return ranges;
  };
  // Imported now, so that what that runs is seen, too.
  const { problemOf } = await import('./trial.ts');
  const imports = take();
  const visits = trials.map((trial) => {
    const start = performance.now();
    const problem = problemOf(trial);
    if (problem !== undefined) throw new Error(`${trial.name} (${trial.model}): ${problem}`);
    return { ...trial, milliseconds: performance.now() - start, ranges: take() };
  });
  session.disconnect();
  return { imports, visits };
}

parentPort!.postMessage(await survey(workerData as SurveyTask));
