/** What tests of herd may ask for that has no meaning here: refused by name where it stands. */
import type { Tokens } from './tokens.ts';

/** Signs of a value or place that is more than a number, a register or a location. */
const BEYOND: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/(?:PTE|TTD|PA)\s*\(/y, 'page tables'],
  [/\(\s*(?:oa|valid|af|db|dbm|el0|attrs)\b/y, 'page tables'],
  [/parel1_t\s*:/iy, 'page tables'],
  [/(?:tag|TAG)\s*\(/y, 'memory tags'],
  [/(?!P\d+\s*:|label\s*:|instr\s*:)[A-Za-z_]\w*\s*:\s*[A-Za-z]\w*/y, 'memory tags'],
  [/\d+\s*:\s*\w+\s*:/y, 'capabilities'],
  [/SS(?:Cap)?\s*\(/y, 'shadow stacks'],
  [/ssval_t\s*:/y, 'shadow stacks'],
  [/pac(?:[di][ab])?\s*\(/y, 'signed pointers'],
  [/[Ff]ault\s*\(/y, 'faults'],
];

/** A value that is only a tag. */
const TAG = /:\s*[A-Za-z]\w*/y;

/** Registers that are none of the general ones. */
const REGISTERS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(?:[VZBHSDQ]\d+|P\d+|ZA\d*)(?:\.\w+)?$/, 'registers of vectors'],
  [/^xmm\d+$/i, 'registers of vectors'],
  [/^(?:f[ast]?|v)\d+$/, 'registers of floating point and vectors'],
  [/_EL[0-3]$/i, 'system registers'],
];

/**
 * Refuses what stands next when it is known to be missing.
 * @throws {RondoError} ERR_LITMUS_UNSUPPORTED
 */
export function refuseBeyond(tokens: Tokens, isValue = false): void {
  const { offset } = tokens.peek();
  for (const [pattern, what] of isValue ? [...BEYOND, [TAG, 'memory tags'] as const] : BEYOND) {
    pattern.lastIndex = offset;
    const match = pattern.exec(tokens.source.text);
    if (match !== null) tokens.source.unsupported(`"${match[0]}": ${what}`, offset);
  }
}

/**
 * Refuses the name of a register that is known to be missing.
 * @throws {RondoError} ERR_LITMUS_UNSUPPORTED
 */
export function refuseRegister(tokens: Tokens, name: string): void {
  const what = REGISTERS.find(([pattern]) => pattern.test(name))?.[1];
  if (what !== undefined) tokens.source.unsupported(`${name}: ${what}`, tokens.peek().offset);
}
