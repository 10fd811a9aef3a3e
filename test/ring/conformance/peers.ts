/** The languages that speak spec/conformance.md, as far as this machine has them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package. */
export const root: string = fileURLToPath(new URL('../../../..', import.meta.url));

/** A language with a conformance program. */
export type Language = 'TypeScript' | 'Rust' | 'C' | 'Python';

/** All of them. */
export const LANGUAGES: readonly Language[] = ['TypeScript', 'Rust', 'C', 'Python'];

/** Where scripts/peers.js puts what it builds. */
const PYTHON = join(root, 'build', 'python', 'bin', 'python');
const RUST = join(root, 'build', 'cargo', 'release');
const RUST_LIBRARY = join(RUST, 'librondo_ring.so');

/** How each program is called; all but the first part have to be there too. */
const COMMANDS: Readonly<Record<Language, readonly string[]>> = {
  TypeScript: [process.execPath, fileURLToPath(new URL('program.js', import.meta.url))],
  Rust: [join(RUST, 'examples', 'conformance')],
  C: [join(root, 'build', 'peers', 'conformance')],
  Python: [PYTHON, join(root, 'peers', 'python', 'conformance.py')],
};

/** The program and its first arguments. */
export function commandOf(language: Language): readonly string[] {
  return COMMANDS[language];
}

/** What the programs find in their environment: Python's library is Rust's. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  RONDO_RING_LIBRARY: RUST_LIBRARY,
};

/** Whether a missing language is a failure instead of a reason to skip. */
const IS_CI = process.env['CI'] === 'true';

/**
 * For `skip`: why a test with these languages cannot run, or false when it can.
 * @throws {AssertionError} in CI, where every language has to be there
 */
export function missing(...languages: readonly Language[]): string | false {
  if (process.platform !== 'linux') return 'rings between processes need Linux';
  const needed = languages.flatMap((language) => COMMANDS[language]);
  if (languages.includes('Python')) needed.push(RUST_LIBRARY);
  const absent = [...new Set(needed)].filter((path) => !existsSync(path));
  if (absent.length === 0) return false;
  const names = absent.map((path) => relative(root, path)).join(' and ');
  const reason = `there is no ${names}: node scripts/peers.js builds it, or says why it cannot`;
  assert.ok(!IS_CI, reason);
  return reason;
}
