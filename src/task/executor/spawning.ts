/** What a spawn does for some tasks only. */
import { RondoError } from '../../base/index.ts';
import { isPlainCoroutine, toFuture, type Awaitable } from '../future/index.ts';
import { currentLocals } from '../future/locals.ts';
import type { CapturedContext } from './async-context.ts';
import { TaskState, type Task } from './task.ts';

/** For what is neither future nor function. */
export function makeRunnable(task: Task, source: unknown): void {
  if (isPlainCoroutine(source)) task.state |= TaskState.COROUTINE;
  else task.content = toFuture(source as Awaitable<unknown>);
}

/** What the task has from the place where it is spawned. */
export function inherit(task: Task, asyncContext: CapturedContext | undefined): void {
  const locals = currentLocals();
  task.inherited = { locals, asyncContext };
  for (let entry = locals; entry !== undefined; entry = entry.next) {
    entry.key.spawned(entry.value, task);
  }
}

/** What an executor throws after its close. */
export function closedError(what: string): RondoError {
  return new RondoError('ERR_EXECUTOR_CLOSED', `Cannot ${what}: the executor was closed`);
}

const OWN_FOLDER: string = new URL('..', import.meta.url).pathname;

/** The line outside of the library's tasks that spawned, as a stack shows it: `at file:line:column`. */
export function spawnLocation(): string | undefined {
  const stack = new Error().stack?.split('\n').slice(1) ?? [];
  const line = stack.find((each) => !isOwn(each));
  return line?.trim();
}

function isOwn(line: string): boolean {
  if (line.includes('<anonymous>')) return true; // The generator's own `next`.
  return line.includes(OWN_FOLDER) && !line.includes('.test.');
}
