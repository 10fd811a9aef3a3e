/** What is true when one side of a channel has died anywhere. */
import assert from 'node:assert/strict';
import { publications, publishedBy } from './producers.ts';
import type { Run } from './scenario.ts';
import { POSITION, type Stage } from './stage.ts';
import type { Words } from './words.ts';

const CLOSED = 2;
/** Whose requests there are, answered as they are. */
const ASKER = 1;
const ROUNDS = 8;

function sequencesOf(stage: Stage, who: string): number[] {
  return stage.got(who).map(({ sequence }) => sequence);
}

function rangeOf(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

function headOf(words: Words): number {
  return (words.load(words.head(0, 0)) - POSITION + 2 ** 32) % 2 ** 32;
}

/** What the victim was given in place comes again, unless it had given it back. */
function assertHead({ scenario, stage, victim }: Run, words: Words): number {
  const got = sequencesOf(stage, 'victim');
  assert.deepEqual(got, rangeOf(0, got.length));
  const head = headOf(words);
  const holds = victim === 'Rust' ? words.slots : scenario.holds!;
  assert.ok(head <= got.length && got.length - head <= holds, `the head is ${head}`);
  return head;
}

/** Who has taken all that there is, and waits for more, learns that nobody will send it. */
async function learn({ stage, learned }: Run, who: string, words: Words): Promise<void> {
  if (words.load(words.laneOwner(0)) === 0) return;
  if (words.load(words.lane(0, 'state')) === CLOSED) return;
  assert.deepEqual(await stage.do(who, 'ready'), ['died']);
  learned();
}

async function assertCleared({ stage, clearUp }: Run): Promise<void> {
  await clearUp();
  const { words, responses } = stage;
  const isServer = stage.got('client').length + stage.count('client', 'pushed') > 0;
  const [sent, taken] = isServer ? [responses, words] : [words, responses];
  assert.equal(sent.load(sent.laneOwner(0)), 0, 'its lane is free');
  assert.equal(taken.load(taken.placeOwner(0)), 0, 'its place is free');
  assert.equal(words.participants(), stage.survivors, 'its entry is free');
}

/** The server has all requests that were published, and the next client gets what is left. */
async function afterClient(run: Run): Promise<void> {
  const { scenario, stage, victim } = run;
  const { words, responses } = stage;
  const asked = publishedBy(stage, words, 0, publications(scenario, victim));
  await stage.do('server', 'answer answer answer answer');
  assert.deepEqual(sequencesOf(stage, 'server'), rangeOf(0, asked));
  const head = assertHead(run, responses);
  await learn(run, 'server', words);
  await assertCleared(run);
  await stage.do('successor', `client as:${ASKER} from:${asked}`);
  await stage.do('successor', 'each:9');
  for (let round = 0; round < ROUNDS; round++) {
    await stage.do('successor', 'push');
    await stage.do('server', 'answer');
    await stage.do('successor', 'each:9');
  }
  assert.deepEqual(sequencesOf(stage, 'server'), rangeOf(0, asked + ROUNDS));
  assert.deepEqual(sequencesOf(stage, 'successor'), rangeOf(head, asked + ROUNDS));
}

/** The client has all answers that were published, and gets the others from the next server. */
async function afterServer(run: Run): Promise<void> {
  const { stage } = run;
  const { words, responses } = stage;
  const answered = publishedBy(stage, responses, 0, rangeOf(1, 99));
  await stage.do('client', 'each:9');
  assert.deepEqual(sequencesOf(stage, 'client'), rangeOf(0, answered));
  // An answer goes out before its request is given back: one may come twice, none is missing.
  const head = assertHead(run, words);
  assert.ok(head <= answered && answered - head <= 1, `${answered} answers, the head is ${head}`);
  await learn(run, 'client', responses);
  await assertCleared(run);
  await stage.do('successor', 'server');
  await stage.do('successor', 'answer answer answer answer');
  for (let round = 0; round < ROUNDS; round++) {
    await stage.do('client', 'each:9 push');
    await stage.do('successor', 'answer');
  }
  await stage.do('client', 'each:9');
  const asked = stage.count('client', 'pushed');
  const all = [...rangeOf(0, answered), ...rangeOf(head, asked)];
  assert.deepEqual(sequencesOf(stage, 'client'), all);
}

/** See the head of this file. */
export async function afterChannel(run: Run): Promise<void> {
  if (run.scenario.survivors.includes('server')) await afterClient(run);
  else await afterServer(run);
}
