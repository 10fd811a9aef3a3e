/** The format of litmus tests, and the seam to the front ends. */
export type {
  Architecture,
  CArchitecture,
  CFunction,
  Environment,
  Registers,
} from './architecture.ts';
export { parseWith } from './parse.ts';
export type { FrontEnds, ParseOptions } from './parse.ts';
export { formatState, holds, nameOf, observe } from './state.ts';
export type { FinalState } from './state.ts';
export { litmusSummary } from './summary.ts';
export type { Verdict } from './summary.ts';
export { cut, parseInteger, toValue } from './values.ts';
export type { ValueType } from './values.ts';
