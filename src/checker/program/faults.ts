/** What a thread may never do, whatever its code says of it. */
import { RondoError } from '../../base/index.ts';

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

/** A thread that does another thing when it is run again. */
export function nondeterministic(thread: string, how: string): RondoError {
  return new RondoError(
    'ERR_CHECKER_NONDETERMINISTIC',
    `Cannot check ${thread}: it is not deterministic (${how}); ` +
      'it must not depend on the clock, on chance, or on what other threads leave in plain objects',
  );
}

/** An event between the halves of a read-modify-write. */
export function accessInChange(): RondoError {
  return new RondoError(
    'ERR_CHECKER_USE',
    'Cannot access shared memory in a function that makes the value of a read-modify-write',
  );
}
