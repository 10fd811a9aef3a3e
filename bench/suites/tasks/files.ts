/** Random reads of 4 KiB: how many a second of CPU time gives, beside fio and `fs.promises`. */
import { randomFillSync } from 'node:crypto';
import { closeSync, constants, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../../harness/bench.ts';
import type { Command } from '../../harness/process.ts';
import { fixed, rate, table } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import type { Part } from '../parts.ts';
import { cellOf, named, ratioBar, type Runner, takeTurns } from '../ring/part.ts';
import { Programs } from '../ring/programs.ts';
import { fioRefusal, runFio } from './fio.ts';
import { cpu, roundsOf, script, speed } from './runs.ts';

const MEBIBYTE = 2 ** 20;
/** Larger than all buffers of a driver, and than what a disk keeps. */
const SIZE = 512 * MEBIBYTE;
const DEPTH = 32;
const OF_FIO = 0.85;
const OF_NODE = 3;

const OURS = 'Rondo, io_uring';
const FIO = 'fio, io_uring';
const NODE = 'fs.promises';

/** A file without holes, on the disk that the results are on. */
function makeFile(path: string): void {
  const file = openSync(path, 'w');
  const block = randomFillSync(new Uint8Array(MEBIBYTE));
  for (let written = 0; written < SIZE; written += MEBIBYTE) writeSync(file, block);
  fsyncSync(file);
  closeSync(file);
}

/** Whether the file system reads past its cache. */
function canBeDirect(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}

function runnersOf(bench: Bench, file: string, isDirect: boolean): Runner[] {
  const programs = Programs.of(bench);
  const { first } = programs.cores;
  const seconds = bench.options.quick ? 1 : 3;
  const reader = (kind: string, driver?: string): Command => {
    const own = isDirect ? ['--direct'] : [];
    return script(bench, 'files', [kind, file, ...own], { depth: DEPTH, seconds, driver });
  };
  const runner = (name: string, command: Command): Runner => ({
    name,
    run: async () => programs.run(command, first),
  });
  const node = reader('node');
  const threads: Command = {
    file: 'env',
    arguments: [`UV_THREADPOOL_SIZE=${DEPTH}`, node.file, ...node.arguments],
  };
  return [
    {
      name: FIO,
      refusal: fioRefusal(),
      run: async () => runFio({ file, depth: DEPTH, seconds, isDirect, core: first }),
    },
    runner(OURS, reader('rondo', 'uring')),
    runner('Rondo, epoll', reader('rondo', 'epoll')),
    runner(NODE, node),
    runner(`${NODE}, ${DEPTH} threads`, threads),
  ];
}

/** Reads in a second of CPU time. */
const perCpuSecond = (value: number): string => `${rate(value * 1e9)}/s`;

/** See the head of this file. */
export const filesPart: Part = {
  name: 'files',
  subject: `random reads of 4 KiB, ${DEPTH} under way: how many in a second of CPU time`,
  async run(bench) {
    const folder = mkdtempSync(join(bench.options.root, 'build', 'bench-files-'));
    const file = join(folder, 'file');
    try {
      bench.options.say(`writing ${SIZE / MEBIBYTE} MiB`);
      makeFile(file);
      const isDirect = canBeDirect(file);
      const runners = runnersOf(bench, file, isDirect);
      const found = await takeTurns(bench, 'reads', runners, roundsOf(bench));
      const ours = named(found, OURS);
      const bar = (theirs: string, target: number) =>
        ratioBar(
          { name: `4 KiB reads a CPU second, times ${theirs}`, target, direction: 'at least' },
          [ours, named(found, theirs)],
          speed,
          perCpuSecond,
        );
      const second = ({ count, nanoseconds }: Report): number => (count * 1e9) / nanoseconds;
      const rows = found.map((rounds) => [
        rounds.name,
        cellOf(rounds, speed, perCpuSecond),
        cellOf(rounds, cpu, (value) => fixed(value / 1000, 2)),
        cellOf(rounds, second, (value) => `${rate(value)}/s`),
      ]);
      const how = isDirect ? 'O_DIRECT' : 'buffered: the file system has no O_DIRECT';
      const head = [how, 'a CPU second', 'CPU µs each', 'a second'];
      return {
        bars: [bar(FIO, OF_FIO), bar(NODE, OF_NODE)],
        figures: table(head, rows),
        data: { isDirect, found },
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
