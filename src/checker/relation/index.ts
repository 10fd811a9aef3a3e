/** Relations over events: expressions, and the bit matrices that they are computed on. */
export type { Plane } from './bits.ts';
export { widthFor } from './bits.ts';
export type { Requirement, Source } from './evaluator.ts';
export { Evaluator } from './evaluator.ts';
export type { EventSet, Relation } from './expression.ts';
export {
  baseRelation,
  baseSet,
  cross,
  domain,
  EMPTY,
  inter,
  inverse,
  minus,
  named,
  on,
  optional,
  plus,
  range,
  seq,
  star,
  union,
} from './expression.ts';
export { Simplifier } from './simplify.ts';
