/** The format of litmus tests, and the seam to the front ends. */
export type { Architecture, Environment, Registers } from './architecture.ts';
export { parseWith } from './parse.ts';
export type { ParseOptions } from './parse.ts';
export { formatState, holds } from './state.ts';
export { litmusSummary } from './summary.ts';
export { cut, parseInteger, toValue } from './values.ts';
