/** Checking tests in ordinary TypeScript under memory models. */
export { check } from './check.ts';
export type { CheckOptions, CheckResult, Failure, FailureKind } from './check.ts';
export { CheckError, model, verify } from './model.ts';
export type { ModelOptions } from './model.ts';
export { MODEL_NAMES } from './models.ts';
export type { ModelName } from './models.ts';
export { coverageText, resultText } from './text.ts';
export type { ExecutionTrace, TraceEvent, TraceKind } from './trace.ts';
export type { Cell, MemoryOrder, TestBody, TestContext, TestThread } from '../program/test.ts';
