/** `rondo ring stat`: a ring or channel, as it is now or once a second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock, wallClock } from '../base/index.ts';
import { RingObserver, type LaneSnapshot, type RingSnapshot } from '../ring/index.ts';
import { describeFlags, parseCommand } from './flags.ts';
import { DIRECTORY_FLAG, directoryOf, JSON_FLAG, nameOf } from './ring-flags.ts';
import { isHeld } from './ring-held.ts';
import {
  aged,
  described,
  ringTitle,
  shaped,
  sized,
  structName,
  table,
  toJson,
} from './ring-text.ts';

const FLAGS = {
  watch: { help: 'again every second, with messages per second, until nobody holds it' },
  directory: DIRECTORY_FLAG,
  json: JSON_FLAG,
  help: { help: 'this text' },
} as const;

const HELP = `rondo ring stat NAME [flags]: shows the lanes of a ring, and who uses them

Counters wrap at 2^32. TAIL is the number of messages ever published; USED are those that a
consumer still needs.

${describeFlags(FLAGS)}
`;

const WATCH_MS = 1000;

/** What was seen, and when. */
interface Sample {
  readonly at: number;
  readonly rings: readonly RingSnapshot[];
}

/** Runs the command. */
export async function stat(args: readonly string[]): Promise<void> {
  const { given, words } = parseCommand(args, FLAGS, 1);
  if (given.help) {
    process.stdout.write(HELP);
    return;
  }
  const name = nameOf(words, 'stat');
  const options = directoryOf(given);
  const observer = RingObserver.open(name, options);
  let before: Sample | undefined;
  for (;;) {
    const now = { at: systemClock.now(), rings: observer.snapshot() };
    if (given.json) console.log(toJson(asJson(observer, now, before)));
    else print(observer, now, before);
    if (!given.watch) break;
    before = now;
    await sleep(WATCH_MS);
    if (isHeld(name, options)) continue;
    console.error('Nobody holds it any more');
    break;
  }
  observer.close();
}

/** Messages per second of a lane between two samples; undefined at the first. */
function rateOf(now: Sample, before: Sample | undefined, ring: number, lane: number): number {
  const earlier = before?.rings[ring]?.lanes[lane];
  const later = now.rings[ring]?.lanes[lane];
  if (before === undefined || earlier === undefined || later === undefined) return 0;
  const messages = (later.tail - earlier.tail) >>> 0;
  return Math.round((messages * 1000) / Math.max(1, now.at - before.at));
}

function asJson(observer: RingObserver, now: Sample, before: Sample | undefined): unknown {
  const { info, bytes, schemas } = observer;
  const rings = now.rings.map((ring, index) => ({
    schema: structName(schemas[index]!),
    ...ring,
    lanes: ring.lanes.map((lane, number) => ({
      ...lane,
      ...(before === undefined ? {} : { rate: rateOf(now, before, index, number) }),
    })),
  }));
  return { ...info, bytes, participants: observer.participants(), rings };
}

function print(observer: RingObserver, now: Sample, before: Sample | undefined): void {
  const { info, bytes, schemas } = observer;
  const age = aged(wallClock.now() - info.createdAt);
  const lines = [`${info.name}: ${info.kind} of ${sized(bytes)}, ${age} old, id ${info.id}`];
  for (const [index, ring] of now.rings.entries()) {
    const title = ringTitle(index, now.rings.length);
    lines.push('', `${title === '' ? '' : `${title}: `}${structName(schemas[index]!)}`);
    lines.push(shaped(ring.shape));
    if (ring.poison !== undefined) lines.push(`POISONED: ${ring.poison}`);
    if (ring.isClosed) lines.push('closed: a consumer wants no more');
    lines.push('', lanesTable(now, before, index, ring), '', cursorsTable(ring));
  }
  if (before !== undefined) lines.unshift('');
  console.log(lines.join('\n'));
}

const LANES = ['LANE', 'STATE', 'PRODUCER', 'TAIL', 'USED'];
const COUNTERS = ['FULL', 'DROPPED', 'ABORTED', 'WAKES', 'SLEEPS', 'FLUSHES'];

function lanesTable(
  now: Sample,
  before: Sample | undefined,
  index: number,
  { lanes, shape }: RingSnapshot,
): string {
  const rate = (lane: number): string[] =>
    before === undefined ? [] : [`${rateOf(now, before, index, lane)}`];
  const rows = lanes.map((lane, number) => [
    `${number}`,
    lane.state,
    described(lane.producer),
    `${lane.tail}`,
    `${lane.used}/${shape.slots}`,
    ...rate(number),
    ...countersOf(lane),
  ]);
  const head = [...LANES, ...(before === undefined ? [] : ['PER SECOND']), ...COUNTERS];
  return table(head, rows);
}

function countersOf(lane: LaneSnapshot): string[] {
  const { full, dropped, aborted, wakes, sleeps, flushes } = lane;
  return [full, dropped, aborted, wakes, sleeps, flushes].map(String);
}

const CURSORS = ['LANE', 'CONSUMER', 'HEAD', 'BEHIND', 'LOST', 'WAKES', 'SLEEPS'];

/** Every head that somebody moves. Consumers of an MPMC ring share those of the lanes. */
function cursorsTable({ lanes, consumers, shape }: RingSnapshot): string {
  const isBroadcast = shape.topology === 'broadcast';
  const present = consumers.filter((consumer) => consumer !== undefined);
  const shared = present.length === 0 ? 'nobody' : present.map(described).join(', ');
  const rows = lanes.flatMap(({ cursors }, lane) =>
    cursors.flatMap(({ head, behind, lost, wakes, sleeps }, place) => {
      if (isBroadcast && consumers[place] === undefined) return [];
      const who = isBroadcast ? described(consumers[place]) : shared;
      return [[lane, who, head, behind, lost, wakes, sleeps].map(String)];
    }),
  );
  return rows.length === 0 ? 'no consumers' : table(CURSORS, rows);
}
