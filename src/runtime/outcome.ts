/** Looking at a task from outside of tasks. */
import { PENDING, type Context, type JoinHandle, type Waker } from '../task/index.ts';

const nobody: Waker = {
  wake: () => undefined,
  wakeByRef: () => undefined,
  clone: () => nobody,
  drop: () => undefined,
  willWake: (other) => other === nobody,
};

const context: Context = { waker: nobody, proceed: () => true };

/** What a task that is finished ended with. */
export function outcomeOf<T>(task: JoinHandle<T>): T {
  const value = task.poll(context);
  if (value === PENDING) throw new Error('unreachable: the task is finished');
  return value;
}
