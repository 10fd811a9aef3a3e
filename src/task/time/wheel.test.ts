import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  highOf,
  LAST_TICK,
  lowOf,
  OVERFLOW,
  SLOTS,
  slotOf,
  slotStart,
  slotWidth,
  tickOf,
  WHEEL_SPAN,
} from './wheel.ts';

const slotAt = (now: number, tick: number): number =>
  slotOf(highOf(now), lowOf(now), highOf(tick), lowOf(tick));

const levelAt = (now: number, tick: number): number => Math.floor(slotAt(now, tick) / SLOTS);

const LEVELS = [0, 1, 2, 3, 4] as const;

test('slotOf: the level is that of the first eight bits that differ', () => {
  for (let tick = 1; tick < SLOTS; tick++) assert.equal(levelAt(0, tick), 0);
  for (const level of LEVELS.slice(1)) {
    for (let slot = 1; slot < SLOTS; slot++) {
      const tick = slot * SLOTS ** level;
      assert.equal(levelAt(0, tick), level, `level of ${tick}`);
      assert.equal(levelAt(0, tick + 1), level, `level of ${tick + 1}`);
      assert.equal(levelAt(0, tick - 1), slot > 1 ? level : level - 1, `level of ${tick - 1}`);
      assert.equal(levelAt(tick - 1, tick), level);
      assert.equal(levelAt(tick, tick + 1), 0);
    }
  }
});

test('slotOf: the slot is those eight bits', () => {
  for (const level of LEVELS) {
    for (let slot = 1; slot < SLOTS; slot++) {
      const tick = slot * SLOTS ** level;
      assert.equal(slotAt(0, tick), level * SLOTS + slot);
      assert.equal(slotAt(0, tick + SLOTS ** level - 1), level * SLOTS + slot);
      assert.equal(slotStart(slotAt(0, tick), 0, 0), tick);
    }
  }
});

test('slotOf: what is beyond the round of the wheel is in the overflow', () => {
  assert.equal(levelAt(0, WHEEL_SPAN - 1), LEVELS.at(-1));
  assert.equal(slotAt(0, WHEEL_SPAN), OVERFLOW);
  assert.equal(slotAt(0, LAST_TICK), OVERFLOW);
  assert.equal(slotAt(WHEEL_SPAN - 1, WHEEL_SPAN), OVERFLOW);
  assert.equal(slotAt(WHEEL_SPAN * 3, WHEEL_SPAN * 3 + 1), 1);
});

test('slotStart: a slot holds exactly the ticks of its width, seen from any present', () => {
  const presents = [
    0,
    1,
    255,
    256,
    65_535,
    65_536,
    2 ** 24 + 77,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
  ];
  const distances = [1, 255, 256, 257, 65_535, 65_536, 2 ** 24 + 1, 2 ** 31, 2 ** 33, 2 ** 39];
  for (const present of [...presents, 2 ** 32, 2 ** 39 + 12_345]) {
    for (const distance of distances) {
      const tick = present + distance;
      assert.equal(tickOf(highOf(tick), lowOf(tick)), tick);
      const slot = slotAt(present, tick);
      if (slot === OVERFLOW) continue;
      const start = slotStart(slot, highOf(present), lowOf(present));
      assert.ok(start > present && start <= tick && tick < start + slotWidth(slot));
    }
  }
});
