/** What is true when a consumer has died anywhere. */
import assert from 'node:assert/strict';
import type { RingOptions } from '../../../src/ring/index.ts';
import type { Run } from './scenario.ts';
import { POSITION } from './stage.ts';

/** Offset of the word that says that no more is wanted. */
const CLOSED = 128;

/** Writers with the ids of their messages. */
const WRITERS = new Map([
  ['writer', 0],
  ['writer2', 2],
]);

interface Lane {
  readonly who: string;
  readonly id: number;
  readonly lane: number;
}

function lanesOf({ scenario }: Run): Lane[] {
  const writers = scenario.survivors.filter((who) => WRITERS.has(who));
  return writers.map((who, lane) => ({ who, id: WRITERS.get(who)!, lane }));
}

function sequencesOf({ stage }: Run, who: string, id: number): number[] {
  return stage
    .got(who)
    .filter(({ producer }) => producer === id)
    .map(({ sequence }) => sequence);
}

function rangeOf(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

/** The place that was the victim's, or would have been. */
function placeOf({ scenario }: Run): number {
  return scenario.survivors.includes('reader') ? 1 : 0;
}

function isSole({ scenario }: Run): boolean {
  return (scenario.shape as RingOptions).topology !== 'broadcast';
}

/** The first message of a lane that nobody has taken: it comes next, to whoever comes next. */
function headOf({ stage }: Run, lane: number): number {
  return (stage.words.load(stage.words.head(lane, 0)) - POSITION + 2 ** 32) % 2 ** 32;
}

/**
 * What the victim had got and given back does not come again, and what it had not got does: its
 * successor begins at the head.
 */
function assertHead(run: Run, { id, lane }: Lane): void {
  const { scenario, stage, victim } = run;
  const got = sequencesOf(run, 'victim', id);
  const head = headOf(run, lane);
  const { lossy, topology, slots = 4 } = scenario.shape as RingOptions;
  assert.deepEqual(
    got,
    [...new Set(got)].sort((a, b) => a - b),
  );
  const next = (got.at(-1) ?? -1) + 1;
  if (lossy || topology === 'mpmc') {
    // Taken is taken, also if it died before it could look at it.
    assert.ok(head >= next, `the head ${head} is not before ${next}`);
    assert.ok(head - next <= slots || lossy, `the head ${head} is not far behind ${next}`);
    const lost = stage.words.load(stage.words.head(lane, 0) + 4);
    if (lossy) assert.ok(got.length + lost <= head);
  } else {
    assert.deepEqual(got, rangeOf(0, next));
    // Rust gives back what it knew when it asks for more.
    const holds = victim === 'Rust' ? slots : scenario.holds!;
    const takes = scenario.takes ?? 0;
    const isRight = head <= next + takes && head >= next - holds;
    assert.ok(isRight, `the head is ${head}, ${next} comes next`);
  }
}

/** Whoever waits for room learns that nobody will make any. */
async function learn(run: Run): Promise<void> {
  const { scenario, stage } = run;
  const { words } = stage;
  const { lossy } = scenario.shape as RingOptions;
  if (lossy || !isSole(run) || words.load(words.placeOwner(0)) === 0) return;
  if (words.load(words.block + CLOSED) !== 0) return;
  // Until there is no room any more.
  const events = await stage.do('writer', 'push:9');
  assert.equal(events!.at(-1), 'full');
  assert.deepEqual(await stage.do('writer', 'room'), ['died']);
  run.learned();
}

async function assertCleared(run: Run): Promise<void> {
  const { stage } = run;
  await run.clearUp();
  const { words } = stage;
  assert.equal(words.load(words.placeOwner(placeOf(run))), 0, 'its place is free');
  assert.equal(words.participants(), stage.survivors, 'its entry is free');
}

/** Producers look when they publish to somebody who asks for attention, and when all is full. */
async function assertClosed(run: Run): Promise<void> {
  const { stage } = run;
  for (const { who } of lanesOf(run)) {
    assert.equal((await stage.do(who, 'push:9'))!.at(-1), 'closed');
  }
  // What found room before is there all the same.
  await stage.do('successor', 'pop:99');
}

/** A successor gets what is left, and what comes. */
async function succeed(run: Run): Promise<void> {
  const { scenario, stage } = run;
  const { lossy } = scenario.shape as RingOptions;
  const isClosed = stage.words.load(stage.words.block + CLOSED) !== 0;
  const lanes = lanesOf(run);
  const heads = lanes.map(({ lane }) => headOf(run, lane));
  await stage.do('successor', 'consumer');
  await stage.do('successor', 'pop:99');
  for (let round = 0; round < 2 * stage.words.slots && !isClosed; round++) {
    for (const { who } of lanes) assert.deepEqual(await stage.do(who, 'push'), ['pushed']);
    await stage.do('successor', 'pop:9');
  }
  if (isClosed) await assertClosed(run);
  for (const { who, id, lane } of lanes) {
    const pushed = stage.count(who, 'pushed');
    const got = sequencesOf(run, 'successor', id);
    if (!lossy) assert.deepEqual(got, rangeOf(heads[lane]!, pushed));
    else assert.deepEqual(got, rangeOf(got[0]!, pushed));
  }
  for (const { who } of lanes) await stage.do(who, 'close');
  assert.deepEqual(await stage.do('successor', 'over'), ['ended']);
}

/** Nobody is held up by a dead one among many, who all get everything. */
async function goOnWithout(run: Run): Promise<void> {
  const { scenario, stage } = run;
  const { lossy } = scenario.shape as RingOptions;
  await stage.do('reader', 'pop:9');
  for (let round = 0; round < 2 * stage.words.slots; round++) {
    const [event] = (await stage.do('writer', 'push'))!;
    if (event === 'full') {
      assert.ok(!lossy);
      assert.deepEqual(await stage.do('writer', 'room'), ['ready']);
      run.learned();
    }
    await stage.do('reader', 'pop:9');
  }
  await assertCleared(run);
  await stage.do('successor', 'consumer');
  await stage.do('writer', 'flush');
  await stage.do('successor', 'over');
  const first = stage.count('writer', 'pushed');
  await stage.do('writer', 'push:2');
  for (const who of ['reader', 'successor']) await stage.do(who, 'pop:9');
  assert.deepEqual(sequencesOf(run, 'successor', 0), rangeOf(first, first + 2));
  const got = sequencesOf(run, 'reader', 0);
  // It came before or after the first one.
  const joined = lossy ? 1 : 0;
  if (!lossy) assert.deepEqual(got, rangeOf(joined, first + 2));
  else {
    const lost = stage.ring.stats.consumers[0]!.lost;
    assert.equal(got.length + lost, first + 2 - joined);
  }
  const own = sequencesOf(run, 'victim', 0);
  assert.deepEqual(
    own,
    [...new Set(own)].sort((a, b) => a - b),
  );
  if (!lossy && own.length > 0) assert.deepEqual(own, rangeOf(2, 2 + own.length));
  await stage.do('writer', 'close');
  assert.deepEqual(await stage.do('successor', 'over'), ['ended']);
}

/** See the head of this file. */
export async function afterConsumer(run: Run): Promise<void> {
  if (!isSole(run)) return goOnWithout(run);
  for (const lane of lanesOf(run)) assertHead(run, lane);
  await learn(run);
  await assertCleared(run);
  await succeed(run);
}
