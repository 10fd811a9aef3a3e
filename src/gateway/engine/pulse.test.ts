import assert from 'node:assert/strict';
import { it } from 'node:test';
import { simulate, type SimulatedDriver } from '../../driver/index.ts';
import { Arena } from '../../memory/index.ts';
import type { Connection } from '../sockets/connection.ts';
import { Alarms } from './alarms.ts';
import { Pause } from './pause.ts';
import { Pulse } from './pulse.ts';

/** What a pulse looks at of a connection. */
interface Looked {
  index: number;
  isOpen: boolean;
  receiver: object | null;
  paused: number;
  queued: number;
}

/** Connections on a virtual clock. */
class World {
  readonly driver: SimulatedDriver;
  readonly alarms: Alarms;
  readonly connections: (Looked | undefined)[] = [];
  readonly pulse: Pulse;
  readonly notes: string[] = [];

  constructor(idleTimeoutMs: number, maxLifetimeMs: number) {
    this.driver = simulate({
      ...{ arena: Arena.create({ size: 1 << 20 }), seed: 1 },
      ...{ buffers: 2, bufferSize: 256, connections: 4, operations: 64 },
      handler: () => this.alarms.ring(),
    });
    this.alarms = new Alarms(this.driver, 5);
    const note =
      (what: string) =>
      ({ index }: Connection): void =>
        void this.notes.push(`${what} ${index}`);
    this.pulse = new Pulse(
      this.connections as unknown as (Connection | undefined)[],
      this.alarms,
      { idleTimeoutMs, maxLifetimeMs },
      {
        quiet: note('quiet'),
        idle: (connection) => {
          note('idle')(connection);
          this.close(connection.index);
        },
        old: (connection) => {
          note('old')(connection);
          this.close(connection.index);
        },
      },
    );
  }

  open(index: number = this.connections.length): Looked {
    const connection = { index, isOpen: true, receiver: {}, paused: 0, queued: 0 };
    this.connections[index] = connection;
    this.pulse.start(index);
    return connection;
  }

  close(index: number): void {
    this.connections[index]!.isOpen = false;
  }

  leave(index: number): void {
    this.connections[index] = undefined;
    this.pulse.stop();
  }

  /** Turns until so many milliseconds have passed. */
  pass(milliseconds: number): void {
    const end = this.driver.now() + milliseconds;
    this.alarms.after(milliseconds, () => undefined);
    for (let turns = 0; this.driver.now() < end; turns++) {
      assert.ok(turns < 1_000_000);
      this.driver.turn();
    }
  }
}

it('Pulse: who says nothing is asked twice and then idle, who is heard is not', () => {
  const world = new World(1600, 0);
  world.open();
  world.open();
  for (let i = 0; i < 40; i++) {
    world.pass(100);
    world.pulse.heard(1);
  }
  assert.deepEqual(world.notes, ['quiet 0', 'quiet 0', 'idle 0']);
});

it('Pulse: the timeout is neither much before nor much after its time', () => {
  const world = new World(16_000, 0);
  world.pass(12_345);
  world.open();
  world.pass(15_000);
  assert.deepEqual(world.notes, ['quiet 0', 'quiet 0']);
  world.pass(3000);
  assert.deepEqual(world.notes, ['quiet 0', 'quiet 0', 'idle 0']);
});

it('Pulse: thousands of connections are looked at once in a tick each', () => {
  const world = new World(1600, 0);
  for (let i = 0; i < 3000; i++) world.open();
  world.pass(1150);
  assert.equal(world.notes.length, 3000);
  assert.equal(new Set(world.notes).size, 3000);
  // And those that come in the middle of a pass.
  for (let i = 0; i < 500; i++) world.open();
  world.pass(3000);
  const idle = world.notes.filter((note) => note.startsWith('idle'));
  assert.equal(idle.length, 3500);
  assert.equal(new Set(idle).size, 3500);
});

it('Pulse: a pause is no silence, except of who holds memory and takes nothing', () => {
  const world = new World(1600, 0);
  const paused = world.open();
  const starved = world.open();
  const holding = world.open();
  paused.paused = Pause.USER | Pause.MEMORY;
  paused.queued = 1000;
  starved.paused = Pause.MEMORY;
  holding.paused = Pause.MEMORY;
  holding.queued = 1000;
  world.pass(5000);
  assert.deepEqual(world.notes, ['quiet 2', 'quiet 2', 'idle 2']);
  paused.paused = 0;
  world.pass(1000);
  assert.deepEqual(world.notes.slice(3), ['quiet 0']);
});

it('Pulse: a life ends at its time, once, heard or not; silence may have no limit', () => {
  const world = new World(0, 1600);
  world.open();
  world.pass(800);
  world.open();
  for (let i = 0; i < 10; i++) {
    world.pass(100);
    for (const index of [0, 1]) world.pulse.heard(index);
  }
  assert.deepEqual(world.notes, ['old 0']);
  world.pass(5000);
  assert.deepEqual(world.notes, ['old 0', 'old 1']);
});

it('Pulse: without limits, and without connections, no timer runs', () => {
  const none = new World(0, 0);
  none.open();
  assert.equal(none.driver.usage().operations, 0);
  none.leave(0);
  const some = new World(1600, 0);
  assert.equal(some.driver.usage().operations, 0);
  for (let round = 0; round < 1000; round++) {
    some.open(0);
    some.leave(0);
  }
  assert.ok(some.alarms.size <= 128, `${some.alarms.size} alarms are kept`);
  some.open(0);
  some.pass(900);
  assert.deepEqual(some.notes, ['quiet 0']);
});
