// Accepting at the limit of connections.
//
// What happened: a parked listener went on only when a connection was closed, although files,
// connects and opens that end make room as well; every listener that waited held a place that a
// connection could have had; and with several listeners more connections were taken from the queues
// than had places, so that peers were ended that nobody had accepted.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Errno } from '../../../src/base/index.ts';
import {
  CompletionFlag,
  createDriver,
  type Handle,
  type RealDriverKind,
} from '../../../src/driver/index.ts';
import { realHarness, type Harness } from '../../conformance/harness.ts';
import { reasonToSkip } from '../../conformance/real.ts';
import { onStation, Reader, type Station } from '../../conformance/station.ts';

const WATCHDOG = { timeout: 60_000 };
/** Places for the connections of peers. */
const CLIENTS = 6500;
const HERE = { host: '127.0.0.1', port: 0 };
/** TCP ports below 1024 that nobody listens at are refused at once; this one is never given out. */
const REFUSED = { host: '127.0.0.1', port: 1 };

/** Something that takes the only place, then gives it back. */
interface Occupant {
  readonly what: string;
  /** Takes the place; returns what gives it back. */
  take(station: Station, clients: Station): Promise<() => Promise<void>>;
}

/** A listener whose queue is full: whoever connects waits for an answer that does not come. */
async function fullListener(clients: Station): Promise<{ host: string; port: number }> {
  const listener = clients.call(() => clients.driver.listen(HERE, { backlog: 1 }));
  const address = clients.driver.address(listener);
  assert.ok('port' in address);
  // The queue has one place more than it is told.
  for (let i = 0; i < 2; i++) await clients.connect(address);
  return address;
}

const OCCUPANTS: readonly Occupant[] = [
  {
    what: 'a file that is closed',
    async take(station) {
      const path = station.harness.path('occupant');
      writeFileSync(path, 'x');
      const { driver } = station;
      const file = await station.result((token) =>
        driver.openFile(path, { access: 'read' }, token),
      );
      return () => station.done(station.close(file));
    },
  },
  {
    what: 'a connect that fails',
    take(station) {
      const { driver } = station;
      const operation = station.submit((token) => driver.connect(REFUSED, token));
      return Promise.resolve(async () => {
        await station.done(operation);
        assert.equal(operation.result, -Errno.ECONNREFUSED);
      });
    },
  },
  {
    what: 'a connect that is cancelled',
    async take(station, clients) {
      const { driver } = station;
      const address = await fullListener(clients);
      const operation = station.submit((token) => driver.connect(address, token));
      return async () => {
        assert.equal(operation.done, false);
        assert.equal(driver.cancel(operation.id), 0);
        await station.done(operation);
        assert.equal(operation.result, -Errno.ECANCELED);
      };
    },
  },
  {
    what: 'an open that fails',
    take(station) {
      const path = station.harness.path('missing');
      const operation = station.submit((token) =>
        station.driver.openFile(path, { access: 'read' }, token),
      );
      return Promise.resolve(async () => {
        await station.done(operation);
        assert.equal(operation.result, -Errno.ENOENT);
      });
    },
  },
];

/** Runs with a driver under test and one whose connections come to it. */
function onTwo(
  harness: Harness,
  limits: Record<string, number>,
  body: (station: Station, clients: Station) => Promise<void>,
): Promise<void> {
  return onStation(harness, { connections: CLIENTS }, (clients) =>
    onStation(harness, limits, (station) => body(station, clients)),
  );
}

async function resumes(station: Station, clients: Station, occupant: Occupant): Promise<void> {
  const leave = await occupant.take(station, clients);
  const listening = station.listen();
  const client = await clients.connect(listening.address);
  await leave();
  await station.until(() => listening.accepted.length === 1, 'the listener to go on');
  const reader = new Reader(clients, client);
  await station.closeAll(listening.accepted);
  await reader.all();
}

