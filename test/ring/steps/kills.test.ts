/**
 * Processes that make, open and leave rings are killed wherever they are, again and again; nothing
 * of them stays. RONDO_KILLS is how often.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { SeededRandom } from '../../../src/base/index.ts';
import { cleanRings, Ring } from '../../../src/ring/index.ts';
import { COMMANDS, type Language, missing } from './library.ts';
import { Step, stepOf } from './message.ts';
import { SideProcess } from './side-process.ts';
import { Words } from './words.ts';

/** More than there are generations of a participant's entry. */
const KILLS = Number(process.env['RONDO_KILLS'] ?? 300);
/** Node takes longer to start. */
const KILLS_OF: Readonly<Record<Language, number>> = {
  Rust: KILLS,
  TypeScript: Math.ceil(KILLS / 20),
};

async function someTurns(random: SeededRandom): Promise<void> {
  for (let turn = random.below(30); turn > 0; turn--) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Joins a ring that lasts, and is killed while it pushes. */
async function killGuest(
  language: Language,
  directory: string,
  random: SeededRandom,
): Promise<void> {
  const guest = new SideProcess(language, -1);
  const joined = guest.run(`open:lasting:${directory} producer:2 as:1`);
  const pushed = joined.then(async () => guest.run('push:2 abort push:9'));
  // Some before they have joined.
  if (random.chance(3, 4)) await joined;
  await someTurns(random);
  guest.signal('SIGKILL');
  assert.equal(await guest.end(), true);
  await pushed;
}

/** Makes and leaves rings of its own, until it is killed. */
async function killChurner(directory: string, random: SeededRandom): Promise<void> {
  const churner: ChildProcess = spawn(COMMANDS.Rust[0], ['churn', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(churner, 'close');
  await once(churner.stdout!, 'data');
  await someTurns(random);
  churner.kill('SIGKILL');
  await closed;
}

async function killAll(language: Language, random: SeededRandom): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'rondo-kills-'));
  const shape = { topology: 'mpsc', producers: 2, slots: 4, slabBytes: 64 } as const;
  const ring = Ring.create(Step, { name: 'lasting', directory, ...shape });
  const words = new Words(ring.share());
  const consumer = ring.consumer();
  for (let round = 0; round < KILLS_OF[language]; round++) {
    const killed = [killGuest(language, directory, random)];
    if (language === 'Rust') killed.push(killChurner(directory, random));
    await Promise.all(killed);
    // Whole ones, whoever they are of: to read one checks it.
    for (const message of consumer.popAll()) {
      assert.deepEqual(message, stepOf(1, message.sequence));
    }
    assert.deepEqual(ring.peers.producers, []);
    assert.equal(words.participants(), 1);
  }
  const producer = ring.producer();
  producer.tryPush(stepOf(3, 0));
  assert.deepEqual(consumer.popAll(), [stepOf(3, 0)]);
  ring.close();
  cleanRings({ directory });
  assert.deepEqual(readdirSync(directory), []);
  rmSync(directory, { recursive: true });
}

for (const language of ['TypeScript', 'Rust'] as const) {
  const title = `nothing is left of ${KILLS_OF[language]} killed processes, ${language}`;
  void it(title, { skip: missing(language) }, async (t) => {
    const seed = process.pid;
    t.diagnostic(`seed ${seed}`);
    await killAll(language, new SeededRandom(seed));
  });
}
