/** Tasks: futures, the executor of one thread, structure, time, synchronisation and streams. */
export * from './combine/index.ts';
export { CancelledError } from './errors.ts';
export * from './executor/index.ts';
export * from './future/index.ts';
export { TaskLocal } from './future/locals.ts';
export * from './scope/index.ts';
export * from './stream/index.ts';
export * from './sync/index.ts';
export * from './testing/index.ts';
export * from './time/index.ts';
