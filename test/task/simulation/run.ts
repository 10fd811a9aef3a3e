/** One random program from its beginning to its end, on a virtual clock. */
import { SeededRandom } from '../../../src/base/index.ts';
import { Executor, VirtualHost } from '../../../src/task/index.ts';
import { Actor, CODES } from './actor.ts';
import { Ledger } from './ledger.ts';
import type { Program } from './program.ts';
import { World } from './world.ts';

/** Virtual milliseconds in which everything that was cancelled has cleaned up. */
const CLEANING_MS = 10_000;

/** What came of a run: the same for the same program. */
export interface Run {
  readonly hash: number;
  readonly events: number;
}

/** Runs a program. @throws {Error} with all that was found to be wrong */
export function runProgram(program: Program): Run {
  const host = new VirtualHost({ turns: 200_000 });
  const executor = host.executor({
    scheduling: program.scheduling,
    budget: program.budget,
    pollsPerTurn: program.pollsPerTurn,
    random: new SeededRandom(program.chance),
    watchdog: { timing: 'off' },
    graceMs: 3_600_000,
  });
  host.pause();
  const ledger = new Ledger(executor);
  const scene = { executor, ledger };
  const world = host.enter(() => new World(scene, program));
  const actor = new Actor(scene, world);
  executor.turn = () => {
    const polls = Executor.prototype.turn.call(executor);
    const isQuiet = !executor.hasReady && executor.timers.nextDeadline() > host.now();
    for (const thing of world.things) thing.check(isQuiet);
    if (isQuiet) ledger.checkWaits();
    ledger.throwFailures();
    return polls;
  };
  for (const steps of program.tasks) actor.start(steps, (body) => executor.spawn(body));
  for (const { at, which } of [...program.aborts].sort((a, b) => a.at - b.at)) {
    host.runFor(Math.max(0, at - host.now()));
    actor.abort(which);
  }
  host.runFor(Math.max(0, program.end - host.now()));
  ledger.note('everything is cancelled');
  void executor.close();
  for (let ms = 0; ms < CLEANING_MS && executor.living > 0; ms++) host.runFor(1);
  host.advance(0); // What the last of them failed with is reported a turn later.
  for (const thing of world.things) thing.end();
  ledger.checkEnd(host.reported, CODES);
  ledger.throwFailures();
  return { hash: ledger.hash, events: ledger.events };
}
