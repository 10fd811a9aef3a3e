/** What the compiler knows of tasks: values and errors through spawn, yield*, select and join. */
import type { RondoError } from '../base/index.ts';
import {
  attempt,
  BaseFuture,
  fromPromise,
  join,
  PENDING,
  race,
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

// The usual test of equality: two generic functions are the same only if their conditions are.
// oxlint-disable typescript/no-unnecessary-type-parameters
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}
// oxlint-enable typescript/no-unnecessary-type-parameters

class Failing extends BaseFuture<number, RangeError> {
  poll(): Poll<number> {
    return PENDING;
  }
}

function* typed(): Coroutine<string, RangeError> {
  const value = yield* new Failing();
  same<typeof value, number>(true);
  const text = yield* ready('text');
  same<typeof text, string>(true);
  return text;
}

export function* promising(): Coroutine<string, RangeError> {
  // @ts-expect-error -- Nobody knows what a promise is rejected with.
  return yield* fromPromise(Promise.resolve('text'));
}

const fromCoroutine = spawn(typed());
same<typeof fromCoroutine, JoinHandle<string, RangeError>>(true);

const fromFunction = spawn(typed);
same<typeof fromFunction, JoinHandle<string, RangeError>>(true);

const inferred = spawn(function* () {
  yield* sleep(1);
  return yield* new Failing();
});
same<typeof inferred, JoinHandle<number, RangeError>>(true);

const infallible = spawn(sleep(1));
same<typeof infallible, JoinHandle<void, never>>(true);

const fromAsync = spawn(async ({ signal }) => {
  same<typeof signal, AbortSignal>(true);
  return [1];
});
same<typeof fromAsync, JoinHandle<number[]>>(true);

const plain = spawn(() => 5);
same<typeof plain, JoinHandle<number>>(true);

// @ts-expect-error -- A number cannot be run.
spawn(5);
// @ts-expect-error -- There is no such class.
spawn(() => 1, { priority: 'urgent' });

export function* waits(): Coroutine<void> {
  const first = yield* select({ tick: sleep(1), value: ready('x') });
  if (first.key === 'tick') same<typeof first.value, void>(true);
  else same<typeof first.value, string>(true);

  const [one, two] = yield* join([ready(1), typed()]);
  same<typeof one, number>(true);
  same<typeof two, string>(true);

  const named = yield* join({ a: ready(true), b: fromPromise(Promise.resolve(1n)) });
  same<typeof named, { a: boolean; b: bigint }>(true);

  const result = yield* attempt(new Failing());
  if (result.ok) same<typeof result.value, number>(true);
  else same<typeof result.error, RangeError>(true);

  const limited = yield* attempt(timeout(5, new Failing()));
  if (!limited.ok) same<typeof limited.error, RangeError | RondoError>(true);

  const body = yield* scope(function* (s) {
    const child = s.spawn(() => new Failing());
    same<typeof child, JoinHandle<number, RangeError>>(true);
    return yield* child;
  });
  same<typeof body, number>(true);

  const set = new TaskSet<number>();
  set.spawn(() => 1);
  // @ts-expect-error -- The set is of numbers.
  set.spawn(() => 'one');
}

export async function awaits(): Promise<void> {
  const value = await new Failing();
  same<typeof value, number>(true);
  const text = await fromCoroutine;
  same<typeof text, string>(true);
}

export function* forgetsTheStar(): Coroutine<void> {
  // @ts-expect-error -- It must be yield*.
  yield sleep(1);
}

const raced = spawn(race([ready(1), ready('x')]));
same<typeof raced, JoinHandle<number | string, never>>(true);

spawn(
  // @ts-expect-error -- It must be yield*, also where nothing is annotated.
  function* () {
    yield sleep(1);
  },
);
// @ts-expect-error -- An async generator is a stream.
spawn(async function* () {
  yield 1;
});
spawn(() => {
  throw new Error('is no mistake of types');
});
