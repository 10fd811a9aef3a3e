/** What is true when a producer has died anywhere. */
import assert from 'node:assert/strict';
import type { RingOptions } from '../../../src/ring/index.ts';
import type { Run, Scenario } from './scenario.ts';
import type { Language } from './library.ts';
import { POSITION, type Stage } from './stage.ts';
import type { Words } from './words.ts';

const CLOSED = 2;
/** Whose messages the victim's are, and those of a writer beside it. */
const VICTIM = 1;

/**
 * How many messages are published with each store of the tail, as the victim does its lines to the
 * end. Only Rust publishes within a claim of many.
 */
export function publications({ lines, every = 1 }: Scenario, language: Language): number[] {
  const totals: number[] = [];
  let [count, published] = [0, 0];
  const publish = (): void => {
    if (count > published) totals.push((published = count));
  };
  const push = (): void => {
    count += 1;
    if (count - published >= every) publish();
  };
  for (const [who, line] of lines) {
    if (who !== 'victim') continue;
    for (const op of line.split(' ')) {
      const [name = '', value = '1'] = op.split(':');
      const isPush = ['push', 'write', 'claim', 'whole'].includes(name);
      if (isPush || (name === 'many' && language === 'Rust')) {
        for (let i = 0; i < Number(value); i++) push();
      } else if (name === 'many') {
        count += Number(value);
        if (count - published >= every) publish();
      } else if (['flush', 'close', 'detach'].includes(name)) publish();
    }
    publish();
  }
  return totals;
}

/** Every reader has all that was published, once, in order, and nothing else. */
function assertReceived({ scenario, stage }: Run, published: number): void {
  const { topology, lossy } = scenario.shape as RingOptions;
  const all = Array.from({ length: published }, (_, index) => index);
  const readers = scenario.survivors.filter((who) => who.startsWith('reader'));
  const received = readers.map((who) => {
    const sequences = stage
      .got(who)
      .filter(({ producer }) => producer === VICTIM)
      .map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      [...sequences].sort((a, b) => a - b),
      `${who} gets them in order`,
    );
    return sequences;
  });
  if (lossy) {
    for (const [place, sequences] of received.entries()) {
      assert.equal(new Set(sequences).size, sequences.length, 'none comes twice');
      const { lost } = stage.ring.stats.consumers[topology === 'broadcast' ? place : 0]!;
      assert.equal(sequences.length + lost, published, 'what is not there is counted as lost');
      if (published > 0) assert.equal(sequences.at(-1), published - 1, 'the newest is there');
    }
  } else if (topology === 'mpmc') {
    assert.deepEqual(
      received.flat().sort((a, b) => a - b),
      all,
    );
  } else {
    for (const sequences of received) assert.deepEqual(sequences, all);
  }
}

/** What a writer beside the victim has pushed is all there. */
function assertUntouched({ scenario, stage }: Run): void {
  if (!scenario.survivors.includes('writer')) return;
  const others = scenario.survivors
    .flatMap((who) => stage.got(who))
    .filter(({ producer }) => producer !== VICTIM)
    .map(({ sequence }) => sequence)
    .sort((a, b) => a - b);
  const pushed = Array.from({ length: stage.count('writer', 'pushed') }, (_, index) => index);
  assert.deepEqual(others, pushed);
}

async function readAll({ scenario, stage }: Run): Promise<void> {
  for (const who of scenario.survivors) {
    if (who.startsWith('reader')) await stage.do(who, 'pop:9');
  }
}

/** The lane that was the victim's, or would have been. */
function laneOf({ survivors }: Scenario): number {
  return survivors.includes('writer') ? 1 : 0;
}

/**
 * Whether what was published is read only after a successor has written beside it. What dies after
 * a step leaves what dies before the next leaves: one of the two is read late. Not when the victim
 * has closed its lane: then its successor takes another, and there is no order between them.
 */
function isLate({ scenario, stage }: Run): boolean {
  const { words } = stage;
  const { lossy } = scenario.shape as RingOptions;
  if (lossy || words.load(words.lane(laneOf(scenario), 'state')) === CLOSED) return false;
  return stage.kill.when === 'after';
}

/** Whose lane is open is missed; who had closed it, or never had one, is not. */
async function learn(run: Run): Promise<void> {
  const { scenario, stage, learned } = run;
  const { words } = stage;
  const lane = laneOf(scenario);
  if (words.load(words.laneOwner(lane)) === 0 || scenario.survivors.includes('writer')) return;
  if (words.load(words.lane(lane, 'state')) === CLOSED) return;
  // A reader of a broadcast ring that was not let in waits for a producer in any case.
  assert.deepEqual(await stage.do('reader', 'ready'), ['died']);
  learned();
}

/** Nothing of the victim is left, whoever has cleared it up. */
async function assertCleared(run: Run): Promise<void> {
  const { scenario, stage } = run;
  await run.clearUp();
  const { words } = stage;
  assert.equal(words.load(words.laneOwner(laneOf(scenario))), 0, 'its lane is free');
  assert.equal(words.participants(), stage.survivors, 'its entry is free');
}

/** A successor goes on where the victim's last publication ended. */
async function succeed(run: Run, published: number, late: boolean): Promise<void> {
  const { scenario, stage } = run;
  await stage.do('successor', `producer:1 as:${VICTIM} from:${published}`);
  if (late) {
    // Beside what the victim has left.
    assert.equal((await stage.do('successor', 'push:9'))!.at(-1), 'full');
    await readAll(run);
    assertReceived(run, published + stage.count('successor', 'pushed'));
  }
  for (let round = 0; round < 2 * stage.words.slots; round++) {
    assert.deepEqual(await stage.do('successor', 'push'), ['pushed']);
    await readAll(run);
  }
  assertReceived(run, published + stage.count('successor', 'pushed'));
  assertUntouched(run);
  await stage.do('successor', 'close');
  if (scenario.survivors.includes('writer')) await stage.do('writer', 'close');
  assert.deepEqual(await stage.do('reader', 'over'), ['ended']);
}

/** What the trace says that the victim has published; the tail must say the same. */
export function publishedBy(
  stage: Stage,
  words: Words,
  lane: number,
  totals: readonly number[],
): number {
  const tail = words.lane(lane, 'tail');
  const published = totals[stage.writes(tail) - 1] ?? 0;
  assert.equal(words.load(tail), (POSITION + published) % 2 ** 32);
  return published;
}

/** See the head of this file. */
export async function afterProducer(run: Run): Promise<void> {
  const { scenario, stage } = run;
  const totals = publications(scenario, run.victim);
  const published = publishedBy(stage, stage.words, laneOf(scenario), totals);
  // Before the successor opens the lane.
  const late = isLate(run);
  if (!late) {
    await readAll(run);
    assertReceived(run, published);
    await learn(run);
  }
  await assertCleared(run);
  await succeed(run, published, late);
}
