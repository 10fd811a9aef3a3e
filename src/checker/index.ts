/** The model checker, litmus tests and the simulator of cache coherence: `rondo/checker`. */
export * from './cache/index.ts';
export * from './check/index.ts';
export * from './report/index.ts';
export * from './strategy/index.ts';
export * from './linearizability/index.ts';
export {
  explainLitmus,
  type Explanation as LitmusExplanation,
  litmusSummary,
  type LitmusOptions,
  type LitmusResult,
  type LitmusTest,
  parseLitmus,
  type ParseOptions,
  runLitmus,
} from './litmus/index.ts';
export { type Model, modelNamed, MODELS } from './models/index.ts';
export * from './specification/index.ts';
export * from './prove/index.ts';
