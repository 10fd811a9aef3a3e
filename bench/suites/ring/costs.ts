/**
 * Where the time goes in other ways: marshalling, crossing from one runtime into another, and cache
 * lines that two cores write by turns.
 */
import { perSecond } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { fixed, table } from '../../harness/report.ts';
import type { Report } from '../../servers/ring/program.ts';
import { figureOf, type Part, type Rounds, type Runner, speed, takeTurns } from './part.ts';
import { Programs } from './programs.ts';

/** What `servers/ring/costs.ts` measures, in the order of the table. */
const PIECES: readonly (readonly [cost: string, what: string, key: string])[] = [
  ['marshalling', 'JSON, there and back', 'json'],
  ['', 'structured clone (v8.serialize), there and back', 'clone'],
  ['', 'msgpackr, there and back', 'msgpackr'],
  ['', 'protobufjs, there and back', 'protobufjs'],
  ['', 'ring, fields in place, written and read', 'ring in place'],
  ['', 'ring, an object in and an object out', 'ring objects'],
  ['crossing', 'Node-API, a call that does nothing', 'node-api nothing'],
  ['', 'Node-API, reading an object', 'node-api object in'],
  ['', 'Node-API, making an object', 'node-api object out'],
  ['', 'koffi, a call that does nothing', 'koffi nothing'],
  ['', 'koffi, an object as a struct', 'koffi object in'],
  ['', 'ring: an atomic load', 'atomic load'],
  ['', 'ring: an atomic store', 'atomic store'],
  ['', 'an atomic addition, which rings of one producer do without', 'atomic add'],
];

const LINES = [
  { name: 'head and tail on one line', apart: 4, cached: undefined },
  { name: '64 bytes apart', apart: 64, cached: undefined },
  { name: '128 bytes apart', apart: 128, cached: undefined },
  { name: 'on one line, the other’s position remembered', apart: 4, cached: true },
  { name: '128 bytes apart, the other’s position remembered', apart: 128, cached: true },
] as const;

function lineRunners(bench: Bench): Runner[] {
  const programs = Programs.of(bench);
  const count = bench.options.quick ? 1e6 : 5e6;
  return LINES.map(({ name, apart, cached }) => ({
    name,
    run: () =>
      programs.run(programs.script('lines', '', { apart, cached, count, cores: programs.list })),
  }));
}

/** All pieces are measured by one program, one after the other. */
function piecesRunner(bench: Bench): Runner {
  const programs = Programs.of(bench);
  const { first } = programs.cores;
  const milliseconds = bench.options.quick ? 100 : 400;
  return {
    name: 'pieces',
    run: () => programs.run(programs.script('costs', '', { milliseconds, core: first })),
  };
}

/** See the head of this file. */
export const costsPart: Part = {
  name: 'costs',
  subject: 'what a message costs: marshalling, crossing, cache lines',
  async run(bench) {
    const { quick, rounds = quick ? 1 : 3 } = bench.options;
    const [pieces] = await takeTurns(bench, 'costs', [piecesRunner(bench)], rounds);
    const lines = await takeTurns(bench, 'cache lines', lineRunners(bench), rounds);
    const piece = (key: string): string =>
      fixed(
        figureOf(pieces, (report: Report) => report[key] ?? Number.NaN),
        1,
      );
    const line = (found: Rounds): readonly [string, string] => {
      const rate = figureOf(found, speed);
      return [fixed(1e9 / rate, 1), perSecond(rate)];
    };
    const rows = [
      ...PIECES.map(([cost, what, key]) => [cost, what, piece(key), '']),
      ...lines.map((found, index) => [
        index === 0 ? 'cache lines' : '',
        `two threads, publish each, ${found.name}`,
        ...line(found),
      ]),
    ];
    const head = ['cost', 'of a message of five fields, 32 bytes', 'ns', 'messages'];
    return { bars: [], figures: table(head, rows), data: { pieces, lines } };
  },
};
