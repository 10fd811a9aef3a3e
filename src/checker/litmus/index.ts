/** Litmus tests: read in herd's format, and run under memory models. */
export type { LitmusTest } from './contract.ts';
export { explainLitmus, runLitmus } from './enumerate/index.ts';
export type { Explanation, LitmusOptions, LitmusResult } from './enumerate/index.ts';
export { litmusSummary } from './format/index.ts';
export type { ParseOptions } from './format/index.ts';
export { parseLitmus } from './parse.ts';
