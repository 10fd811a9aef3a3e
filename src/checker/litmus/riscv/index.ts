/** Litmus tests of RISC-V (RV64IA): columns of instructions as thread programs. */
import type { Architecture } from '../format/architecture.ts';
import { compile } from './compile.ts';
import { registers } from './registers.ts';

/** RISC-V. */
export const riscv: Architecture = { name: 'riscv', pointerSize: 8, registers, compile };
