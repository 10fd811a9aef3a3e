/** Executions: events, the relations between them, and the evaluation of a model on them. */
export * from './base.ts';
export type { ExecutionEvent } from './execution.ts';
export { Execution } from './execution.ts';
