/** The command line of `rondo cache`. */
import {
  type CacheLatencies,
  type CacheOptions,
  DEFAULT_LATENCIES,
  type InterleaveOptions,
  PROTOCOL_NAMES,
  type ProtocolName,
  type RingPatternOptions,
} from '../checker/index.ts';
import {
  choiceOf,
  describeFlags,
  type Given,
  numberOf,
  parseCommand,
  UsageError,
} from './flags.ts';

const WHAT = 'what is simulated';
const MACHINE = 'the machine';
const SHOWN = 'what is shown';

/** Bytes between the two sides of the simulated ring, when none are given. */
const APARTS = '0,64,128';
/** The size of a second-level cache, for the ring: there a core's lines are its own. */
const RING_CACHE = { sets: 1024, ways: 16 } as const;

/** The flags. */
const FLAGS = {
  ring: { group: WHAT, help: 'the accesses of Rondo’s own ring, in place of FILE' },
  kind: {
    group: WHAT,
    value: 'ring|queue|forgetful',
    help: 'with --ring: which; a queue is nothing but head, tail and slots',
    fallback: 'ring',
  },
  apart: {
    group: WHAT,
    value: 'BYTES,…',
    help: 'with --ring: bytes between what the two sides write',
    fallback: APARTS,
  },
  messages: { group: WHAT, value: 'N', help: 'with --ring: messages', fallback: '2000' },
  'publish-every': {
    group: WHAT,
    value: 'N',
    help: 'with --ring: messages at once',
    fallback: '1',
  },
  interleavings: {
    group: WHAT,
    value: 'N',
    help: 'of a program or litmus test: at most so many, then chance picks',
    fallback: '10000',
  },
  seed: { group: WHAT, value: 'N', help: 'what chance begins with', fallback: '1' },
  table: { group: WHAT, help: 'nothing: prints the tables of the protocols' },
  protocol: {
    group: MACHINE,
    value: 'NAME',
    help: `${PROTOCOL_NAMES.join(', ')}; or all, beside each other`,
    fallback: 'MESI',
    short: 'p',
  },
  directory: { group: MACHINE, help: 'home nodes that keep book, in place of a bus', short: 'd' },
  cores: { group: MACHINE, value: 'N', help: 'cores', fallback: 'as many as are used' },
  line: { group: MACHINE, value: 'BYTES', help: 'bytes of a line', fallback: '64' },
  sets: { group: MACHINE, value: 'N', help: 'sets of a cache', fallback: '64; --ring: 1024' },
  ways: { group: MACHINE, value: 'N', help: 'lines of a set', fallback: '8; --ring: 16' },
  prefetch: { group: MACHINE, help: 'a miss fetches the other line of its pair as well' },
  nodes: { group: MACHINE, value: 'N', help: 'NUMA nodes', fallback: '1' },
  distances: {
    group: MACHINE,
    value: '10,21;21,10',
    help: 'how far nodes are from each other',
    fallback: '10 and 20',
  },
  homes: {
    group: MACHINE,
    value: 'line|page|first-touch',
    help: 'how memory is spread over nodes',
    fallback: 'page',
  },
  latency: {
    group: MACHINE,
    value: 'NAME=CYCLES',
    help: 'what something takes; may be given several times',
    many: true,
  },
  steps: { group: SHOWN, value: 'N', help: 'steps that are printed', fallback: '40' },
  lines: { group: SHOWN, value: 'N', help: 'lines that are printed and drawn', fallback: '8' },
  picture: { group: SHOWN, value: 'FILE.svg', help: 'draws the states of lines over time' },
  json: { group: SHOWN, help: 'JSON instead of text' },
  help: { help: 'this text' },
} as const;

type CacheGiven = Given<typeof FLAGS>;

const LATENCIES = Object.entries(DEFAULT_LATENCIES)
  .map(([name, cycles]) => `${name} ${cycles}`)
  .join(', ');

/** What `--help` prints. */
export const CACHE_HELP: string = `rondo cache FILE [flags]: what caches do with a trace, a program or a litmus test

FILE is a text (- is stdin) with a line for each access: core, R W U (update) or X (evict), address,
bytes, and what did it. With a line "program" before them all interleavings are simulated.

    name tail 0x400 4
    thread P0 producer
    P0 W tail 4 writer.ts:272
    P1 R 0x400 4

JSON of the same works too, and so do litmus tests (FILE.litmus).

${describeFlags(FLAGS)}

Latencies: ${LATENCIES}.

See docs/guide/cache-lines.md.
`;

