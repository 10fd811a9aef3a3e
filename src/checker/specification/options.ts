/** Options of the evaluation. */
import { booleanOption, choiceOption, integerOption, rejectUnknown } from '../../base/index.ts';

/** How a test is evaluated. */
export interface EcmaOptions {
  /**
   * `es` is the text since the repair of 2020. `es2019` has the rule for sequentially consistent
   * atomics before it, which was too strong for ARMv8 and too weak for programs without races.
   *
   * @default 'es'
   */
  readonly model?: 'es' | 'es2019';
  /**
   * Whether an access that never tears may mix initial bytes with a write. The text allows it,
   * since initial values are one event for each byte; no engine does it.
   *
   * @default true
   */
  readonly initTearing?: boolean;
  /**
   * Which torn values reads may have, besides those that writes left whole: `asked` are those in
   * the question and in the test's own constants, with all others that are torn at the same seams;
   * `bytes` are all, byte by byte.
   *
   * @default 'asked'
   */
  readonly tearing?: 'asked' | 'bytes';
  /**
   * How often a loop may turn back; runs that would go on are left out, and the result says so.
   * 0 to 100.
   *
   * @default 2
   */
  readonly unroll?: number;
  /**
   * How many steps the search may take. 1 to 2³¹ − 1.
   *
   * @default 5000000
   */
  readonly limit?: number;
}

/** Options with their defaults filled in. */
export type ResolvedEcmaOptions = Readonly<Required<EcmaOptions>>;

/**
 * Checks options and fills in what is missing.
 *
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveEcmaOptions(options: EcmaOptions = {}): ResolvedEcmaOptions {
  const { model, initTearing, tearing, unroll, limit } = options;
  const known = ['model', 'initTearing', 'tearing', 'unroll', 'limit'];
  rejectUnknown('the evaluation', options, known);
  return {
    model: choiceOption('model', model, 'es', ['es', 'es2019']),
    initTearing: booleanOption('initTearing', initTearing, true),
    tearing: choiceOption('tearing', tearing, 'asked', ['asked', 'bytes']),
    unroll: integerOption('unroll', unroll, 2, 0, 100),
    limit: integerOption('limit', limit, 5_000_000, 1, 2 ** 31 - 1),
  };
}
