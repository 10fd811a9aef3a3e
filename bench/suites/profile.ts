/** Where the gateway's time goes: V8's own profiler in the server, under load. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Bench } from '../harness/bench.ts';
import { pointText } from '../harness/bench.ts';
import { websocket } from '../harness/contenders.ts';
import { BenchError, type Point } from '../harness/load.ts';
import { fixed, table } from '../harness/report.ts';
import type { Suite } from './suite.ts';

/** Microseconds between two samples. */
const INTERVAL = 200;
const LINES = 30;

const POINTS: Readonly<Record<string, Point>> = {
  echo: { connections: 1000, size: 20 },
  rate: { connections: 1000, size: 20, inflight: 16 },
  small: { connections: 40, size: 20, broadcast: true },
  broadcast: { connections: 1000, size: 20, broadcast: true },
  deflate: { connections: 1000, size: 1024, deflate: true },
};

interface Profile {
  readonly nodes: readonly {
    readonly hitCount: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
}

/** Samples by function, most first; what V8 puts in brackets is not a function. */
function selfTimes(profile: Profile): [name: string, samples: number][] {
  const times = new Map<string, number>();
  for (const { hitCount, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const place = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`;
    const name = `${functionName || '(anonymous)'}${place}`;
    times.set(name, (times.get(name) ?? 0) + hitCount);
  }
  return [...times].filter(([, samples]) => samples > 0).sort((a, b) => b[1] - a[1]);
}

async function profileAt(bench: Bench, point: Point): Promise<{ file: string; busy: number }> {
  const parent = join(bench.options.root, 'build', 'profiles');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'profile-'));
  const flags = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${INTERVAL}`];
  const duration = bench.options.quick ? 1 : 3;
  const result = await bench.measure(websocket.uring, point, { warmup: 0.5, duration }, { flags });
  const [name] = readdirSync(folder);
  if (name === undefined) throw new BenchError('the server left no profile');
  return { file: join(folder, name), busy: result.server.busy };
}

/** The functions that take the most time of their own. */
export const profileSuite: Suite = {
  name: 'profile',
  question: 'Where does the gateway’s time go?',
  parts: Object.keys(POINTS),
  async run(bench, names) {
    const sections: string[] = [];
    const data: Record<string, unknown> = {};
    for (const [name, point] of Object.entries(POINTS)) {
      if (names.length > 0 && !names.includes(name)) continue;
      bench.options.say(`profile of ${name}: ${pointText(point)}`);
      const { file, busy } = await profileAt(bench, point);
      const times = selfTimes(JSON.parse(readFileSync(file, 'utf8')) as Profile);
      const total = times.reduce((sum, [, samples]) => sum + samples, 0);
      const rows = times
        .slice(0, LINES)
        .map(([function_, samples]) => [fixed((samples / total) * 100, 1), function_]);
      const head = `${name}: ${pointText(point)}; ${fixed(busy, 2)} of a core; ${file}`;
      sections.push(`${head}\n\n${table(['% of samples', 'function'], rows)}`);
      data[name] = times.slice(0, LINES);
    }
    return { markdown: sections.join('\n\n'), data };
  },
};
