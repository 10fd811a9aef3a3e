/** fio, the yardstick for reads: how it is started and what is taken from its report. */
import { spawnSync } from 'node:child_process';
import { BenchError } from '../../harness/load.ts';
import { Child } from '../../harness/process.ts';
import type { Report } from '../../servers/ring/program.ts';

/** A job of random reads. */
export interface FioJob {
  readonly file: string;
  readonly depth: number;
  readonly seconds: number;
  readonly isDirect: boolean;
  readonly core: number | undefined;
}

/** What is read of fio's report. CPU in percent of `job_runtime`, which is in ms. */
interface FioReport {
  readonly jobs: readonly {
    readonly job_runtime: number;
    readonly usr_cpu: number;
    readonly sys_cpu: number;
    readonly read: { readonly total_ios: number };
  }[];
}

/** Empty when there is one. */
export function fioRefusal(): string {
  const { error, status } = spawnSync('fio', ['--version'], { stdio: 'ignore' });
  return error || status !== 0 ? 'the program fio is missing' : '';
}

/** Runs it, without the clock readings that only its latencies need. @throws {BenchError} */
export async function runFio({ file, depth, seconds, isDirect, core }: FioJob): Promise<Report> {
  const options = {
    name: 'reads',
    filename: file,
    rw: 'randread',
    bs: '4k',
    ioengine: 'io_uring',
    iodepth: depth,
    direct: isDirect ? 1 : 0,
    norandommap: 1,
    gtod_reduce: 1,
    time_based: 1,
    ramp_time: '500ms',
    runtime: seconds,
    'output-format': 'json',
  };
  const argv = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = new Child({ file: 'fio', arguments: argv }, core);
  let text = '';
  for (let line = await child.line(); line !== undefined; line = await child.line()) text += line;
  if ((await child.finish()) !== 0) throw new BenchError(child.errors || 'fio failed');
  const [job] = (JSON.parse(text) as FioReport).jobs;
  if (job === undefined) throw new BenchError('fio reported nothing');
  const count = job.read.total_ios;
  const cpuMilliseconds = ((job.usr_cpu + job.sys_cpu) / 100) * job.job_runtime;
  return { count, nanoseconds: job.job_runtime * 1e6, cpu: (cpuMilliseconds * 1e6) / count };
}
