/**
 * Values that stand for all values of a kind. Each is one input of the test, or one choice of the
 * thread that asks; exploration goes through all of them, so kinds are small on purpose.
 */
import { integerOption, misuse } from '../../base/index.ts';
import { currentSession } from '../program/current.ts';

/** Values of one kind at most. */
const VALUES_MAX = 65_536;

function take(count: number): number {
  return currentSession('any').choose(count);
}

/** Every value of a kind: see the head of this file. In tests only. */
export const any = {
  /** true and false. */
  bool(): boolean {
    return take(2) === 1;
  },
  /** 0 to 255. */
  u8(): number {
    return take(256);
  },
  /** -128 to 127. */
  i8(): number {
    return take(256) - 128;
  },
  /** 0 to 65,535. */
  u16(): number {
    return take(65_536);
  },
  /**
   * Integers from `least` to `most`, 65,536 at most.
   * @throws {RangeError} ERR_OPTION_RANGE
   */
  int(least: number, most: number): number {
    integerOption('least', least, 0, -(2 ** 31), 2 ** 31);
    integerOption('most', most, 0, least, Math.min(2 ** 31, least + VALUES_MAX - 1));
    return least + take(most - least + 1);
  },
  /** Each of some values. @throws {TypeError} ERR_OPTION_TYPE when there is none */
  of<T>(...values: readonly T[]): T {
    if (values.length === 0) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot take any of no values: give at least one');
    }
    return values[take(values.length)]!;
  },
  /** Every array of `length` elements, each of which `element` makes. */
  array<T>(length: number, element: () => T): T[] {
    return Array.from({ length }, element);
  },
} as const;

/** Only what satisfies the condition is asked about. In tests only. */
export function assume(condition: boolean): void {
  if (!condition) currentSession('assume').giveUp();
}
