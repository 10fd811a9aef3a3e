/** Condition codes (Arm ARM, C1.2.4): the condition of each name over the flags NZCV. */
import { C, N, V, Z } from './arithmetic.ts';

/** Whether a condition holds under these flags. */
export type Holds = (flags: number) => boolean;

const signsAgree: Holds = (flags) => ((flags & N) !== 0) === ((flags & V) !== 0);

const CONDITIONS: Readonly<Record<string, Holds>> = {
  EQ: (flags) => (flags & Z) !== 0,
  CS: (flags) => (flags & C) !== 0,
  HS: (flags) => (flags & C) !== 0,
  MI: (flags) => (flags & N) !== 0,
  VS: (flags) => (flags & V) !== 0,
  HI: (flags) => (flags & (C | Z)) === C,
  GE: signsAgree,
  GT: (flags) => signsAgree(flags) && (flags & Z) === 0,
  AL: () => true,
  NV: () => true,
};

const OPPOSITES: Readonly<Record<string, string>> = {
  NE: 'EQ',
  CC: 'CS',
  LO: 'CS',
  PL: 'MI',
  VC: 'VS',
  LS: 'HI',
  LT: 'GE',
  LE: 'GT',
};

/** The condition of a name in either case; undefined when there is none. */
export function conditionOf(name: string): Holds | undefined {
  const upper = name.toUpperCase();
  const opposite = CONDITIONS[OPPOSITES[upper] ?? ''];
  if (opposite !== undefined) return (flags) => !opposite(flags);
  return CONDITIONS[upper];
}
