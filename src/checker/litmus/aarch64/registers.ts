/**
 * The registers of AArch64. `Wn` and `Xn` are two widths of one register, whose canonical name is
 * `Xn`; number 31 is the stack pointer or zero, as its name says.
 */
import type { Registers } from '../format/architecture.ts';

/** Where a register is kept in a machine: 0 to 30 are X0 to X30. */
const SP = 31;
/** The zero register: reads as 0, keeps nothing. */
export const ZR = 32;
/** First of the slots that are given out to parameters and system registers as they are met. */
export const FIRST_NAMED = 33;
/** The link register: BL, BLR and RET. */
export const LINK = 30;

/** Bits of a register under one of its names. */
export type Width = 32 | 64;

/** A register as an instruction names it. */
export interface Register {
  readonly slot: number;
  readonly width: Width;
}

/** The zero register in a width. */
export function zeroRegister(width: Width): Register {
  return { slot: ZR, width };
}

const ALIASES: Readonly<Record<string, Register>> = {
  SP: { slot: SP, width: 64 },
  WSP: { slot: SP, width: 32 },
  XZR: { slot: ZR, width: 64 },
  WZR: { slot: ZR, width: 32 },
  LR: { slot: LINK, width: 64 },
  FP: { slot: 29, width: 64 },
};

const NUMBERED: ReadonlyMap<string, Register> = new Map(
  Array.from({ length: 31 }, (_, slot) => slot).flatMap((slot): [string, Register][] => [
    [`X${slot}`, { slot, width: 64 }],
    [`W${slot}`, { slot, width: 32 }],
  ]),
);

/** The register of a name in either case; undefined when there is none. */
export function registerOf(name: string): Register | undefined {
  const upper = name.toUpperCase();
  return NUMBERED.get(upper) ?? ALIASES[upper];
}

/** The canonical name of a slot below `FIRST_NAMED`. */
export function nameOfSlot(slot: number): string {
  if (slot === SP) return 'SP';
  return slot === ZR ? 'XZR' : `X${slot}`;
}

/** For the parser of litmus files; printed are the zero register, X0 to X30, SP. */
export const registers: Registers = {
  canonical(name: string): string | undefined {
    const register = registerOf(name);
    return register === undefined ? undefined : nameOfSlot(register.slot);
  },
  rank(name: string): number {
    const slot = registerOf(name)?.slot ?? FIRST_NAMED;
    return slot === ZR ? -1 : slot;
  },
};
