/** The benchmark's command line; started by `scripts/bench.js`, which builds what it needs. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from './harness/bench.ts';
import { disturbanceLine, machineLine, writeResults } from './harness/report.ts';
import { barsSuite } from './suites/bars.ts';
import { garbageSuite } from './suites/garbage.ts';
import { idleSuite } from './suites/idle.ts';
import { latencySuite } from './suites/latency.ts';
import { tcpSuite, websocketSuite } from './suites/matrix.ts';
import { mostSuite } from './suites/most.ts';
import type { Suite } from './suites/suite.ts';

const SUITES: readonly Suite[] = [
  barsSuite,
  tcpSuite,
  websocketSuite,
  mostSuite,
  latencySuite,
  idleSuite,
  garbageSuite,
];

/** `matrix` is short for the two suites that go through connections × sizes. */
const MATRIX: readonly Suite[] = [tcpSuite, websocketSuite, mostSuite];

/** What `--help` prints. */
const HELP = `usage: npm run bench -- [suite ...] [options]

Suites (all of them when none is named):
${SUITES.map(({ name, question }) => `  ${name.padEnd(11)}${question}`).join('\n')}
  matrix     ${MATRIX.map(({ name }) => name).join(', ')}

Options:
  --quick              fewer rounds, shorter windows
  --rounds N           rounds over which medians are taken
  --connections N,…    instead of each suite's own; latency and garbage take the first,
                       idle and most the last, bars has its own
  --sizes BYTES,…      instead of each suite's own; latency, garbage and most take the first
  --json FILE          results of all suites in one file (default: bench/results/SUITE.json each)
  --no-build           use what is built already
`;

function integers(name: string, text: string): number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Cannot use --${name} ${text}: it must be whole numbers from 1`);
    }
    return value;
  });
}

function chosen(names: readonly string[]): readonly Suite[] {
  if (names.length === 0) return SUITES;
  return names.flatMap((name) => {
    if (name === 'matrix') return MATRIX;
    const suite = SUITES.find((candidate) => candidate.name === name);
    if (!suite) throw new RangeError(`Cannot run suite ${name}: it does not exist; see --help`);
    return [suite];
  });
}

/** Runs the suites that `argv` names; returns the process's exit code. */
export async function main(root: string, argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      sizes: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const suites = chosen(positionals);
  const rounds = values.rounds === undefined ? undefined : integers('rounds', values.rounds)[0];
  const bench = new Bench({
    root,
    quick: values.quick,
    ...(rounds === undefined ? {} : { rounds }),
    ...(values.connections ? { connections: integers('connections', values.connections) } : {}),
    ...(values.sizes ? { sizes: integers('sizes', values.sizes) } : {}),
    say: (line) => console.error(line),
  });
  console.log(`${machineLine(bench.machine)}\n`);
  const all: Record<string, unknown> = {};
  for (const suite of suites) {
    const { markdown, data } = await suite.run(bench);
    console.log(`## ${suite.name}\n\n${suite.question}\n\n${markdown}\n`);
    all[suite.name] = data;
    const file = join(root, 'bench', 'results', `${suite.name}.json`);
    if (values.json === undefined) writeResults(bench, suite.name, file, data);
  }
  if (bench.waits.length > 0) console.log(disturbanceLine(bench.waits));
  if (values.json !== undefined) writeResults(bench, 'all', values.json, all);
  for (const failure of bench.failures) console.error(`FAILED: ${failure}`);
  return bench.failures.length > 0 ? 1 : 0;
}
