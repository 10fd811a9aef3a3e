/**
 * The memory model of ECMAScript, evaluated byte by byte from the text of the specification; and
 * what V8 makes of the same tests on x64 and arm64.
 */
export {
  evaluateEcma,
  type EcmaAccess,
  type EcmaOutcome,
  type EcmaRace,
  type EcmaResult,
} from './evaluate.ts';
export { explainEcma, type EcmaExplanation } from './explain.ts';
export type { Clause } from './failures.ts';
export { evaluateV8, type LoweredModel, type LoweredResult } from './lowering.ts';
export type { EcmaOptions } from './options.ts';
export { parseEcmaProgram } from './program.ts';
export {
  ECMA_MODELS,
  readEcmaTests,
  reportEcma,
  type EcmaModel,
  type ReportOptions,
} from './report.ts';
export { parseEcmaTest, parseEcmaTests, type Ask, type EcmaTest } from './ecma-test.ts';
