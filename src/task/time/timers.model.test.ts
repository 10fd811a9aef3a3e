/** Random programs on the timers and on a sorted list, which must agree in everything. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Timers } from './timers.ts';

/** What an entry does when it fires. */
interface Reaction {
  readonly kind: 'insert' | 'cancel' | 'reset';
  readonly which: number;
  readonly delta: number;
}

type Step =
  | { kind: 'insert'; delta: number; hold: boolean; reaction: Reaction | undefined }
  | { kind: 'cancel' | 'cancelVoid'; which: number }
  | { kind: 'reset'; which: number; delta: number }
  | { kind: 'expire'; delta: number };

/** A timer of the list. `effective` is the millisecond as which it counts: that of setting at least. */
interface Listed {
  readonly id: number;
  readonly hold: boolean;
  readonly reaction: Reaction | undefined;
  handle: number;
  tick: number;
  effective: number;
  order: number;
  /** Set by an entry and due already: for the next call. */
  deferred: boolean;
}

class Model {
  readonly timers: Timers;
  now = 0;
  readonly #most: number;
  #listed: Listed[] = [];
  #void: number[] = [];
  #ids = 0;
  #order = 0;
  #firing = false;
  #armed = Infinity;
  #heldSeen = false;
  readonly #expected: number[] = [];
  readonly #fired: number[] = [];

  constructor(batch: number, most: number) {
    this.#most = most;
    this.timers = new Timers(() => this.#told(), { batch });
  }

  #told(): void {
    this.#armed = this.timers.nextDeadline();
    this.#heldSeen = this.timers.held > 0;
  }

