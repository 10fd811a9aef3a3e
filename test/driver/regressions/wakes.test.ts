// A wake that comes before anybody asked to be told of wakes.
//
// What happened: the driver noticed the waker, cleared its word, found no `wakes` operation and
// forgot it. A worker that was faster than its starter's `wakes` waited for an answer for ever.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { CompletionFlag, createDriver, wakeDriver } from '../../../src/driver/index.ts';
import { realHarness } from '../../conformance/harness.ts';
import { reasonToSkip } from '../../conformance/real.ts';
import { onStation, type Operation, type Station } from '../../conformance/station.ts';

function woken(operation: Operation): number {
  return operation.completions.filter(({ flags }) => (flags & CompletionFlag.MORE) !== 0).length;
}

async function early(station: Station, seen: boolean): Promise<void> {
  const { driver, arena } = station;
  const waker = driver.waker();
  // Several are one.
  for (let i = 0; i < 3; i++) wakeDriver(arena, waker);
  // In one case the driver has had turns in which it noticed them, in the other none.
  if (seen) await station.settle();
  const waking = station.submit((token) => driver.wakes(token));
  assert.equal(waking.completions.length, 0);
  await station.until(() => woken(waking) > 0, 'the early wake');
  await station.settle();
  assert.equal(woken(waking), 1);
  // And the waker goes on to work.
  for (let times = 2; times <= 4; times++) {
    wakeDriver(arena, waker);
    await station.until(() => woken(waking) === times, 'a later wake');
  }
  assert.equal(driver.cancel(waking.id), 0);
  await station.done(waking);
}

/** Between two `wakes` operations. */
async function between(station: Station): Promise<void> {
  const { driver, arena } = station;
  const waker = driver.waker();
  for (let round = 0; round < 5; round++) {
    const waking = station.submit((token) => driver.wakes(token));
    await station.until(() => woken(waking) === Math.min(round, 1), 'the wake in between');
    assert.equal(driver.cancel(waking.id), 0);
    await station.done(waking);
    wakeDriver(arena, waker);
    await station.settle();
  }
}

for (const kind of ['uring', 'epoll', 'portable'] as const) {
  const reason = reasonToSkip(kind);
  const options = { timeout: 60_000, skip: reason === '' ? false : reason };
  const harness = realHarness(kind, (wanted) => createDriver({ kind, ...wanted }), false);
  after(() => harness.dispose());

  test(`${kind}: a wake that was noticed before wakes() is delivered`, options, () =>
    onStation(harness, {}, (station) => early(station, true)),
  );
  test(`${kind}: a wake in the same turn as wakes() is delivered`, options, () =>
    onStation(harness, {}, (station) => early(station, false)),
  );
  test(`${kind}: a wake between two wakes() is delivered`, options, () =>
    onStation(harness, {}, between),
  );
}
