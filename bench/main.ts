/** The benchmark's command line; started by `scripts/bench.js`, which builds what it needs. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from './harness/bench.ts';
import { disturbanceLine, machineLine, writeResults } from './harness/report.ts';
import { barsSuite } from './suites/bars.ts';
import { codecSuite } from './suites/codec.ts';
import { deflateSuite } from './suites/deflate.ts';
import { garbageSuite } from './suites/garbage.ts';
import { gatewaySuite } from './suites/gateway/gateway.ts';
import { idleSuite } from './suites/idle.ts';
import { latencySuite } from './suites/latency.ts';
import { tcpSuite, websocketSuite } from './suites/matrix.ts';
import { mostSuite } from './suites/most.ts';
import { profileSuite } from './suites/profile.ts';
import { ringSuite } from './suites/ring/ring.ts';
import type { Suite } from './suites/suite.ts';
import { layoutSuite } from './suites/tasks/layout.ts';
import { tasksSuite } from './suites/tasks/tasks.ts';

const SUITES: readonly Suite[] = [
  barsSuite,
  tcpSuite,
  websocketSuite,
  mostSuite,
  latencySuite,
  idleSuite,
  garbageSuite,
  codecSuite,
  deflateSuite,
  gatewaySuite,
  ringSuite,
  tasksSuite,
  layoutSuite,
];

/** Run only when they are named: what they give is no result. */
const TOOLS: readonly Suite[] = [profileSuite];

/** `matrix` is short for the two suites that go through connections × sizes. */
const MATRIX: readonly Suite[] = [tcpSuite, websocketSuite, mostSuite];

/** Columns of the names in `--help`. */
const WIDTH = 15;

function line({ name, question, parts = [] }: Suite): string {
  const own = parts.length > 0 ? `\n${' '.repeat(WIDTH + 2)}parts: ${parts.join(', ')}` : '';
  return `  ${name.padEnd(WIDTH)}${question}${own}`;
}

/** What `--help` prints. */
const HELP = `usage: npm run bench -- [suite [part ...] ...] [options]

Suites (all of them when none is named; a part's name after its suite's runs only that part):
${SUITES.map(line).join('\n')}
  ${'matrix'.padEnd(WIDTH)}${MATRIX.map(({ name }) => name).join(', ')}

Tools (only when named):
${TOOLS.map(line).join('\n')}

Options:
  --quick              fewer rounds, shorter windows
  --rounds N           rounds over which medians are taken
  --connections N,…    instead of each suite's own; latency and garbage take the first,
                       idle and most the last, bars has its own
  --sizes BYTES,…      instead of each suite's own; latency, garbage and most take the first
  --uws FOLDER         where uWebSockets.js is, which npm does not have; without it, it is left out
  --json FILE          results of all suites in one file (default: bench/results/SUITE.json each,
                       of whole suites)
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

interface Chosen {
  readonly suite: Suite;
  readonly parts: readonly string[];
}

/** A name is a part when the suite before it has one of that name, a suite otherwise. */
function chosen(names: readonly string[]): readonly Chosen[] {
  if (names.length === 0) return SUITES.map((suite) => ({ suite, parts: [] }));
  const found: { suite: Suite; parts: string[] }[] = [];
  for (const name of names) {
    const last = found.at(-1);
    if (last?.suite.parts?.includes(name)) {
      last.parts.push(name);
      continue;
    }
    const suites = [...SUITES, ...TOOLS].filter((candidate) => candidate.name === name);
    const wanted = name === 'matrix' ? MATRIX : suites;
    if (wanted.length === 0) {
      throw new RangeError(`Cannot run suite ${name}: it does not exist; see --help`);
    }
    found.push(...wanted.map((suite) => ({ suite, parts: [] })));
  }
  return found;
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
      uws: { type: 'string' },
      help: { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const wanted = chosen(positionals);
  const rounds = values.rounds === undefined ? undefined : integers('rounds', values.rounds)[0];
  const bench = new Bench({
    root,
    quick: values.quick,
    ...(rounds === undefined ? {} : { rounds }),
    ...(values.connections ? { connections: integers('connections', values.connections) } : {}),
    ...(values.sizes ? { sizes: integers('sizes', values.sizes) } : {}),
    ...(values.uws === undefined ? {} : { uws: resolve(values.uws) }),
    say: (text) => console.error(text),
  });
  console.log(`${machineLine(bench.machine)}\n`);
  const all: Record<string, unknown> = {};
  for (const { suite, parts } of wanted) {
    const { markdown, data } = await suite.run(bench, parts);
    console.log(`## ${suite.name}\n\n${suite.question}\n\n${markdown}\n`);
    all[suite.name] = data;
    const file = join(root, 'bench', 'results', `${suite.name}.json`);
    const whole = parts.length === 0 && !TOOLS.includes(suite);
    if (values.json === undefined && whole) writeResults(bench, suite.name, file, data);
  }
  if (bench.waits.length > 0) console.log(disturbanceLine(bench.waits));
  if (values.json !== undefined) writeResults(bench, 'all', values.json, all);
  for (const failure of bench.failures) console.error(`FAILED: ${failure}`);
  return bench.failures.length > 0 ? 1 : 0;
}
