/** The integer registers of RISC-V, by their numbers and by the names of the calling convention. */
import type { Registers } from '../format/architecture.ts';

/** Numbers of `s2` … `s11` and `t3` … `t6` follow theirs at a fixed distance. */
const SAVED_DISTANCE = 16;
const TEMPORARY_DISTANCE = 25;

function abiNumbers(): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (let n = 0; n < 32; n++) numbers.set(`x${n}`, n);
  for (const [n, name] of ['zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1'].entries())
    numbers.set(name, n);
  numbers.set('fp', 8);
  for (let n = 0; n <= 7; n++) numbers.set(`a${n}`, 10 + n);
  for (let n = 2; n <= 11; n++) numbers.set(`s${n}`, SAVED_DISTANCE + n);
  for (let n = 3; n <= 6; n++) numbers.set(`t${n}`, TEMPORARY_DISTANCE + n);
  return numbers;
}

const NUMBERS = abiNumbers();

/** The number of a register by any of its names. */
export function registerNumber(name: string): number | undefined {
  return NUMBERS.get(name);
}

/** `x0` … `x31`; the names of the calling convention stand for them. */
export const registers: Registers = {
  canonical(name) {
    const number = NUMBERS.get(name);
    return number === undefined ? undefined : `x${number}`;
  },
  rank: (name) => NUMBERS.get(name) ?? NUMBERS.size,
};
