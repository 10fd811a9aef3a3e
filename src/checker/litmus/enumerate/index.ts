/** The enumeration of what a model allows a litmus test to do. */
export { explainLitmus } from './explain.ts';
export type { Explanation } from './explain.ts';
export { runLitmus } from './run-litmus.ts';
export type { LitmusOptions, LitmusResult } from './run-litmus.ts';
