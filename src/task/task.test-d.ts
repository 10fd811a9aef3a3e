/** What the compiler knows of tasks: values and errors through spawn, yield*, select and join. */
import { RondoError } from '../base/index.ts';
import {
  attempt,
  BaseFuture,
  fromPromise,
  join,
  PENDING,
  ready,
  scope,
  select,
  sleep,
  spawn,
  TaskSet,
  timeout,
  type Coroutine,
  type JoinHandle,
  type Poll,
} from './index.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<_T extends true>(): void {}

class Failing extends BaseFuture<number, RangeError> {
  poll(): Poll<number> {
    return PENDING;
  }
}

function* typed(): Coroutine<string, RangeError> {
  const value = yield* new Failing();
  same<Equal<typeof value, number>>();
  const text = yield* ready('text');
  same<Equal<typeof text, string>>();
  return text;
}

export function* promising(): Coroutine<string, RangeError> {
  // @ts-expect-error -- Nobody knows what a promise is rejected with.
  return yield* fromPromise(Promise.resolve('text'));
}

const fromCoroutine = spawn(typed());
same<Equal<typeof fromCoroutine, JoinHandle<string, RangeError>>>();

const fromFunction = spawn(typed);
same<Equal<typeof fromFunction, JoinHandle<string, RangeError>>>();

const inferred = spawn(function* () {
  yield* sleep(1);
  return yield* new Failing();
});
same<Equal<typeof inferred, JoinHandle<number, RangeError>>>();

const infallible = spawn(sleep(1));
same<Equal<typeof infallible, JoinHandle<void, never>>>();

const fromAsync = spawn(async ({ signal }) => {
  same<Equal<typeof signal, AbortSignal>>();
  return [1];
});
same<Equal<typeof fromAsync, JoinHandle<number[], unknown>>>();

const plain = spawn(() => 5);
same<Equal<typeof plain, JoinHandle<number, unknown>>>();

// @ts-expect-error -- A number cannot be run.
spawn(5);
// @ts-expect-error -- There is no such class.
spawn(() => 1, { priority: 'urgent' });

export function* waits(): Coroutine<void> {
  const first = yield* select({ tick: sleep(1), value: ready('x') });
  if (first.key === 'tick') same<Equal<typeof first.value, void>>();
  else same<Equal<typeof first.value, string>>();

  const [one, two] = yield* join([ready(1), typed()]);
  same<Equal<typeof one, number>>();
  same<Equal<typeof two, string>>();

  const named = yield* join({ a: ready(true), b: fromPromise(Promise.resolve(1n)) });
  same<Equal<typeof named, { a: boolean; b: bigint }>>();

  const result = yield* attempt(new Failing());
  if (result.ok) same<Equal<typeof result.value, number>>();
  else same<Equal<typeof result.error, RangeError>>();

  const limited = yield* attempt(timeout(5, new Failing()));
  if (!limited.ok) same<Equal<typeof limited.error, RangeError | RondoError>>();

  const body = yield* scope(function* (s) {
    const child = s.spawn(() => new Failing());
    same<Equal<typeof child, JoinHandle<number, RangeError>>>();
    return yield* child;
  });
  same<Equal<typeof body, number>>();

  const set = new TaskSet<number>();
  set.spawn(() => 1);
  // @ts-expect-error -- The set is of numbers.
  set.spawn(() => 'one');
}

export async function awaits(): Promise<void> {
  const value = await new Failing();
  same<Equal<typeof value, number>>();
  const text = await fromCoroutine;
  same<Equal<typeof text, string>>();
}
