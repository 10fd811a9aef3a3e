/** Assertions stay on in production: a broken invariant must not spread. */

/** A broken invariant of Rondo. Never caught, never expected. */
export class AssertionError extends Error {
  readonly code = 'ERR_ASSERTION';
  constructor(message: string) {
    super(`Assertion failed: ${message}`);
    this.name = 'AssertionError';
  }
}

/** Throws {AssertionError} ERR_ASSERTION when the condition does not hold. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
