/** What must compile and what must not. Compiled with everything else; never run. */
import type { RondoError } from '../../base/index.ts';
import type { Coroutine } from '../future/index.ts';
import {
  broadcast,
  mpsc,
  Mutex,
  OnceCell,
  oneshot,
  RwLock,
  Semaphore,
  watch,
  type LaggedError,
} from './index.ts';

// The usual test of equality: two generic functions are the same only if their conditions are.
// oxlint-disable typescript/no-unnecessary-type-parameters
type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}
// oxlint-enable typescript/no-unnecessary-type-parameters

type ErrorOf<F> = F extends { readonly '~error'?: infer E } ? Exclude<E, undefined> : 'none';

/** Values are typed through `yield*`. */
export function* values(): Coroutine<void> {
  const numbers = mpsc<number>(1);
  const message = yield* numbers.receiver.receive();
  same<typeof message, number | undefined>(true);
  const answer = yield* oneshot<string>().receiver;
  same<typeof answer, string>(true);
  using guard = yield* new Mutex(new Map<string, number>()).lock();
  same<typeof guard.value, Map<string, number>>(true);
  const cell = yield* new OnceCell<number>().getOrInit(function* (): Coroutine<number> {
    return yield* watch(1).receiver.waitFor(() => true);
  });
  same<typeof cell, number>(true);
  const ran = yield* new Semaphore(1).run(() => 'result');
  same<typeof ran, string>(true);
}

/** What may be thrown is part of the type. */
export function errors(): void {
  const { sender, receiver } = mpsc<number>(1);
  const send = sender.send(1);
  same<ErrorOf<typeof send>, RondoError>(true);
  const receive = receiver.receive();
  same<ErrorOf<typeof receive>, never>(true);
  const lagging = broadcast<number>(1).receiver.receive();
  same<ErrorOf<typeof lagging>, LaggedError>(true);
}

/** Misuse does not compile. */
export function misuse(): void {
  const bare = new Mutex();
  same<typeof bare, Mutex>(true);
  // @ts-expect-error A mutex of numbers needs one.
  void new Mutex<number>();
  // @ts-expect-error What is sent must be a message of the channel.
  mpsc<number>(1).sender.trySend('one');
  const guard = new RwLock(1).tryRead();
  // @ts-expect-error Readers do not write.
  if (guard !== undefined) guard.value = 2;
}
