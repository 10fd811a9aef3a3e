/**
 * Who may use which bytes: the questions that are asked before an access, in the order in which
 * their answers say the most. Is the borrow over? Was the memory given back? Does the kernel work
 * on it? Was it ever written?
 */
import { firstUnwritten } from './patterns.ts';
import { reportHere, viewError, type Happened } from './reports.ts';
import type { Borrow, Loan, Piece, Shadow } from './shadow.ts';
import { Site } from './sites.ts';

/** What is done to bytes. `touch` is neither: it makes a part, or finds out a place. */
export type Action = 'read' | 'write' | 'touch';

/** An access, as messages tell it. */
export interface Access {
  readonly offset: number;
  readonly length: number;
  readonly action: Action;
  /** What is accessed, such as `md.Trade.price`. */
  readonly label: string;
}

/** `Cannot read md.Trade.price`. */
function cannot({ action, label }: Access): string {
  return `Cannot ${action === 'touch' ? 'use' : action} ${label}`;
}

/** How a piece of memory came and went. */
export function historyOf(piece: Piece): Happened[] {
  const happened: Happened[] = [[`the ${piece.what} was taken`, piece.taken]];
  if (piece.back !== undefined) {
    const what = piece.isKernels ? 'was given to the kernel' : 'was given back';
    happened.push([`it ${what}`, piece.back]);
  }
  return happened;
}

function creationOf({ what, created }: Borrow): Happened {
  return [`the ${what} was made`, created];
}

/** @throws a report when the piece is nobody's any more, or the kernel's. */
export function checkPiece(piece: Piece, access: Access, borrow?: Borrow): void {
  if (piece.back === undefined) return;
  const sites = historyOf(piece);
  if (borrow) sites.splice(1, 0, creationOf(borrow));
  sites.push(['it was used', new Site()]);
  const [code, why] = piece.isKernels
    ? (['ERR_VIEW_KERNEL', 'is the kernel’s, which writes into it'] as const)
    : (['ERR_VIEW_RELEASED', 'was given back'] as const);
  reportHere(viewError(code, `${cannot(access)}: the ${piece.what} ${why}`, sites));
}

/** @throws a report when the borrow is over, or the memory below it. */
export function checkBorrow(borrow: Borrow, access: Access): void {
  const { ended, piece } = borrow;
  if (ended !== undefined) {
    const sites: Happened[] = [
      creationOf(borrow),
      ['that ended', ended.site],
      ['it was used', new Site()],
    ];
    reportHere(viewError(ended.code, `${cannot(access)}: ${ended.why}`, sites));
  }
  if (piece !== undefined) checkPiece(piece, access, borrow);
}

/** An operation that rules an access out. */
function loanAgainst(
  shadow: Shadow,
  offset: number,
  length: number,
  action: Action,
): Loan | undefined {
  if (action === 'touch' || shadow.loans.isEmpty) return undefined;
  return shadow.loans.find(offset, length, ({ writes }) => writes || action === 'write');
}

/** @throws a report when the kernel works on the bytes. */
export function checkLoans(shadow: Shadow, access: Access, borrow?: Borrow): void {
  const loan = loanAgainst(shadow, access.offset, access.length, access.action);
  if (loan === undefined) return;
  const sites: Happened[] = borrow ? [creationOf(borrow)] : [];
  sites.push([`the ${loan.what} was submitted`, loan.site], ['it was used', new Site()]);
  const doing = loan.writes ? 'writes to' : 'reads from';
  const message = `${cannot(access)}: the kernel ${doing} it until the ${loan.what} has completed`;
  reportHere(viewError('ERR_VIEW_KERNEL', message, sites));
}

/** @throws a report when bytes are read that were never written. */
export function checkRange(shadow: Shadow, access: Access, borrow: Borrow): void {
  checkLoans(shadow, access, borrow);
  const { offset, length, action } = access;
  if (action === 'write') shadow.written(offset, length);
  if (action !== 'read' || !borrow.isFresh) return;
  const at =
    length < 8 ? unwrittenAround(shadow, offset, borrow) : firstUnwritten(shadow, offset, length);
  if (at >= 0) reportUnwritten(shadow, at, access, borrow);
}

/** For a few bytes: whether the eight aligned ones that they are among were never written. */
function unwrittenAround(shadow: Shadow, offset: number, borrow: Borrow): number {
  const granule = offset - (offset % 8);
  // At an end most of the eight are not the borrower's to write: the others could be chance.
  if (granule < borrow.offset || granule + 8 > borrow.offset + borrow.length) return -1;
  return shadow.isUnwritten(granule) && shadow.isUnwritten(granule + 4) ? offset : -1;
}

/** @throws always */
export function reportUnwritten(
  shadow: Shadow,
  at: number,
  access: Access,
  borrow?: Borrow,
): never {
  const piece = borrow?.piece ?? shadow.at(at);
  const sites: Happened[] = piece ? historyOf(piece) : [];
  if (borrow) sites.push(creationOf(borrow));
  sites.push(['it was read', new Site()]);
  const place = access.length > 8 ? ` (byte ${at - access.offset})` : '';
  const message = `${cannot(access)}: it was never written${place}`;
  return reportHere(viewError('ERR_VIEW_UNWRITTEN', message, sites));
}
