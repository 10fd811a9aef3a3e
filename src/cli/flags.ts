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
}

/** Flags by name, without the dashes. */
export type Flags = Readonly<Record<string, Flag>>;

/** What was given: text for flags with a value, true for flags without. */
export type Given<F extends Flags> = {
  readonly [Name in keyof F]?: F[Name] extends { value: string } ? string : true;
};

/** Reads the arguments of a command. @throws {UsageError} */
export function parseFlags<const F extends Flags>(args: readonly string[], flags: F): Given<F> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const given: Record<string, string | true> = {};
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw new UsageError(`cannot use "${token.value}": no flag`);
    const flag = flags[token.name];
    if (flag === undefined) {
      const near = nearest(token.name, Object.keys(flags));
      throw new UsageError(
        `there is no flag ${token.rawName}${near ? `, did you mean --${near}?` : ''}`,
      );
    }
    if (flag.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value`);
      given[token.name] = true;
    } else {
      if (token.value === undefined || token.value === '') {
        throw new UsageError(`--${token.name} needs a value: ${flag.value}`);
      }
      given[token.name] = token.value;
    }
  }
  return given as Given<F>;
}

/** The number that a flag was given, or undefined when it was not. @throws {UsageError} */
export function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} must be a whole number, got ${text}`);
}

/** The table of flags for `--help`. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, { value, help }]): [string, string] => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    help,
  ]);
  const width = Math.max(...rows.map(([flag]) => flag.length));
  return rows.map(([flag, help]) => `  ${flag.padEnd(width)}  ${help}`).join('\n');
}
