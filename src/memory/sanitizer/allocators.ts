/**
 * Allocators: what they hand out has a pattern in it that says "not written", and what comes back
 * one that says "released", which must still be there when it is handed out again. What is behind
 * the bytes that were asked for, up to the block's power of two, is a guard.
 */
import type { Blocks } from '../blocks.ts';
import type { BumpRegion } from '../bump.ts';
import type { Slab } from '../slab.ts';
import { historyOf } from './borrows.ts';
import type { Taken } from './contract.ts';
import { fill, firstChange, GIVEN_BACK, UNWRITTEN } from './patterns.ts';
import { reportHere, reportLater, viewError, type Happened } from './reports.ts';
import type { Piece, Shadow } from './shadow.ts';
import { Site } from './sites.ts';

/** Bytes of a changed range that a message shows. */
const BYTES_SHOWN = 16;

/** Memory is somebody's from now on. */
export function take(shadow: Shadow, { offset, length, what, isFree }: Taken): Piece {
  const piece: Piece = {
    what,
    offset,
    length,
    taken: new Site(),
    isFree,
    slackFrom: offset + length,
    back: undefined,
    isKernels: false,
    isFilled: false,
  };
  shadow.take(piece);
  return piece;
}

/** The piece that begins at an offset and is held. */
export function heldAt(shadow: Shadow, offset: number): Piece | undefined {
  const piece = shadow.at(offset);
  return piece?.offset === offset && piece.back === undefined ? piece : undefined;
}

/** It is nobody's from now on. @throws a report when the kernel has it in hand */
export function giveBack(
  shadow: Shadow,
  piece: Piece,
  options: { fills: boolean; isKernels?: boolean },
): void {
  const { offset, length } = piece;
  checkNotInHand(shadow, piece);
  checkSlack(shadow, piece);
  piece.back = new Site();
  piece.isKernels = options.isKernels === true;
  piece.isFilled = options.fills;
  if (options.fills) fill(shadow, offset, length, GIVEN_BACK);
}

function checkNotInHand(shadow: Shadow, { what, offset, length, taken }: Piece): void {
  const loan = shadow.loans.find(offset, length, () => true);
  if (loan === undefined) return;
  const doing = loan.writes ? 'writes to' : 'reads from';
  reportHere(
    viewError(
      'ERR_VIEW_KERNEL',
      `Cannot give the ${what} back: the kernel ${doing} it until the ${loan.what} has completed`,
      [
        [`the ${what} was taken`, taken],
        [`the ${loan.what} was submitted`, loan.site],
        ['it was given back', new Site()],
      ],
    ),
  );
}

/** Guard bytes: what was not asked for has not been written. */
function checkSlack(shadow: Shadow, { what, offset, length, slackFrom, taken }: Piece): void {
  const at = firstChange(shadow, slackFrom, offset + length - slackFrom, UNWRITTEN);
  if (at < 0) return;
  reportHere(
    viewError(
      'ERR_VIEW_OUTSIDE',
      `Bytes were written behind the ${slackFrom - offset} that were asked for of the ${what}: ` +
        shown(shadow, at, offset + length),
      [
        [`the ${what} was taken`, taken],
        ['it was given back', new Site()],
      ],
    ),
  );
}

/** What was given back has not been written since. */
export function checkUntouched(shadow: Shadow, piece: Piece, from: number, to: number): void {
  if (!piece.isFilled) return;
  const { what, isKernels } = piece;
  const at = firstChange(shadow, from, to - from, GIVEN_BACK);
  if (at < 0) return;
  // Told once.
  piece.isFilled = false;
  const sites: Happened[] = [...historyOf(piece), ['that was found out', new Site()]];
  const [code, when] = isKernels
    ? (['ERR_VIEW_KERNEL', 'while it was the kernel’s'] as const)
    : (['ERR_VIEW_RELEASED', 'after it was given back'] as const);
  const message = `The ${what} was written ${when}: ${shown(shadow, at, to)}`;
  reportLater(viewError(code, message, sites));
}

function shown({ u8 }: Shadow, from: number, end: number): string {
  // A private copy: others may write there now.
  const bytes = [...u8.slice(from, Math.min(end, from + BYTES_SHOWN))];
  const text = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `at ${from}: ${text}`;
}

/** Puts the sanitizer's methods on an allocator of blocks. */
export function watchBlocks(shadow: Shadow, blocks: Blocks, fills: boolean): void {
  const acquire = blocks.acquire.bind(blocks);
  const release = blocks.release.bind(blocks);
  const sizeOf = blocks.sizeOf.bind(blocks);
  const { name } = blocks.region;
  blocks.acquire = (size) => {
    const offset = acquire(size);
    if (offset === 0) return 0;
    const length = sizeOf(offset);
    for (const [before, from, to] of shadow.runs(offset, length)) {
      if (before.back !== undefined) checkUntouched(shadow, before, from, to);
    }
    const piece = take(shadow, { offset, length, what: `block of ${size} bytes of "${name}"` });
    piece.slackFrom = fills ? offset + Math.ceil(Math.max(size, 1)) : offset + length;
    if (fills) shadow.clear(offset, length);
    return offset;
  };
  blocks.release = (offset) => {
    const piece = heldAt(shadow, offset);
    // Before it is free: the memory is still the caller's.
    if (piece && blocks.isHeld(offset)) giveBack(shadow, piece, { fills });
    release(offset);
  };
  blocks.sizeOf = (offset) => {
    const piece = heldAt(shadow, offset);
    // Whoever asks means to use all of it.
    if (piece) piece.slackFrom = piece.offset + piece.length;
    return sizeOf(offset);
  };
}

/** Puts the sanitizer's methods on a slab, which other threads use too. */
export function watchSlab(shadow: Shadow, slab: Slab, fills: boolean): void {
  const acquire = slab.acquire.bind(slab);
  const release = slab.release.bind(slab);
  const { slotSize: length } = slab;
  const { name } = slab.region;
  slab.acquire = () => {
    const offset = acquire();
    if (offset === 0) return 0;
    const before = shadow.at(offset);
    if (before?.offset === offset) checkUntouched(shadow, before, offset, offset + length);
    const isFree = (): boolean => !slab.isHeld(offset);
    take(shadow, { offset, length, what: `slot of ${length} bytes of "${name}"`, isFree });
    if (fills) shadow.clear(offset, length);
    return offset;
  };
  slab.release = (offset) => {
    const piece = heldAt(shadow, offset);
    if (piece && slab.isHeld(offset)) giveBack(shadow, piece, { fills });
    release(offset);
  };
}

/** Puts the sanitizer's methods on a bump region. */
export function watchBump(shadow: Shadow, bump: BumpRegion, fills: boolean): void {
  const allocate = bump.allocate.bind(bump);
  const reset = bump.reset.bind(bump);
  const { name, offset: start } = bump.region;
  bump.allocate = (size, alignment) => {
    const offset = allocate(size, alignment);
    take(shadow, { offset, length: size, what: `allocation of ${size} bytes in "${name}"` });
    return offset;
  };
  bump.reset = () => {
    const { used } = bump;
    for (const [piece] of shadow.runs(start, used)) {
      if (piece.back === undefined) giveBack(shadow, piece, { fills: false });
    }
    reset();
    if (fills) shadow.clear(start, used);
  };
}