  #place(timer: Listed, tick: number): void {
    timer.tick = tick;
    timer.effective = Math.max(tick, this.timers.present);
    timer.deferred = this.#firing && tick <= this.timers.present;
    timer.order = this.#order++;
  }

  insert(delta: number, hold: boolean, reaction: Reaction | undefined): void {
    const deadline = Math.max(0, this.now + delta);
    const id = this.#ids++;
    const timer: Listed = {
      ...{ id, hold, reaction, handle: 0, tick: 0, effective: 0, order: 0, deferred: false },
    };
    this.#place(timer, Math.ceil(deadline));
    this.#listed.push(timer);
    timer.handle = this.timers.insert(deadline, { fire: () => this.#fire(timer) }, hold);
  }

  cancel(which: number): void {
    const [timer] = this.#listed.splice(which % Math.max(1, this.#listed.length), 1);
    if (timer === undefined) return;
    assert.ok(this.timers.cancel(timer.handle));
    this.#void.push(timer.handle);
  }

  cancelVoid(which: number): void {
    const handle = this.#void[which % Math.max(1, this.#void.length)];
    if (handle === undefined) return;
    assert.equal(this.timers.cancel(handle), false);
    assert.equal(this.timers.reset(handle, this.now), false);
  }

  reset(which: number, delta: number): void {
    const timer = this.#listed[which % Math.max(1, this.#listed.length)];
    if (timer === undefined) return;
    const deadline = Math.max(0, this.now + delta);
    this.#place(timer, Math.ceil(deadline));
    assert.ok(this.timers.reset(timer.handle, deadline));
  }

  /** The timer of the list that is first, of those due at `until`. */
  #first(until: number): Listed | undefined {
    let best: Listed | undefined;
    for (const timer of this.#listed) {
      if (timer.deferred || timer.effective > until) continue;
      if (
        best === undefined ||
        timer.effective < best.effective ||
        (timer.effective === best.effective && timer.order < best.order)
      ) {
        best = timer;
      }
    }
    return best;
  }

  #fire(timer: Listed): void {
    assert.ok(this.now >= timer.tick, 'fired early');
    // What the list says comes next, at this very moment.
    const expected = this.#first(Math.floor(this.now));
    this.#expected.push(expected?.id ?? -1);
    this.#fired.push(timer.id);
    this.#listed.splice(this.#listed.indexOf(timer), 1);
    this.#void.push(timer.handle);
    const { reaction } = timer;
    if (reaction === undefined) return;
    if (reaction.kind === 'insert') this.insert(reaction.delta, false, undefined);
    else if (reaction.kind === 'cancel') this.cancel(reaction.which);
    else this.reset(reaction.which, reaction.delta);
  }

  expire(delta: number): void {
    this.now += delta;
    const before = this.#fired.length;
    this.#firing = true;
    const count = this.timers.expire(this.now, this.#most);
    this.#firing = false;
    assert.ok(count <= this.#most);
    assert.equal(this.#fired.length - before, count);
    for (const timer of this.#listed) timer.deferred = false;
    this.#told();
  }

  drain(): void {
    for (let calls = 0; this.timers.nextDeadline() <= this.now; calls++) {
      assert.ok(calls < 10_000, 'never done');
      this.expire(0);
    }
    assert.equal(this.#first(Math.floor(this.now)), undefined, 'one that is due did not fire');
  }

  check(): void {
    assert.deepEqual(this.#fired, this.#expected);
    assert.equal(this.timers.size, this.#listed.length);
    assert.equal(this.timers.held, this.#listed.filter(({ hold }) => hold).length);
    assert.equal(this.#heldSeen, this.timers.held > 0);
    const first = this.#listed.reduce((least, one) => Math.min(least, one.effective), Infinity);
    // What the owner was told last, as it alone asks for the next deadline.
    assert.ok(this.#armed <= Math.max(first, this.timers.present), 'it would sleep too long');
    if (this.#listed.length === 0) assert.equal(this.timers.nextDeadline(), Infinity);
  }
}

const boundaries = [
  64,
  255,
  256,
  511,
  512,
  4096,
  2 ** 16,
  2 ** 24,
  2 ** 31,
  2 ** 32,
  2 ** 36,
  2 ** 40,
];
const far = fc.constantFrom(2 ** 40 + 1, 2 ** 41 - 1, 3 * 2 ** 40 + 256, 2 ** 44, 2 ** 45 + 65_536);
const near = fc
  .tuple(fc.constantFrom(...boundaries), fc.integer({ min: -2, max: 2 }))
  .map(([boundary, offset]) => boundary + offset);
const small = fc.integer({ min: 0, max: 130 });
const distance = fc.oneof(
  { arbitrary: small, weight: 5 },
  { arbitrary: small.map((ms) => ms + 0.5), weight: 1 },
  { arbitrary: near, weight: 4 },
  { arbitrary: fc.integer({ min: 0, max: 2 ** 31 - 1 }), weight: 2 },
  { arbitrary: far, weight: 1 },
);
const wait = fc.oneof(
  { arbitrary: distance, weight: 9 },
  { arbitrary: small.map((ms) => -ms), weight: 1 },
);
const which = fc.nat({ max: 1000 });

function stepOf(reaction: fc.Arbitrary<Reaction | undefined>): fc.Arbitrary<Step> {
  return fc.oneof(
    {
      arbitrary: fc.record({
        kind: fc.constant('insert' as const),
        delta: wait,
        hold: fc.boolean(),
        reaction,
      }),
      weight: 5,
    },
    { arbitrary: fc.record({ kind: fc.constant('cancel' as const), which }), weight: 1 },
    { arbitrary: fc.record({ kind: fc.constant('cancelVoid' as const), which }), weight: 1 },
    {
      arbitrary: fc.record({ kind: fc.constant('reset' as const), which, delta: wait }),
      weight: 2,
    },
    { arbitrary: fc.record({ kind: fc.constant('expire' as const), delta: distance }), weight: 3 },
  );
}

function run(model: Model, steps: readonly Step[]): void {
  for (const step of steps) {
    if (step.kind === 'insert') model.insert(step.delta, step.hold, step.reaction);
    else if (step.kind === 'reset') model.reset(step.which, step.delta);
    else if (step.kind === 'expire') model.expire(step.delta);
    else model[step.kind](step.which);
    model.check();
  }
  model.drain();
  model.check();
  model.expire(2 ** 47);
  model.drain();
  model.check();
}

test('Timers: agree with a sorted list, whatever entries do when they fire', () => {
  const reaction = fc.option(
    fc.record({
      kind: fc.constantFrom('insert' as const, 'cancel' as const, 'reset' as const),
      which,
      delta: wait,
    }),
    { nil: undefined, freq: 2 },
  );
  fc.assert(
    fc.property(fc.array(stepOf(reaction), { maxLength: 80, size: 'max' }), (steps) => {
      run(new Model(2 ** 20, 2 ** 20), steps);
    }),
    { numRuns: 3000 },
  );
});

test('Timers: agree with a sorted list when each call does little', () => {
  const program = fc.record({
    batch: fc.integer({ min: 1, max: 6 }),
    most: fc.integer({ min: 1, max: 6 }),
    steps: fc.array(stepOf(fc.constant(undefined)), { maxLength: 80, size: 'max' }),
  });
  fc.assert(
    fc.property(program, ({ batch, most, steps }) => run(new Model(batch, most), steps)),
    { numRuns: 3000 },
  );
});
