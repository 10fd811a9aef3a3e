/** Registers of x86 under their many names. */
import type { Registers } from '../format/index.ts';

/** A register or a part of one. */
export interface RegisterPart {
  /** Index in `GENERAL`. */
  readonly index: number;
  /** Bytes. */
  readonly size: number;
  /** The lowest bit: 8 for `ah` and the like. */
  readonly shift: number;
}

/** General registers by their 64-bit names, in the order in which they are printed. */
export const GENERAL: readonly string[] = [
  ...['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
];

/** Registers that instructions here do not reach; a test may ask for their values. */
const OTHERS = ['rip', 'cs', 'ds', 'es', 'fs', 'gs', 'ss'];

const PARTS: ReadonlyMap<string, RegisterPart> = new Map(GENERAL.flatMap(partsOf));

function partsOf(name: string, index: number): [string, RegisterPart][] {
  const part = (size: number, shift = 0): RegisterPart => ({ index, size, shift });
  const bare = name.slice(1);
  if (/\d/.test(name)) {
    return [
      [name, part(8)],
      [`${name}d`, part(4)],
      [`${name}w`, part(2)],
      [`${name}b`, part(1)],
    ];
  }
  const wide: [string, RegisterPart][] = [
    [name, part(8)],
    [`e${bare}`, part(4)],
    [bare, part(2)],
  ];
  if (!bare.endsWith('x')) return [...wide, [`${bare}l`, part(1)]];
  return [...wide, [`${bare.charAt(0)}l`, part(1)], [`${bare.charAt(0)}h`, part(1, 8)]];
}

/** The register or part of one that a name stands for, in any case of letters. */
export function registerPart(name: string): RegisterPart | undefined {
  return PARTS.get(name.toLowerCase());
}

/** The names of 64-bit tests: `rax`, whichever part is asked for. */
export const registers64: Registers = {
  canonical(name: string): string | undefined {
    const lower = name.toLowerCase();
    if (OTHERS.includes(lower)) return lower;
    const part = PARTS.get(lower);
    return part && GENERAL[part.index];
  },
  rank: (name) => rankOf(name),
};

/** The names of 32-bit tests: `EAX`. */
export const registers32: Registers = {
  canonical(name: string): string | undefined {
    const upper = name.toUpperCase();
    if (upper === 'EIP' || OTHERS.includes(name.toLowerCase())) return upper;
    const part = PARTS.get(name.toLowerCase());
    return part && part.index < 8 && part.size <= 4 ? nameIn32(part.index) : undefined;
  },
  rank: (name) => rankOf(name.toLowerCase().replace(/^e(?=.[xip]$)/, 'r')),
};

/** `EAX` for `rax`. */
export function nameIn32(index: number): string {
  return `E${(GENERAL[index] ?? '').slice(1).toUpperCase()}`;
}

function rankOf(name: string): number {
  const index = GENERAL.indexOf(name);
  return index === -1 ? GENERAL.length + OTHERS.indexOf(name) : index;
}
