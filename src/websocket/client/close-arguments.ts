/** The arguments of `close`, converted and checked as the WebSockets standard has it. */
import { CloseCode, MAX_CLOSE_REASON_BYTES } from '../codec/index.ts';

/**
 * The code as an `[Clamp] unsigned short`, undefined for a close frame without one.
 * @throws {DOMException} InvalidAccessError, SyntaxError
 */
export function checkCloseArguments(
  code: unknown,
  reason: unknown,
): { code: number | undefined; reason: string } {
  const clamped = code === undefined ? undefined : clamp(Number(code));
  if (
    clamped !== undefined &&
    clamped !== CloseCode.NORMAL &&
    !(clamped >= 3000 && clamped <= 4999)
  ) {
    throw new DOMException(
      `Cannot close with code ${clamped}: it must be 1000 or from 3000 to 4999`,
      'InvalidAccessError',
    );
  }
  const text = reason === undefined ? '' : usvString(reason);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CLOSE_REASON_BYTES) {
    throw new DOMException(
      `Cannot close with a reason of ${bytes} bytes: it must have at most ` +
        `${MAX_CLOSE_REASON_BYTES} bytes of UTF-8`,
      'SyntaxError',
    );
  }
  // A reason needs a code before it.
  return { code: clamped ?? (text === '' ? undefined : CloseCode.NORMAL), reason: text };
}

/** To the nearest integer in range, a half to the even one; what is no number is 0. */
function clamp(value: number): number {
  if (Number.isNaN(value)) return 0;
  const bounded = Math.min(Math.max(value, 0), 65_535);
  const floor = Math.floor(bounded);
  const rest = bounded - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** A string whose lone surrogates are U+FFFD. */
function usvString(value: unknown): string {
  return (typeof value === 'string' ? value : `${value as number}`).toWellFormed();
}
