/**
 * A producer dies at each of its writes while a consumer sleeps in the event loop that has never
 * heard of it: what others push wakes the consumer all the same, and so does a successor.
 */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Language, missing } from './library.ts';
import { testEachStep, Traces } from './scenario.ts';
import type { Kill } from './side-process.ts';
import { type Line, Stage } from './stage.ts';

/** Long enough for whoever is to be woken. */
const PATIENCE = 10_000;

interface Sleeping {
  readonly name: string;
  readonly shape: { readonly topology: 'spsc' | 'mpsc'; readonly producers: number };
  /** Before the consumer sleeps. */
  readonly before: readonly Line[];
  /** What wakes it, when the victim has not. */
  readonly waker: readonly Line[];
}

const VICTIM: readonly Line[] = [
  ['victim', 'fd:3 producer:1 as:1'],
  ['victim', 'push'],
  ['victim', 'detach leave'],
];

const SLEEPING: readonly Sleeping[] = [
  {
    name: 'a successor wakes whom a dead producer was about to wake',
    shape: { topology: 'spsc', producers: 1 },
    before: [],
    waker: [['successor', 'producer:1 as:2 push']],
  },
  {
    name: 'a living producer wakes whom a dead one was about to wake',
    shape: { topology: 'mpsc', producers: 3 },
    before: [['writer', 'producer:1 as:2']],
    waker: [['writer', 'push']],
  },
];

/** One run; gives the number of the victim's steps. */
async function run(
  { shape, before, waker }: Sleeping,
  victim: Language,
  kill: Kill,
  trace: string,
): Promise<number> {
  const stage = new Stage(shape, { victim, survivor: 'TypeScript' }, { kill, trace, arms: false });
  try {
    for (const [who, what] of before) await stage.do(who, what);
    await stage.do('reader', 'consumer');
    const woken = stage.do('reader', 'ready');
    // How often it rings depends on how soon the reader sleeps again.
    await stage.play(VICTIM, false);
    const tail = stage.words.lane(before.length, 'tail');
    const published = stage.writes(tail);
    // Gone without a message, it may have been seen: then that was told, and is waited out.
    const first = published > 0 ? await woken : undefined;
    for (const [who, what] of waker) await stage.do(who, what);
    const late = delay(PATIENCE, undefined, { ref: false }).then(() => ['never']);
    const said = first ?? (await Promise.race([woken, late]));
    assert.ok(['ready', 'died'].includes(said![0]!), `the sleeper was woken: ${String(said)}`);
    await stage.do('reader', 'pop:9');
    const others = stage.got('reader').map(({ producer }) => producer);
    assert.deepEqual(others, [...(published > 0 ? [1] : []), 2]);
    await stage.close();
    return stage.victim.writes().length;
  } catch (error) {
    stage.abandon();
    throw error;
  }
}

for (const victim of ['TypeScript', 'Rust'] as const) {
  for (const sleeping of SLEEPING) {
    const options = { skip: missing(victim), concurrency: availableParallelism() };
    void it(`${sleeping.name}, ${victim}`, options, async (t) => {
      const traces = new Traces();
      try {
        await testEachStep(t, sleeping.name, async (kill) => {
          return run(sleeping, victim, kill, traces.next());
        });
      } finally {
        traces.close();
      }
    });
  }
}
