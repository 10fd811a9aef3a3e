/** The front end for x86: tests that begin with X86 or X86_64, in Intel's or AT&T's syntax. */
import type { Architecture } from '../format/index.ts';
import { compile } from './compile.ts';
import { registers32, registers64 } from './registers.ts';

/** Tests of 32 bits, which name `EAX`. */
export const x86: Architecture = {
  name: 'x86',
  registers: registers32,
  pointerSize: 4,
  compile: (lines, environment) => compile(lines, environment, 32),
};

/** Tests of 64 bits, which name `rax`. */
export const x86_64: Architecture = {
  name: 'x86',
  registers: registers64,
  pointerSize: 8,
  compile: (lines, environment) => compile(lines, environment, 64),
};
