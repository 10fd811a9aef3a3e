import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { simulate, type SimulatedDriver } from '../../driver/index.ts';
import { Arena } from '../../memory/index.ts';
import { Alarms } from './alarms.ts';

const TOKEN = 5;

/** Alarms on a virtual clock. */
class World {
  readonly driver: SimulatedDriver;
  readonly alarms: Alarms;
  readonly rung: string[] = [];

  constructor(seed = 1) {
    this.driver = simulate({
      arena: Arena.create({ size: 1 << 20 }),
      seed,
      buffers: 2,
      bufferSize: 256,
      connections: 4,
      operations: 64,
      handler: () => this.alarms.ring(),
    });
    this.alarms = new Alarms(this.driver, TOKEN);
  }

  note(name: string): () => void {
    return () => this.rung.push(`${name} ${this.driver.now()}`);
  }

  /** Turns until nothing is under way. */
  idle(): void {
    for (let turns = 0; this.driver.usage().operations > 0; turns++) {
      assert.ok(turns < 10_000, 'it comes to an end');
      this.driver.turn();
    }
  }
}

it('Alarms ring in the order of their times, each once and not before', () => {
  const world = new World();
  const { alarms, driver } = world;
  const began = driver.now();
  const order: string[] = [];
  for (const wait of [30, 10, 20, 10, 0]) {
    alarms.after(wait, () => {
      assert.ok(driver.now() >= began + wait);
      order.push(`${wait}`);
    });
  }
  world.idle();
  assert.deepEqual(order, ['0', '10', '10', '20', '30']);
});

it('Alarms that are cancelled do not ring, whether before, at or after their time', () => {
  const world = new World();
  const { alarms } = world;
  const early = alarms.after(10, world.note('early'));
  const late = alarms.after(20, world.note('late'));
  alarms.after(10, () => alarms.cancel(late));
  alarms.cancel(early);
  alarms.cancel(early);
  alarms.cancel(undefined);
  world.idle();
  alarms.cancel(late);
  assert.deepEqual(world.rung, []);
});

it('Alarms may be set and cancelled by what rings', () => {
  const world = new World();
  const { alarms } = world;
  let left = 5;
  const again = (): void => {
    left -= 1;
    if (left > 0) alarms.after(left === 2 ? 0 : 7, again);
  };
  alarms.after(1, again);
  world.idle();
  assert.equal(left, 0);
});

it('Alarms: short ones beside a long one take two timers of the driver at most', () => {
  const world = new World();
  const { alarms, driver } = world;
  let rung = 0;
  const long = alarms.after(1_000_000, () => assert.fail('it is cancelled before'));
  for (let round = 1; round <= 200; round++) {
    alarms.after(3, () => (rung += 1));
    while (rung < round) driver.turn();
    assert.ok(driver.usage().operations <= 2, `${driver.usage().operations} timers`);
  }
  alarms.cancel(long);
  alarms.stop();
});

it('Alarms: what is set and cancelled again and again is not kept until its time', () => {
  const world = new World();
  const { alarms } = world;
  for (let i = 0; i < 10_000; i++) alarms.cancel(alarms.after(1_000_000 + i, () => undefined));
  assert.ok(alarms.size <= 128, `${alarms.size} are kept`);
});

it('Alarms: nothing rings after stop', () => {
  const world = new World();
  world.alarms.after(5, world.note('stopped'));
  world.alarms.stop();
  world.idle();
  assert.deepEqual(world.rung, []);
});

it('Alarms ring as a sorted list would, whatever is set and cancelled between', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), value: fc.nat(50) }),
    fc.record({ do: fc.constant('cancel' as const), value: fc.nat(30) }),
    fc.record({ do: fc.constant('turn' as const), value: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat(), (steps, seed) => {
      const { alarms, driver } = new World(seed);
      const set: { alarm: ReturnType<Alarms['after']>; cancelled: boolean; rung: number }[] = [];
      for (const { do: what, value } of steps) {
        if (what === 'turn') for (let i = 0; i < value; i++) driver.turn();
        else if (what === 'set') {
          const entry = { cancelled: false, rung: 0 };
          const alarm = alarms.after(value, () => {
            assert.ok(driver.now() >= alarm.at);
            full.rung += 1;
          });
          const full = Object.assign(entry, { alarm });
          set.push(full);
        } else {
          const entry = set[value];
          if (entry === undefined) continue;
          if (entry.rung === 0) entry.cancelled = true;
          alarms.cancel(entry.alarm);
        }
      }
      for (let turns = 0; driver.usage().operations > 0; turns++) {
        assert.ok(turns < 10_000);
        driver.turn();
      }
      for (const { cancelled, rung } of set) assert.equal(rung, cancelled ? 0 : 1);
      assert.equal(alarms.size, 0);
    }),
    { numRuns: 200 },
  );
});
