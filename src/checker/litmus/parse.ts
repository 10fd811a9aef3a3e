/** Litmus tests in herd's format, of every architecture. */
import { aarch64 } from './aarch64/index.ts';
import { c11 } from './c11/index.ts';
import type { LitmusTest } from './contract.ts';
import { parseWith } from './format/index.ts';
import type { Architecture, ParseOptions } from './format/index.ts';
import { riscv } from './riscv/index.ts';
import { x86, x86_64 } from './x86/index.ts';

/** By the word with which a test begins, in lower case. */
const ASSEMBLY: ReadonlyMap<string, Architecture> = new Map([
  ['x86', x86],
  ['x86_64', x86_64],
  ['aarch64', aarch64],
  ['riscv', riscv],
  ['risc-v', riscv],
]);

/**
 * Parses a litmus test: X86 (32 bits), X86_64, AArch64, RISCV or C.
 *
 * @throws {RondoError} ERR_LITMUS_SYNTAX when the text cannot be understood; the message has the
 * line
 * @throws {RondoError} ERR_LITMUS_UNSUPPORTED when it asks for what is known to be missing
 * @throws {RondoError} ERR_LITMUS_SIZE when it is too large
 */
export function parseLitmus(text: string, options?: ParseOptions): LitmusTest {
  return parseWith({ assembly: ASSEMBLY, c: c11 }, text, options);
}
