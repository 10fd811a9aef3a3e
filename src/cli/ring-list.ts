/** `rondo ring ls`: the rings and channels of a directory. */
import { RondoError, wallClock } from '../base/index.ts';
import { listRings, RingObserver, type NameInfo } from '../ring/index.ts';
import { describeFlags, parseFlags } from './flags.ts';
import { DIRECTORY_FLAG, directoryOf, JSON_FLAG } from './ring-flags.ts';
import { aged, quoted, ringTitle, sized, structName, table, toJson } from './ring-text.ts';

const FLAGS = {
  directory: DIRECTORY_FLAG,
  json: JSON_FLAG,
  help: { help: 'this text' },
} as const;

const HELP = `rondo ring ls: lists rings and channels, and who holds them

${describeFlags(FLAGS)}
`;

interface RingRow {
  readonly schema: string;
  readonly topology: string;
  readonly lanes: number;
  readonly slots: number;
}

/** A name, as it is listed. */
interface Listed {
  readonly name: string;
  readonly holders: NameInfo['holders'];
  /** Undefined when nobody alive holds it, or it cannot be read: then `problem` says why. */
  readonly kind: string | undefined;
  readonly id: string | undefined;
  readonly bytes: number | undefined;
  readonly createdAt: number | undefined;
  readonly rings: readonly RingRow[];
  readonly problem: string | undefined;
}

/** Runs the command. */
export function list(args: readonly string[]): void {
  const given = parseFlags(args, FLAGS);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const options = directoryOf(given);
  const { names, strays } = listRings(options);
  const listed = names.map((name) => look(name, options));
  if (given.json) {
    console.log(toJson({ names: listed, strays }));
    return;
  }
  const where = given.directory === undefined ? '' : ` in ${quoted(given.directory)}`;
  if (listed.length === 0) console.log(`There is no ring and no channel${where}`);
  else console.log(table(HEAD, listed.flatMap(rowsOf)));
  for (const { name, problem } of listed) {
    if (problem !== undefined) console.error(`${name}: ${problem}`);
  }
  for (const stray of strays) console.error(`${quoted(stray)} does not belong there`);
  const isDead = ({ standing }: NameInfo['holders'][number]): boolean =>
    standing === 'dead' || standing === 'stale';
  if (names.some(({ holders }) => holders.some(isDead))) {
    console.error('rondo ring clean removes what the dead left');
  }
}

function look({ name, holders }: NameInfo, options: { directory?: string }): Listed {
  const nothing = { kind: undefined, id: undefined, bytes: undefined, createdAt: undefined };
  if (holders.every(({ standing }) => standing !== 'alive')) {
    const [why] = holders.filter(({ standing }) => standing !== 'dead').map((each) => each.why);
    return { name, holders, ...nothing, rings: [], problem: why };
  }
  try {
    const observer = RingObserver.open(name, options);
    const { kind, id, createdAt } = observer.info;
    const { bytes, schemas } = observer;
    const rings = observer.snapshot().map(({ shape }, index) => ({
      schema: structName(schemas[index]!),
      topology: shape.topology,
      lanes: shape.lanes,
      slots: shape.slots,
    }));
    observer.close();
    return { name, holders, kind, id, bytes, createdAt, rings, problem: undefined };
  } catch (error) {
    if (!(error instanceof RondoError)) throw error;
    return { name, holders, ...nothing, rings: [], problem: error.message };
  }
}

const HEAD = ['NAME', 'KIND', 'SCHEMA', 'TOPOLOGY', 'SLOTS', 'HOLDERS', 'SIZE', 'AGE'];

function rowsOf(listed: Listed): string[][] {
  const { name, kind, rings, bytes, createdAt } = listed;
  const holders = countHolders(listed);
  if (kind === undefined || bytes === undefined || createdAt === undefined) {
    return [[name, '-', '-', '-', '-', holders, '-', '-']];
  }
  return rings.map(({ schema, topology, lanes, slots }, index) => {
    const count = lanes === 1 ? `${slots}` : `${lanes} x ${slots}`;
    const title = `${kind} ${ringTitle(index, rings.length)}`.trimEnd();
    const shared = [holders, sized(bytes), aged(wallClock.now() - createdAt)];
    return [name, title, schema, topology, count, ...(index === 0 ? shared : ['', '', ''])];
  });
}

/** `2 alive, 1 dead`. */
function countHolders({ holders }: Listed): string {
  const counts = new Map<string, number>();
  for (const { standing } of holders) counts.set(standing, (counts.get(standing) ?? 0) + 1);
  if (counts.size === 0) return 'nobody';
  return [...counts].map(([standing, count]) => `${count} ${standing}`).join(', ');
}
