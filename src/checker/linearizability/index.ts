/** Linearizability: a concurrent object against a sequential one. */
export { linearizable } from './linearizable.ts';
export type { LinearizableOptions } from './linearizable.ts';
export { linearize, OPERATIONS_MAX } from './search.ts';
export type { Linearization, Operation, Sequential } from './search.ts';
