/** What a thread may never do, whatever its code says of it. */

/** Kinds of faults. */
export type FaultKind = 'range' | 'uninitialised' | 'lock';

/** What was done. It goes past the code of the test, which cannot catch it. */
export class Fault extends Error {
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
