/** The message of these tests: every part of it follows from who sent it, and as which. */
import { f64, slab, struct, type StructType, u32 } from '../../../src/memory/index.ts';

/** A message as a plain object. */
export interface Step {
  producer: number;
  sequence: number;
  value: number;
  check: number;
  note: string;
}

/** The struct; that of peers/rust/examples/steps.rs. */
export const Step: StructType<Step, 'note'> = struct('steps.Step', {
  producer: u32,
  sequence: u32,
  value: f64,
  check: u32,
  note: slab(),
});

/** Neighbours have nothing in common, so that a mixture of two is found out. */
function mix(producer: number, sequence: number): number {
  let h = Math.imul(producer + 1, 0x9e3779b1) ^ Math.imul(sequence + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Message `sequence` of a producer. Its note has 1 to 10 bytes, all of them telling. */
export function stepOf(producer: number, sequence: number): Step {
  const check = mix(producer, sequence);
  const letter = String.fromCharCode(97 + (check % 26));
  const note = `${sequence % 10}é`.slice(0, 1 + (check & 1)) + letter.repeat((check >>> 8) % 8);
  return { producer, sequence, value: check / 8, check, note };
}

/** @throws {Error} that says what is torn */
export function assertWhole(got: Step): void {
  const wanted = stepOf(got.producer, got.sequence);
  for (const field of ['value', 'check', 'note'] as const) {
    if (got[field] === wanted[field]) continue;
    throw new Error(
      `Message ${got.sequence} of producer ${got.producer} is torn: ` +
        `its ${field} is ${got[field]}, which must be ${wanted[field]}`,
    );
  }
}
