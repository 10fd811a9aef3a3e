export { assert, AssertionError } from './assert.ts';
export { formatHttpDate, systemClock, wallClock, type Clock } from './clock.ts';
export {
  Errno,
  errnoName,
  ERROR_CODES,
  misuse,
  outOfRange,
  RondoError,
  SystemError,
  type ErrorCode,
} from './errors.ts';
export {
  booleanOption,
  choiceOption,
  integerOption,
  nearest,
  rejectUnknown,
  stringOption,
} from './options.ts';
export { secureBytes, secureKey, SeededRandom, systemRandom, type Random } from './random.ts';
export { show } from './show.ts';
export { isThenable } from './thenable.ts';
