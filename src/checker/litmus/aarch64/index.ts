/** Litmus tests of AArch64: the front end. */
import type { Architecture } from '../format/architecture.ts';
import { compile } from './compile.ts';
import { registers } from './registers.ts';

export const aarch64: Architecture = {
  name: 'aarch64',
  pointerSize: 8,
  registers,
  compile,
};
