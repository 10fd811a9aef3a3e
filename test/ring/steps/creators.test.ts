/** Who makes a ring, or opens it by its name, dies at each of its writes. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { cleanRings, listRings, Ring } from '../../../src/ring/index.ts';
import type { StepRing } from './actor.ts';
import { type Language, missing } from './library.ts';
import { Step, stepOf } from './message.ts';
import { testEachStep, Traces } from './scenario.ts';
import { type Kill, SideProcess } from './side-process.ts';
import { Twin } from './twin.ts';

const SHAPE = { topology: 'spsc', slots: 4, slabBytes: 64 } as const;

/** What the runs of one test share. */
class Place {
  readonly traces: Traces = new Traces();
  readonly twin: Twin = new Twin();

  directory(): string {
    return mkdtempSync(join(tmpdir(), 'rondo-made-'));
  }

  async close(): Promise<void> {
    await this.twin.close();
    this.traces.close();
  }
}

/** Does lines until it dies; whether it was killed. */
async function playAll(victim: SideProcess, lines: readonly string[]): Promise<boolean> {
  for (const line of lines) if (!(await victim.run(line))) break;
  return victim.end();
}

function start(language: Language, kill: Kill, { traces }: Place): SideProcess {
  return new SideProcess(language, -1, { kill, trace: traces.next(), arms: false });
}

/** A ring works, and leaves nothing. */
function use(ring: StepRing, directory: string): void {
  const [producer, consumer] = [ring.producer(), ring.consumer()];
  for (let sequence = 0; sequence < 9; sequence++) {
    producer.tryPush(stepOf(1, sequence));
    assert.deepEqual(consumer.tryPop(), stepOf(1, sequence));
  }
  ring.close();
  assert.deepEqual(readdirSync(directory), []);
}

async function killCreator(language: Language, kill: Kill, place: Place): Promise<number> {
  const directory = place.directory();
  const victim = start(language, kill, place);
  const wasKilled = await playAll(victim, [
    `create:made:${directory}:spsc,0,1,1,4,64`,
    'producer:1 push',
    'leave',
  ]);
  assert.equal(wasKilled, kill.step > 0);
  assert.throws(() => Ring.open(Step, 'made', { directory }), { code: 'ERR_RING_NOT_FOUND' });
  // Two clear up at a time, or the next creator does.
  if (kill.when === 'after') {
    await place.twin.together({ directory }, () => void cleanRings({ directory }));
    assert.deepEqual(readdirSync(directory), []);
  }
  use(Ring.create(Step, { name: 'made', directory, ...SHAPE }), directory);
  rmSync(directory, { recursive: true });
  return victim.writes().length;
}

async function killOpener(language: Language, kill: Kill, place: Place): Promise<number> {
  const directory = place.directory();
  const ring = Ring.create(Step, { name: 'made', directory, ...SHAPE });
  const victim = start(language, kill, place);
  const wasKilled = await playAll(victim, [`open:made:${directory}`, 'consumer', 'leave']);
  assert.equal(wasKilled, kill.step > 0);
  assert.throws(() => Ring.create(Step, { name: 'made', directory, ...SHAPE }), {
    code: 'ERR_RING_EXISTS',
  });
  await place.twin.together({ directory }, () => void cleanRings({ directory }));
  const [name, ...others] = listRings({ directory }).names;
  assert.deepEqual(others, []);
  assert.equal(name!.holders.length, 1, 'the dead holder is gone, the living one is there');
  assert.deepEqual(ring.peers, { producers: [], consumers: [] });
  use(ring, directory);
  rmSync(directory, { recursive: true });
  return victim.writes().length;
}

const roles = [
  ['creator', killCreator],
  ['opener', killOpener],
] as const;
for (const language of ['TypeScript', 'Rust'] as const) {
  for (const [role, killIt] of roles) {
    const options = { skip: missing(language), concurrency: availableParallelism() };
    void it(`${language} ${role}`, options, async (t) => {
      const place = new Place();
      try {
        await testEachStep(t, role, async (kill) => killIt(language, kill, place));
      } finally {
        await place.close();
      }
    });
  }
}
