import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Shutdown } from './output.ts';
import type { Outlet } from './output.ts';
import { DUE, Gathering } from './gathering.ts';

const MANY = 100;

/** A gathering whose clock is set by hand, and what it hands over. */
class Trial {
  now = 1000;
  readonly handedOver: number[] = [];
  readonly gathering: Gathering = new Gathering(
    () => this.now,
    ({ index }) => this.handedOver.push(index),
  );

  /** Publishes to so many; as the output does it, those that are due already are not added. */
  publish(outlets: readonly Outlet[]): void {
    this.gathering.published();
    for (const outlet of outlets) if ((outlet.ends & DUE) === 0) this.gathering.add(outlet);
  }

  /** How many were handed over since it was asked last. */
  take(): number {
    return this.handedOver.splice(0).length;
  }
}

function outletsOf(count: number): Outlet[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ index, handle: index + 1, queued: 0, sends: 0, backlog: null },
    ...{ shutdown: Shutdown.NONE, ends: 0 },
  }));
}

/** The turn ends. */
const turnEnds = (): Promise<void> => Promise.resolve();
/** The event loop goes round once: what it was asked to call before that is called. */
const goesRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('Gathering hands over once, at the end of the turn, when nothing was published before', async () => {
  for (const count of [1, MANY]) {
    const trial = new Trial();
    const outlets = outletsOf(count);
    for (let i = 0; i < 5; i++) trial.publish(outlets);
    assert.equal(trial.take(), 0);
    await turnEnds();
    assert.equal(trial.take(), count);
    assert.ok(outlets.every(({ ends }) => ends === 0));
  }
});

it('Gathering never waits for few receivers', async () => {
  const trial = new Trial();
  const outlets = outletsOf(3);
  for (let i = 0; i < 5; i++) {
    trial.publish(outlets);
    await turnEnds();
    assert.equal(trial.take(), 3);
  }
});

it('Gathering waits for a moment of quiet when many got something shortly before', async () => {
  const trial = new Trial();
  const outlets = outletsOf(MANY);
  trial.publish(outlets);
  await turnEnds();
  assert.equal(trial.take(), MANY);
  trial.now += 1;
  trial.publish(outlets.slice(1));
  for (let i = 0; i < 10; i++) {
    await goesRound();
    assert.equal(trial.take(), 0);
    // Within the moment, which is 0.02 ms for so many, something comes again.
    trial.now += 0.015;
    trial.publish(outlets.slice(0, 1 + i));
  }
  await goesRound();
  trial.now += 0.03;
  await goesRound();
  assert.equal(trial.take(), MANY);
  await goesRound();
  assert.equal(trial.take(), 0);
});

it('Gathering does not wait for longer than sending takes, whatever is published', async () => {
  const trial = new Trial();
  const outlets = outletsOf(MANY);
  trial.publish(outlets);
  await turnEnds();
  trial.take();
  const began = trial.now;
  trial.publish(outlets);
  await turnEnds();
  while (trial.handedOver.length === 0) {
    assert.ok(trial.now - began < 1, 'it comes to an end');
    trial.now += 0.01;
    trial.publish(outlets);
    await goesRound();
  }
  assert.equal(trial.take(), MANY);
  assert.ok(trial.now - began > 0.5);
});

it('Gathering hands over at once again when it was quiet for a while', async () => {
  const trial = new Trial();
  const outlets = outletsOf(MANY);
  for (let i = 0; i < 3; i++) {
    trial.publish(outlets);
    await turnEnds();
    assert.equal(trial.take(), MANY);
    trial.now += 5;
  }
});
