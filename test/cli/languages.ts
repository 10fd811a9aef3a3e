/** The compilers and interpreters of other languages, for what `rondo gen` writes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package. */
export const root: string = fileURLToPath(new URL('../../..', import.meta.url));

/** The folder with the schemas and with what is generated from them. */
export const fixtures: string = join(root, 'test', 'fixtures', 'gen');

/** Long enough for a compiler on a busy machine. */
const TIMEOUT_MS = 100_000;

function find(variable: string, ...names: readonly string[]): string | undefined {
  const named = process.env[variable];
  if (named !== undefined) return named;
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** Programs by language; undefined where there is none. */
export const programs: Readonly<Record<Language, string | undefined>> = {
  c: find('CC', 'cc', 'gcc', 'clang'),
  cxx: find('CXX', 'c++', 'g++', 'clang++'),
  rust: find('RUSTC', 'rustc'),
  rustfmt: find('RUSTFMT', 'rustfmt'),
  python: find('PYTHON', 'python3'),
};

/** A language that a test may need. */
export type Language = 'c' | 'cxx' | 'rust' | 'rustfmt' | 'python';

/** For `skip`: why a test cannot run, or false when it can. */
export function missing(...languages: readonly Language[]): string | false {
  const absent = languages.filter((language) => programs[language] === undefined);
  return absent.length > 0 && `there is no program for ${absent.join(' and ')}`;
}

/** Runs a program in a folder to its end and gives what it printed; fails when the program does. */
export function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 24,
  });
  const what = `${program} ${args.join(' ')}\n${stdout}${stderr}`;
  assert.equal(status, 0, error === undefined ? what : `${what}${error.message}`);
  return stdout;
}

/** Runs the program of a language. */
export function runLanguage(
  language: Language,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): string {
  const program = programs[language];
  assert.ok(program !== undefined, `there is no program for ${language}`);
  return run(program, args, cwd, env);
}
