import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  highOf,
  LAST_TICK,
  lowOf,
  OVERFLOW,
  slotOf,
  slotStart,
  slotWidth,
  WHEEL_SPAN,
} from './wheel.ts';

function slotAt(now: number, tick: number): number {
  const nowHigh = highOf(now);
  const high = highOf(tick);
  return slotOf(nowHigh, lowOf(now, nowHigh), high, lowOf(tick, high));
}

const levelAt = (now: number, tick: number): number => slotAt(now, tick) >>> 6;

test('slotOf: the level is that of the highest six bits that differ', () => {
  for (let tick = 1; tick < 64; tick++) assert.equal(levelAt(0, tick), 0);
  for (let level = 1; level < 5; level++) {
    for (let slot = level; slot < 64; slot++) {
      const tick = slot * 64 ** level;
      assert.equal(levelAt(0, tick), level, `level of ${tick}`);
      if (tick > level) {
        assert.equal(levelAt(0, tick - 1), slot > 1 ? level : level - 1, `level of ${tick - 1}`);
      }
      if (tick < 64 ** (level + 1)) assert.equal(levelAt(0, tick + 1), level);
    }
  }
});

test('slotOf: the slot is those six bits', () => {
  for (let level = 0; level < 6; level++) {
    for (let slot = 1; slot < 64; slot++) {
      const tick = slot * 64 ** level;
      assert.equal(slotAt(0, tick), level * 64 + slot);
      assert.equal(slotAt(0, tick + 64 ** level - 1), level * 64 + slot);
      assert.equal(slotStart(slotAt(0, tick), 0, 0), tick);
    }
  }
});

test('slotOf: what is beyond the round of the wheel is in the overflow', () => {
  assert.equal(levelAt(0, WHEEL_SPAN - 1), 5);
  assert.equal(slotAt(0, WHEEL_SPAN), OVERFLOW);
  assert.equal(slotAt(0, LAST_TICK), OVERFLOW);
  assert.equal(slotAt(WHEEL_SPAN - 1, WHEEL_SPAN), OVERFLOW);
  assert.equal(slotAt(WHEEL_SPAN * 3, WHEEL_SPAN * 3 + 1), 1);
});

test('slotStart: a slot holds exactly the ticks of its width, seen from any present', () => {
  const presents = [0, 1, 63, 64, 4095, 4096, 2 ** 24 + 77, 2 ** 30 - 1, 2 ** 30, 2 ** 35 + 12345];
  const distances = [1, 63, 64, 65, 4095, 4096, 2 ** 18, 2 ** 24 + 1, 2 ** 29, 2 ** 31, 2 ** 35];
  for (const present of presents) {
    for (const distance of distances) {
      const tick = present + distance;
      const slot = slotAt(present, tick);
      if (slot === OVERFLOW) continue;
      const high = highOf(present);
      const start = slotStart(slot, high, lowOf(present, high));
      assert.ok(start > present && start <= tick && tick < start + slotWidth(slot));
    }
  }
});
