/** Command lines: flags with a value or without, checked against a table that `--help` prints too. */
import { parseArgs } from 'node:util';
import { nearest } from '../base/index.ts';

/** A mistake in the command line: its message is shown, and the process ends with code 2. */
export class UsageError extends Error {}

/** One flag. */
export interface Flag {
  /** What its value is, as `--help` shows it; a flag without a value has none. */
  readonly value?: string;
  /** One line for `--help`. */
  readonly help: string;
  /** What holds without it, for `--help`. */
  readonly fallback?: string;
  /** The heading that it stands under in `--help`. */
  readonly group?: string;
  /** One letter that stands for it. */
  readonly short?: string;
  /** It may be given several times. */
  readonly many?: true;
  /** `--no-NAME` takes it back: for a flag without a value. */
  readonly negatable?: true;
}

/** Flags by name, without the dashes. */
export type Flags = Readonly<Record<string, Flag>>;

/**
 * What was given: text for flags with a value, a list of texts for those that may be repeated,
 * and true or false for flags without a value.
 */
export type Given<F extends Flags> = {
  readonly [Name in keyof F]?: F[Name] extends { many: true }
    ? readonly string[]
    : F[Name] extends { value: string }
      ? string
      : boolean;
};

/** A command line that was understood. */
export interface CommandLine<F extends Flags> {
  readonly given: Given<F>;
  /** What stands there without dashes. */
  readonly words: readonly string[];
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

/** Reads the arguments of a command that takes up to `words` words. @throws {UsageError} */
export function parseCommand<const F extends Flags>(
  args: readonly string[],
  flags: F,
  words: number,
): CommandLine<F> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value, short }]) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, short === undefined ? { type } : { type, short }];
    }),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const given: Record<string, string | string[] | boolean> = {};
  const found: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'option') {
      take(token, flags, given);
      continue;
    }
    if (found.length === words) throw new UsageError(`cannot use "${token.value}": no flag`);
    found.push(token.value);
  }
  return { given: given as Given<F>, words: found };
}

/** Reads the arguments of a command that takes flags alone. @throws {UsageError} */
export function parseFlags<const F extends Flags>(args: readonly string[], flags: F): Given<F> {
  return parseCommand(args, flags, 0).given;
}

function take(
  { name, rawName, value }: OptionToken,
  flags: Flags,
  given: Record<string, string | string[] | boolean>,
): void {
  const positive = name.startsWith('no-') ? name.slice(3) : name;
  if (flags[positive]?.negatable && positive !== name) {
    if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    given[positive] = false;
    return;
  }
  const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (flag === undefined) {
    const near = nearest(name, Object.keys(flags));
    throw new UsageError(`there is no flag ${rawName}${near ? `, did you mean --${near}?` : ''}`);
  }
  if (flag.value === undefined) {
    if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    given[name] = true;
    return;
  }
  if (value === undefined || value === '') {
    throw new UsageError(`--${name} needs a value: ${flag.value}`);
  }
  const before = given[name];
  if (flag.many) given[name] = [...(Array.isArray(before) ? before : []), value];
  else given[name] = value;
}

/** The number that a flag was given, or undefined when it was not. @throws {UsageError} */
export function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number, got ${text}`);
}

/** The one of `choices` that a flag was given. @throws {UsageError} */
export function choiceOf<Choice extends string>(
  name: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined;
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  const near = nearest(text, choices);
  const hint = near === undefined ? '' : `, did you mean ${near}?`;
  throw new UsageError(`--${name} must be one of ${choices.join(', ')}, got ${text}${hint}`);
}

/** The table of flags for `--help`, under its headings. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]) => ({
    group: flag.group ?? '',
    left: leftOf(name, flag),
    right: flag.fallback === undefined ? flag.help : `${flag.help} (${flag.fallback})`,
  }));
  const width = Math.max(...rows.map(({ left }) => left.length));
  const lines: string[] = [];
  for (const group of new Set(rows.map((row) => row.group))) {
    if (lines.length > 0) lines.push('');
    if (group !== '') lines.push(`${group}:`);
    for (const row of rows) {
      if (row.group === group) lines.push(`  ${row.left.padEnd(width)}  ${row.right}`);
    }
  }
  return lines.join('\n');
}

function leftOf(name: string, { value, short, negatable }: Flag): string {
  const dashed = `${short === undefined ? '' : `-${short}, `}--${negatable ? '[no-]' : ''}${name}`;
  return value === undefined ? dashed : `${dashed} ${value}`;
}
