/**
 * Memory that operations of a driver name. What the kernel reads must stay as it is, what it writes
 * must not be touched, and neither may be given back before the operation has completed. Stores
 * through typed arrays are not seen, so the bytes that are being sent have a fingerprint, which is
 * compared at the end.
 */
import type { Submission } from './contract.ts';
import { checkPiece } from './borrows.ts';
import { fingerprint, firstUnwritten } from './patterns.ts';
import { reportHere, reportLater, viewError, type Happened } from './reports.ts';
import type { Loan, Shadow } from './shadow.ts';
import { Site } from './sites.ts';

/** @throws a report when the memory is nobody's, the kernel writes there, or it is not written */
export function checkSubmission(shadow: Shadow, submission: Submission): void {
  const { offset, length, what, writes } = submission;
  const action = writes ? 'write' : 'read';
  const access = {
    offset,
    length,
    action,
    label: `${length} bytes at ${offset} (${what})`,
  } as const;
  const piece = shadow.firstBack(offset, length);
  if (piece) checkPiece(piece, access);
  // Several may read the same bytes at once.
  const loan = shadow.loans.find(offset, length, (other) => other.writes || writes);
  if (loan) {
    reportHere(
      viewError(
        'ERR_VIEW_KERNEL',
        `Cannot submit a ${what} of ${length} bytes at ${offset}: the kernel works on them already`,
        [
          [`the ${loan.what} was submitted`, loan.site],
          [`the ${what} was submitted`, new Site()],
        ],
      ),
    );
  }
  if (writes) return;
  const at = firstUnwritten(shadow, offset, length);
  if (at < 0) return;
  const owner = shadow.at(at);
  const sites: Happened[] = owner ? [[`the ${owner.what} was taken`, owner.taken]] : [];
  sites.push([`the ${what} was submitted`, new Site()]);
  reportHere(
    viewError(
      'ERR_VIEW_UNWRITTEN',
      `Cannot submit a ${what} of ${length} bytes at ${offset}: byte ${at - offset} was never written`,
      sites,
    ),
  );
}

/** What one memory's operations have in hand, by key. */
export class Loans {
  readonly #shadow: Shadow;
  readonly #known = new Map<string, Loan>();

  constructor(shadow: Shadow) {
    this.#shadow = shadow;
  }

  begin(key: string, submission: Submission, like: string | undefined): void {
    const { offset, length, what, writes } = submission;
    const same = like === undefined ? undefined : this.#known.get(like);
    const loan: Loan = {
      offset,
      length,
      what,
      writes,
      site: same?.site ?? new Site(),
      fingerprint: same?.fingerprint ?? (writes ? 0 : fingerprint(this.#shadow, offset, length)),
    };
    this.#known.set(key, loan);
    this.#shadow.loans.add(loan);
  }

  end(key: string): void {
    const loan = this.#known.get(key);
    if (loan === undefined) return;
    this.#known.delete(key);
    this.#shadow.loans.delete(loan);
    const { offset, length, what, writes } = loan;
    if (writes || fingerprint(this.#shadow, offset, length) === loan.fingerprint) return;
    const piece = this.#shadow.at(offset);
    const sites: Happened[] = piece ? [[`the ${piece.what} was taken`, piece.taken]] : [];
    sites.push([`the ${what} was submitted`, loan.site], ['it had completed', new Site()]);
    reportLater(
      viewError(
        'ERR_VIEW_KERNEL',
        `Bytes were written while the kernel read them: ${length} at ${offset}, for a ${what}`,
        sites,
      ),
    );
  }
}