async function idleListeners(station: Station): Promise<void> {
  const { driver, harness } = station;
  for (let i = 0; i < 2; i++) station.listen();
  await station.settle();
  const path = harness.path('file');
  writeFileSync(path, 'x');
  const open = (token: number): number => driver.openFile(path, { access: 'read' }, token);
  const file = await station.result(open);
  assert.ok(file > 0, 'there is a place for a file');
  assert.equal(driver.usage().files, 1);
  const other = await station.result(open);
  assert.ok(other > 0, 'there is a second place');
  assert.equal(await station.result(open), -Errno.EMFILE);
  await station.closeAll([file, other]);
}

interface Crowd {
  readonly listeners: number;
  readonly limit: number;
  readonly connects: number;
  readonly completionsPerTurn?: number;
  /** The queues are full when accepting begins. */
  readonly early: boolean;
}

/** All connect; `limit` are accepted, the rest waits, and comes in when the first are closed. */
async function crowded(station: Station, clients: Station, crowd: Crowd): Promise<void> {
  const { driver } = station;
  const accepted: Handle[] = [];
  const listeners = Array.from({ length: crowd.listeners }, () => driver.listen(HERE));
  const accept = (listener: Handle): void => {
    station.submit(
      (token) => driver.accept(listener, token),
      ({ result, flags }) => {
        if ((flags & CompletionFlag.MORE) !== 0) accepted.push(result);
      },
    );
  };
  if (!crowd.early) listeners.forEach(accept);
  const connecting = Array.from({ length: crowd.connects }, (_, i) => {
    const address = driver.address(listeners[i % listeners.length]!);
    return clients.submit((token) => clients.driver.connect(address, token));
  });
  await clients.done(...connecting);
  const readers = connecting.map(({ result }) => new Reader(clients, result));
  const ended = (): number => readers.filter((reader) => reader.ended).length;
  if (crowd.early) listeners.forEach(accept);
  await station.until(() => accepted.length >= crowd.limit, 'as many as there is room for');
  await station.settle();
  await clients.settle();
  assert.equal(accepted.length, crowd.limit);
  assert.equal(driver.usage().connections, crowd.limit);
  assert.equal(ended(), 0, 'nobody was ended without having been accepted');
  const rest = crowd.connects - crowd.limit;
  await station.closeAll(accepted.splice(0, rest));
  await station.until(() => accepted.length === crowd.limit, 'the rest');
  await clients.until(() => ended() >= rest, 'the end of the first');
  await clients.settle();
  assert.equal(ended(), rest, 'only those that were closed have ended');
}

function describeKind(kind: RealDriverKind): void {
  const reason = reasonToSkip(kind);
  const options = { ...WATCHDOG, skip: reason === '' ? false : reason };
  const harness = realHarness(kind, (wanted) => createDriver({ kind, ...wanted }), false);
  after(() => harness.dispose());

  test(`${kind}: idle listeners take no places of others`, options, () =>
    onStation(harness, { connections: 2 }, idleListeners),
  );

  if (kind === 'portable') return;
  for (const occupant of OCCUPANTS) {
    test(`${kind}: a parked listener goes on after ${occupant.what}`, options, () =>
      onTwo(harness, { connections: 1 }, (station, clients) => resumes(station, clients, occupant)),
    );
  }

  const crowds: Crowd[] = [
    { listeners: 8, limit: 300, connects: 500, early: true },
    { listeners: 8, limit: 300, connects: 500, early: false },
    { listeners: 1, limit: 300, connects: 500, early: true, completionsPerTurn: 16 },
  ];
  // A large table too, with the full depth of accepts on every listener.
  if (kind === 'uring') crowds.push({ listeners: 16, limit: 4500, connects: 6400, early: true });
  for (const crowd of crowds) {
    const { listeners, limit, connects, early } = crowd;
    const when = early ? 'before' : 'after';
    const name = `${connects} connect to ${listeners} listeners ${when} they accept`;
    test(`${kind}: ${name}, ${limit} may, none is lost`, options, (context) =>
      onTwo(
        harness,
        { connections: limit, completionsPerTurn: crowd.completionsPerTurn ?? 1024 },
        async (station, clients) => {
          // A hard limit of descriptors bounds the drivers too.
          if (clients.driver.limits.connections < connects) context.skip('too few descriptors');
          else await crowded(station, clients, crowd);
        },
      ),
    );
  }
}

for (const kind of ['uring', 'epoll', 'portable'] as const) describeKind(kind);
