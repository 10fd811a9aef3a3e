/**
 * A sanitizer for code that works on memory in place, in the spirit of Tree Borrows.
 *
 * Memory is a tree: an allocator takes a piece; leases, chunks, messages and slots borrow of it;
 * views and the kernel's operations borrow of those. Rules:
 *
 *  1. A borrow may be used as long as itself and everything above it lasts. Sibling views that
 *     read are normal, so reading ends nobody's borrow.
 *  2. Leases are exclusive: there is one on the same bytes at a time.
 *  3. What the kernel reads is not written, what it writes is not touched, and neither is given
 *     back, until the operation has completed.
 *  4. What was not written is not read, sent or published.
 *
 * A report names where the borrow was made, what ended it, and where it was used in spite of that.
 * Memory is used as it is without the sanitizer: views are proxies over the same bytes, nothing is
 * copied. What is not seen: stores and loads through `arena.bytes` and other typed arrays over the
 * whole memory, except by what they leave in released, unasked-for and lent memory.
 */
import {
  checkUntouched,
  giveBack,
  heldAt,
  take,
  watchBlocks,
  watchBump,
  watchSlab,
} from './allocators.ts';
import { arrayView } from './array-views.ts';
import { checkBorrow, checkRange, type Access } from './borrows.ts';
import type { Lent, ReportListener, Sanitizer, Submission, Taken } from './contract.ts';
import { checkSubmission, Loans } from './kernel.ts';
import { listenToReports, reportHere, viewError } from './reports.ts';
import { knownShadow, shadowOf, type Borrow, type Shadow } from './shadow.ts';
import { Site } from './sites.ts';
import { StructViews } from './struct-views.ts';

interface Holding {
  readonly borrow: Borrow;
  readonly shadow: Shadow;
}

/** See the head of this file. */
export class ViewSanitizer extends StructViews implements Sanitizer {
  readonly #holdings = new WeakMap<object, Holding>();
  readonly #loans = new WeakMap<Shadow, Loans>();

  listen(listener: ReportListener | undefined): void {
    listenToReports(listener);
  }

  // ---- memory that is handed out

  taken(buffer: ArrayBufferLike, taken: Taken): void {
    take(shadowOf(buffer), taken);
  }

  givenBack(buffer: ArrayBufferLike, offset: number, { fills }: { fills: boolean }): void {
    const shadow = shadowOf(buffer);
    const piece = heldAt(shadow, offset);
    if (piece) giveBack(shadow, piece, { fills });
  }

  givenToKernel(buffer: ArrayBufferLike, offset: number): void {
    const shadow = shadowOf(buffer);
    const piece = heldAt(shadow, offset);
    if (piece) giveBack(shadow, piece, { fills: true, isKernels: true });
  }

  checkUntouched(buffer: ArrayBufferLike, offset: number, from: number): void {
    const shadow = shadowOf(buffer);
    const piece = shadow.at(offset);
    if (piece) checkUntouched(shadow, piece, from, piece.offset + piece.length);
  }

  watchBlocks(...[arena, blocks]: Parameters<Sanitizer['watchBlocks']>): void {
    watchBlocks(shadowOf(arena.memory.buffer), blocks, !arena.debug);
  }

  watchSlab(...[arena, slab]: Parameters<Sanitizer['watchSlab']>): void {
    watchSlab(shadowOf(arena.memory.buffer), slab, !arena.debug);
  }

  watchBump(...[arena, bump]: Parameters<Sanitizer['watchBump']>): void {
    watchBump(shadowOf(arena.memory.buffer), bump, !arena.debug);
  }

  // ---- leases, chunks and messages

  lend(buffer: ArrayBufferLike, holder: object, lent: Lent): void {
    const shadow = shadowOf(buffer);
    const { offset, length, what, exclusive = false, isFresh = false } = lent;
    const released = shadow.firstBack(offset, length);
    const last = shadow.at(offset);
    // Given back here, and taken by another thread since: of that one nothing is known.
    const piece = released ?? (last?.back ? undefined : last);
    const created = new Site();
    const borrow: Borrow = { what, offset, length, created, piece, isFresh, ended: undefined };
    if (released) checkBorrow(borrow, { offset, length, action: 'touch', label: `the ${what}` });
    if (exclusive) this.#claim(shadow, borrow);
    this.#holdings.set(holder, { borrow, shadow });
  }

  #claim(shadow: Shadow, borrow: Borrow): void {
    const { offset, length, what, created } = borrow;
    const rival = shadow.exclusive.find(offset, length, (other) => {
      // Given back in another way than through the lease: it is not valid any more.
      const isOver = other.piece !== undefined && shadow.at(other.offset) !== other.piece;
      if (isOver || other.piece?.back !== undefined) shadow.exclusive.delete(other);
      return !isOver && other.piece?.back === undefined;
    });
    if (rival) {
      const bytes = (range: Borrow): string => `${range.offset} to ${range.offset + range.length}`;
      reportHere(
        viewError(
          'ERR_VIEW_OVERLAP',
          `Cannot make a ${what} (bytes ${bytes(borrow)}): another one has ${bytes(rival)}`,
          [
            [`the first ${rival.what} was made`, rival.created],
            [`the second ${what} was made`, created],
          ],
        ),
      );
    }
    shadow.exclusive.add(borrow);
  }

  fresh(holder: object): void {
    const holding = this.#holdings.get(holder);
    if (holding) holding.borrow.isFresh = true;
  }

  end(holder: object, why: string): void {
    const holding = this.#holdings.get(holder);
    if (!holding || holding.borrow.ended) return;
    const { borrow, shadow } = holding;
    borrow.ended = { code: 'ERR_VIEW_RELEASED', why, site: new Site() };
    shadow.exclusive.delete(borrow);
  }

  view(holder: object, bytes: Uint8Array, from: number = 0): Uint8Array {
    const holding = this.#holdings.get(holder);
    if (!holding) return bytes;
    const { borrow, shadow } = holding;
    const base = borrow.offset + from;
    const label = `a view of the ${borrow.what}`;
    return arrayView(bytes, (action, start, end) => {
      const access: Access = { offset: base + start, length: end - start, action, label };
      checkBorrow(borrow, access);
      // A private copy is nobody else's: only its time can be over.
      if (bytes.buffer === shadow.u8.buffer) checkRange(shadow, access, borrow);
    });
  }

  reading(holder: object): void {
    const holding = this.#holdings.get(holder);
    if (!holding) return;
    const { borrow, shadow } = holding;
    const { offset, length, what } = borrow;
    const access: Access = { offset, length, action: 'read', label: `the ${what}` };
    checkBorrow(borrow, access);
    checkRange(shadow, access, borrow);
  }

  // ---- the kernel

  checkSubmission(buffer: ArrayBufferLike, submission: Submission): void {
    const shadow = knownShadow(buffer);
    if (shadow) checkSubmission(shadow, submission);
  }

  submitted(buffer: ArrayBufferLike, key: string, submission: Submission, like?: string): void {
    this.#loansOf(buffer).begin(key, submission, like);
  }

  completed(buffer: ArrayBufferLike, key: string): void {
    this.#loansOf(buffer).end(key);
  }

  #loansOf(buffer: ArrayBufferLike): Loans {
    const shadow = shadowOf(buffer);
    let loans = this.#loans.get(shadow);
    if (!loans) this.#loans.set(shadow, (loans = new Loans(shadow)));
    return loans;
  }
}
