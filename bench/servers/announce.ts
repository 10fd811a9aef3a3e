/**
 * What every server here has in common: it says where it listens, ends on SIGTERM or with its
 * standard input, and answers questions about its heap on that input, one line each:
 *
 * - `gc`: collects everything, then answers with the heap in use;
 * - `begin`: the same, and starts to record collections;
 * - `end`: the heap in use before and after collecting everything, and what was collected since.
 *
 * Only V8 knows `begin` and `end` (`v8.GCProfiler`, which allocates nothing while it records).
 */
import { GCProfiler } from 'node:v8';

/** The answer to `gc` and `begin`; bytes. */
export interface HeapAnswer {
  readonly used: number;
}

/** The answer to `end`; bytes. `retained` is what is left after collecting everything. */
export interface GarbageAnswer extends HeapAnswer {
  readonly retained: number;
  /** Collections since `begin`, oldest first: heap in use before and after each. */
  readonly collections: readonly { type: string; before: number; after: number }[];
}

interface Profile {
  readonly statistics: readonly {
    gcType: string;
    beforeGC: { heapStatistics: { usedHeapSize: number } };
    afterGC: { heapStatistics: { usedHeapSize: number } };
  }[];
}

function heapUsed(): number {
  return process.memoryUsage().heapUsed;
}

/** Answers `end`. The profile is read before the last collection, which would be part of it. */
function garbage(profiler: GCProfiler, collect: () => void): GarbageAnswer {
  const used = heapUsed();
  const profile = profiler.stop() as unknown as Profile;
  const collections = profile.statistics.map((entry) => ({
    type: entry.gcType,
    before: entry.beforeGC.heapStatistics.usedHeapSize,
    after: entry.afterGC.heapStatistics.usedHeapSize,
  }));
  collect();
  return { used, retained: heapUsed(), collections };
}

/** Prints `listening PORT` and serves the questions. `collect` collects all garbage at once. */
export function announce(
  port: number,
  collect: () => void = globalThis.gc ?? ((): void => {}),
): void {
  let profiler: GCProfiler | undefined;
  const answer = (question: string): HeapAnswer | GarbageAnswer | undefined => {
    if (question === 'end' && profiler) return garbage(profiler, collect);
    if (question !== 'gc' && question !== 'begin') return undefined;
    collect();
    const used = heapUsed();
    if (question === 'begin') {
      profiler = new GCProfiler();
      profiler.start();
    }
    return { used };
  };
  process.stdin.on('data', (text) => {
    for (const line of text.toString().split('\n')) {
      const found = answer(line.trim());
      if (found) console.log(JSON.stringify(found));
    }
  });
  process.stdin.on('end', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
  console.log(`listening ${port}`);
}
