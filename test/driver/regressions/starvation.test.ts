// Completions that the driver makes itself (of closes, of cancelled operations) have their share of
// every turn, however many come from the kernel.
//
// What happened: they were delivered only when a turn had room left after those of the kernel.
// Under load that filled every turn, an idle connection was not closed until the load ended.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createDriver, type Handle } from '../../../src/driver/index.ts';
import { realHarness } from '../../conformance/harness.ts';
import { reasonToSkip } from '../../conformance/real.ts';
import { onStation, Reader, type Operation, type Station } from '../../conformance/station.ts';

const PER_TURN = 16;
const PAIRS = 24;
/** Messages of a pair in flight: every turn has more to deliver than it may. */
const DEPTH = 4;
/** A hundred times what is needed, and a small part of what comes in a second. */
const MESSAGES_MAX = 5000;

interface Load {
  messages: number;
  stopped: boolean;
  readonly readers: Reader[];
  readonly idle: [client: Handle, server: Handle];
}

/** Pairs that send to each other without end. */
async function echoing(station: Station): Promise<Load> {
  const listening = station.listen();
  const idle = await station.pair(listening);
  const load: Load = { messages: 0, stopped: false, readers: [], idle };
  for (let i = 0; i < PAIRS; i++) {
    const pair = await station.pair(listening);
    for (const connection of pair) {
      const onBytes = (): void => {
        load.messages += 1;
        if (!load.stopped) station.send(connection, 'eight by');
      };
      load.readers.push(new Reader(station, connection, { onBytes }));
      for (let depth = 0; depth < DEPTH; depth++) station.send(connection, 'eight by');
    }
  }
  const { messages } = load;
  await station.until(() => load.messages > messages + 1000, 'load');
  return load;
}

/** Waits for the operation; meanwhile at most `MESSAGES_MAX` messages may come. */
async function boundedly(station: Station, load: Load, operation: Operation): Promise<void> {
  const limit = load.messages + MESSAGES_MAX;
  await station.until(() => operation.done || load.messages > limit, 'a completion or the bound');
  assert.ok(operation.done, `completed within ${MESSAGES_MAX} messages`);
}

async function starved(station: Station): Promise<void> {
  const { driver } = station;
  const load = await echoing(station);
  const [client, server] = load.idle;
  await boundedly(station, load, station.close(client));
  const reader = new Reader(station, server);
  await boundedly(station, load, reader.operation);
  await boundedly(station, load, station.close(server));
  const waking = station.submit((token) => driver.wakes(token));
  assert.equal(driver.cancel(waking.id), 0);
  await boundedly(station, load, waking);
  const listener = driver.listen(station.harness.address());
  const accepting = station.submit((token) => driver.accept(listener, token));
  const closing = station.close(listener);
  await boundedly(station, load, accepting);
  await boundedly(station, load, closing);
  load.stopped = true;
  assert.ok(
    load.readers.every((busy) => !busy.ended),
    'the load went on all the time',
  );
}

for (const kind of ['uring', 'epoll'] as const) {
  const reason = reasonToSkip(kind);
  const options = { timeout: 60_000, skip: reason === '' ? false : reason };
  const harness = realHarness(kind, (wanted) => createDriver({ kind, ...wanted }), false);
  after(() => harness.dispose());

  test(`${kind}: what the driver completes itself is not starved by traffic`, options, () =>
    onStation(harness, { completionsPerTurn: PER_TURN }, starved),
  );
}
