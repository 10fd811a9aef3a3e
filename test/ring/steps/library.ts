/** What these tests need beside Node: the library that kills, and the Rust side. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeStatus } from '../../../src/native/index.ts';

const root: string = fileURLToPath(new URL('../../../..', import.meta.url));
const source = join(root, 'test', 'ring', 'steps', 'killstep.c');

/** A language that victims and survivors are written in. */
export type Language = 'TypeScript' | 'Rust';

/** How the sides are started. */
export const COMMANDS: Readonly<Record<Language, readonly [string, ...string[]]>> = {
  TypeScript: [process.execPath, fileURLToPath(new URL('side.js', import.meta.url))],
  Rust: [join(root, 'build', 'cargo', 'release', 'examples', 'steps')],
};

/** The library to preload. */
export const library: string = join(root, 'build', 'killstep.so');

/**
 * Compiles the library unless it is there.
 * @throws {Error} with what the compiler said
 */
function build(): void {
  if (existsSync(library) && statSync(library).mtimeMs > statSync(source).mtimeMs) return;
  mkdirSync(join(root, 'build'), { recursive: true });
  // Made beside it: several files of tests may do this at a time.
  const made = `${library}.${process.pid}`;
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror'];
  const compiler = process.env['CC'] ?? 'cc';
  const result = spawnSync(compiler, [...flags, '-shared', '-fPIC', source, '-o', made], {
    encoding: 'utf8',
  });
  if (result.status !== 0) {
    const why = result.error?.message ?? result.stderr;
    throw new Error(`Cannot build killstep.so with ${compiler}: ${why}`);
  }
  renameSync(made, library);
}

/**
 * For `skip`: why sides of these languages cannot be killed here, or false when they can.
 * @throws {Error} where they could, and what is needed is missing
 */
export function missing(...languages: readonly Language[]): string | false {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return 'killing at a step needs Linux on x86-64';
  }
  if (!nativeStatus().available) return 'rings between processes need the addon';
  build();
  const [rust] = COMMANDS.Rust;
  if (!languages.includes('Rust') || existsSync(rust)) return false;
  const reason =
    'there is no Rust side: CARGO_TARGET_DIR=build/cargo cargo build --release --example steps';
  assert.ok(process.env['CI'] !== 'true', reason);
  return reason;
}
