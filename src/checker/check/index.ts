/** Checking tests in ordinary TypeScript under memory models. */
export { check } from './check.ts';
export type {
  CheckOptions,
  CheckProgress,
  CheckResult,
  Failure,
  FailureKind,
  Strategy,
} from './check.ts';
export { CheckError, COLLECTOR, model, verify } from './model.ts';
export type { DeclaredTest, ModelOptions } from './model.ts';
export { MODEL_NAMES } from './models.ts';
export type { ModelName } from './models.ts';
export type { ExecutionTrace, TraceEvent, TraceKind } from './trace.ts';
export type {
  Cell,
  MemoryOrder,
  SharedOptions,
  TestBody,
  TestContext,
  TestThread,
} from '../program/test.ts';
export type { TestLock } from '../program/lock.ts';
