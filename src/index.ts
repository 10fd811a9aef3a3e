/** What all of Rondo shares: errors and their codes. The parts have subpaths of their own. */
export {
  AssertionError,
  Errno,
  errnoName,
  ERROR_CODES,
  RondoError,
  SystemError,
  type ErrorCode,
} from './base/index.ts';
