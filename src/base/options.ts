/** Option checking: one pure `resolve…Options` per options interface is built from these. */
import { misuse, outOfRange } from './errors.ts';

/**
 * Rejects what is no object, and keys that do not exist, naming the nearest that does.
 * @throws {TypeError} ERR_OPTION_TYPE, ERR_OPTION_UNKNOWN
 */
export function rejectUnknown(what: string, options: object, known: readonly string[]): void {
  // Callers without types hand over what they like.
  if (typeof options !== 'object' || options === null) {
    const got = show(options);
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot use ${got} for ${what}: it must be an object of options`,
    );
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    const hint = near ? `, did you mean "${near}"?` : '';
    throw misuse(
      'ERR_OPTION_UNKNOWN',
      `Cannot use option "${key}" of ${what}: it does not exist${hint}`,
    );
  }
}

/**
 * An integer option within [minimum, maximum].
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function integerOption(
  name: string,
  value: number | undefined,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    const shown = show(value);
    throw misuse('ERR_OPTION_TYPE', `Cannot use ${name}: it must be an integer, got ${shown}`);
  }
  if (value < minimum || value > maximum) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use ${name}: it must be from ${minimum} to ${maximum}, got ${value}`,
    );
  }
  return value;
}

/** A boolean option. @throws {TypeError} ERR_OPTION_TYPE */
export function booleanOption(
  name: string,
  value: boolean | undefined,
  fallback: boolean,
): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') {
    throw misuse('ERR_OPTION_TYPE', `Cannot use ${name}: it must be a boolean, got ${show(value)}`);
  }
  return value;
}

/** A string option. @throws {TypeError} ERR_OPTION_TYPE */
export function stringOption(name: string, value: string | undefined, fallback: string): string {
  if (value === undefined) return fallback;
  if (typeof value !== 'string') {
    throw misuse('ERR_OPTION_TYPE', `Cannot use ${name}: it must be a string, got ${show(value)}`);
  }
  return value;
}

/** One of a closed list. @throws {TypeError} ERR_OPTION_TYPE */
export function choiceOption<T extends string>(
  name: string,
  value: T | undefined,
  fallback: T,
  choices: readonly T[],
): T {
  if (value === undefined) return fallback;
  if (!choices.includes(value)) {
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot use ${name}: it must be one of ${choices.join(', ')}, got ${show(value)}`,
    );
  }
  return value;
}

/** The entry of `known` within two edits of `word`, for messages that suggest a spelling. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost));
    }
    previous = row;
  }
  return previous[b.length]!;
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
