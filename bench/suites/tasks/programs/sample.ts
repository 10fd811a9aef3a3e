/** How an iteration is timed; `bench/peers/rust/src/bin/tokio.rs` does it in the same way. */
import { median } from '../../../harness/statistics.ts';
import { now, type Report } from '../../../servers/ring/program.ts';

/**
 * A sample has as many iterations as make it at least this long, so that each has its share of what
 * the collector does; nanoseconds of CPU time.
 */
const SAMPLE = 20e6;
const SAMPLES = 31;
/** What takes too long for so many samples has at least these. */
const FEWEST = 5;
/** Too long is so many times the budget. */
const PATIENCE = 6;

/** CPU time of all threads of the process, the collector's too; nanoseconds. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/**
 * Runs `iterate` for `milliseconds` of CPU time as a warm-up, then as long again: so it is warm on a
 * machine that is busy, too. The report has medians over the samples for one operation (`cpu`,
 * `wall`, in ns), and the CPU time of all of them together (`nanoseconds`): what the collector does
 * seldom is in that.
 */
export async function sample(
  iterate: () => PromiseLike<void>,
  operations: number,
  milliseconds: number,
): Promise<Report> {
  const budget = milliseconds * 1e6;
  let iterations = 0;
  let begin = cpuTime();
  for (; cpuTime() - begin < budget; iterations++) await iterate();
  const batch = Math.ceil(SAMPLE / ((cpuTime() - begin) / iterations));
  const walls: number[] = [];
  const cpus: number[] = [];
  begin = cpuTime();
  const isEnough = (used: number): boolean =>
    (walls.length >= SAMPLES && used >= budget) ||
    (walls.length >= FEWEST && used >= PATIENCE * budget);
  while (!isEnough(cpuTime() - begin)) {
    const start = now();
    const cpuStart = cpuTime();
    for (let left = batch; left > 0; left--) await iterate();
    walls.push((now() - start) / (batch * operations));
    cpus.push((cpuTime() - cpuStart) / (batch * operations));
  }
  return {
    count: walls.length * batch * operations,
    nanoseconds: cpuTime() - begin,
    cpu: median(cpus),
    wall: median(walls),
    samples: walls.length,
  };
}
