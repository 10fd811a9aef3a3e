/** What goes wrong with files. */
import { Errno, misuse, outOfRange, RondoError, SystemError } from '../base/index.ts';

/** What operations on files may throw besides misuse. */
export type FileError = SystemError | RondoError;

/** The file or stream was closed on this side. */
export function closedError(action: string, path: string): RondoError {
  return new RondoError('ERR_STREAM_CLOSED', `Cannot ${action} ${path}: it was closed`);
}

/** Somebody does it already. */
export function busyError(action: string, path: string): TypeError {
  return misuse('ERR_STREAM_BUSY', `Cannot ${action} ${path}: another task does so at the moment`);
}

/** The smallest block that any device has, which direct reads and writes are multiples of. */
export const DIRECT_BLOCK = 512;

/** O_DIRECT was used with what the device cannot do. */
export function alignmentError(
  action: string,
  path: string,
  length: number,
  position: number,
): RangeError {
  return outOfRange(
    'ERR_FILE_ALIGNMENT',
    `Cannot ${action} ${path} directly: length, position and memory must be multiples of the ` +
      `device's block (${DIRECT_BLOCK} bytes at least, 4096 on many), got ${length} at ${position}`,
  );
}

/** What a negative result of the driver means. */
export function failure(action: string, result: number, path: string): FileError {
  // Operations end so when their file was closed under them.
  if (result === -Errno.ECANCELED || result === -Errno.EBADFD) return closedError(action, path);
  return new SystemError(action, -result, path);
}

/** @throws {RangeError} ERR_OPTION_RANGE for what is no position in a file */
export function checkPosition(name: string, position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return;
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot use ${name}: it must be an integer from 0 to 2^53-1, got ${position}`,
  );
}

/** @throws {RangeError} ERR_OPTION_RANGE for what is no number of bytes to read */
export function checkLength(length: number): void {
  if (Number.isSafeInteger(length) && length >= 1) return;
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot read: length must be an integer from 1, got ${length}`,
  );
}
