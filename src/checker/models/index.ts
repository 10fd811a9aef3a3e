/** Memory models, each a list of axioms, and what judges executions by them. */
export type { Axiom, Model } from './contract.ts';
export { Features, Judge, judgeOf } from './judge.ts';
export { MODELS, modelNamed } from './list.ts';
