/** Where the words of a ring of one producer and one consumer lie, and how they could. */
import type { Named } from '../access.ts';

/** Offsets of what the two sides of a ring access, in bytes. */
export interface RingLayout {
  /** Written by the producer. */
  readonly tail: number;
  /** The producer's count of publications; -1 without one. */
  readonly flushes: number;
  /** Written by the consumer. */
  readonly head: number;
  /** Written by who sleeps; -1 without bells. */
  readonly consumersBell: number;
  readonly producersBell: number;
  /** Written once, when all is over; -1 without. */
  readonly closed: number;
  readonly poison: number;
  readonly slots: number;
}

/** Where lanes begin in a ring block (`spec/ring.md`, §4). */
const LANES = 1024;
/** Offsets within a lane's lines: the words before each in the order of the specification. */
const FLUSHES = 20;

/**
 * The layout of `spec/ring.md`, §4, with `apart` bytes in place of 128 between what different sides
 * write. With 0 nothing is apart: what a lane has of words lies on one line of 64 bytes, and so do
 * the bells.
 */
export function ringLayout(apart: number): RingLayout {
  if (apart === 0) {
    return {
      closed: 128,
      poison: 132,
      consumersBell: 136,
      producersBell: 140,
      tail: LANES,
      flushes: LANES + 20 + FLUSHES,
      head: LANES + 44,
      slots: LANES + 64,
    };
  }
  return {
    closed: apart,
    poison: apart + 4,
    consumersBell: 2 * apart,
    producersBell: 3 * apart,
    tail: LANES,
    flushes: LANES + apart + FLUSHES,
    head: LANES + 2 * apart,
    slots: LANES + 3 * apart,
  };
}

/**
 * The layout of the plainest queue there is, as `npm run bench -- ring costs` measures it: a tail,
 * a head `apart` bytes behind it (0 is the word after it), and slots.
 */
export function queueLayout(apart: number): RingLayout {
  return {
    tail: 0,
    head: apart === 0 ? 4 : apart,
    flushes: -1,
    consumersBell: -1,
    producersBell: -1,
    closed: -1,
    poison: -1,
    slots: LANES,
  };
}

/** What lies where, for reports. */
export function namesOf(layout: RingLayout, slotBytes: number): Named[] {
  const words = Object.entries(layout)
    .filter(([name, address]) => name !== 'slots' && address >= 0)
    .map(([name, address]) => ({ name, address, size: 4 }));
  return [...words, { name: 'slots', address: layout.slots, size: slotBytes }];
}
