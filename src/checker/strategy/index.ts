/**
 * Ways through the executions of a test: all, random ones, in several threads, or one by a token.
 */
export { type RecordOptions, recordAccesses } from './accesses.ts';
export { checkParallel } from './parallel.ts';
export type { ParallelOptions, TestSource } from './parallel.ts';