/** A command line of `rondo cache`. */
export interface CacheCommand {
  readonly help: boolean;
  /** Only the tables of the protocols are wanted. */
  readonly table: boolean;
  /** The file, - for stdin; undefined with `ring`. */
  readonly file: string | undefined;
  readonly protocols: readonly ProtocolName[];
  readonly machine: CacheOptions;
  /** The ring in place of a file, in each of these layouts. */
  readonly rings: readonly RingPatternOptions[] | undefined;
  readonly interleave: InterleaveOptions;
  /** Steps that are printed; undefined is what suits. */
  readonly steps: number | undefined;
  readonly lines: number;
  /** Where the picture goes. */
  readonly picture: string | undefined;
  readonly json: boolean;
}

/** Reads a command line; ranges are checked by the simulator. @throws {UsageError} */
export function parseCache(args: readonly string[]): CacheCommand {
  const { given, words } = parseCommand(args, FLAGS, 1);
  const isRing = given.ring === true;
  if (isRing && words.length > 0) throw new UsageError('--ring stands in place of FILE');
  return {
    help: given.help === true,
    table: given.table === true,
    file: words[0],
    protocols: protocolsOf(given),
    machine: { ...(isRing ? RING_CACHE : {}), ...machineOf(given) },
    rings: isRing ? ringsOf(given) : undefined,
    interleave: {
      maxInterleavings: numberOf('interleavings', given.interleavings) ?? 10_000,
      seed: numberOf('seed', given.seed) ?? 1,
    },
    steps: numberOf('steps', given.steps),
    lines: numberOf('lines', given.lines) ?? 8,
    picture: given.picture,
    json: given.json === true,
  };
}

function protocolsOf({ protocol, table }: CacheGiven): readonly ProtocolName[] {
  const name = protocol?.toUpperCase() ?? (table ? 'ALL' : 'MESI');
  const chosen = choiceOf('protocol', name, [...PROTOCOL_NAMES, 'ALL'] as const)!;
  return chosen === 'ALL' ? PROTOCOL_NAMES : [chosen];
}

function ringsOf(given: CacheGiven): RingPatternOptions[] {
  const kind = choiceOf('kind', given.kind, ['ring', 'queue', 'forgetful'] as const) ?? 'ring';
  const pattern = {
    kind: kind === 'forgetful' ? ('forgetful queue' as const) : kind,
    messages: numberOf('messages', given.messages) ?? 2000,
    publishEvery: numberOf('publish-every', given['publish-every']) ?? 1,
  };
  return numbersOf('apart', given.apart ?? APARTS).map((apart) => ({ ...pattern, apart }));
}

function machineOf(given: CacheGiven): CacheOptions {
  const homes = choiceOf('homes', given.homes, ['line', 'page', 'first-touch'] as const);
  const distances = given.distances?.split(';').map((row) => numbersOf('distances', row));
  const options = {
    interconnect: given.directory ? ('directory' as const) : ('bus' as const),
    cores: numberOf('cores', given.cores),
    lineBytes: numberOf('line', given.line),
    sets: numberOf('sets', given.sets),
    ways: numberOf('ways', given.ways),
    prefetch: given.prefetch ? ('adjacent' as const) : ('none' as const),
    nodes: numberOf('nodes', given.nodes) ?? distances?.length,
    distances,
    homes,
    latencies: latenciesOf(given.latency),
  };
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as CacheOptions;
}

/** `0,64,128`. */
function numbersOf(name: string, text: string): number[] {
  return text.split(',').map((each) => numberOf(name, each.trim())!);
}

function latenciesOf(given: readonly string[] = []): Partial<CacheLatencies> {
  const names = Object.keys(DEFAULT_LATENCIES) as (keyof CacheLatencies)[];
  const entries = given.map((text) => {
    const [name, cycles, ...rest] = text.split('=');
    if (cycles === undefined || rest.length > 0) {
      throw new UsageError(`--latency must be NAME=CYCLES, got ${text}`);
    }
    return [choiceOf('latency', name, names), numberOf('latency', cycles)] as const;
  });
  return Object.fromEntries(entries) as Partial<CacheLatencies>;
}
