export { scope, type OnError, type Scope, type ScopeOptions } from './scope.ts';
export { TaskSet } from './task-set.ts';
export { CancellationToken } from './token.ts';
export { use, type Usable } from './use.ts';
