/** What TypeScript makes of streams; wrong uses must not compile. */
import type { RondoError } from '../../base/index.ts';
import type { BaseFuture, Coroutine, Future } from '../future/index.ts';
import { END, produce, toStream, type BaseStream, type Sink, type Stream } from './index.ts';

/** Each is assignable to the other, wrapped so that unions are not taken apart. */
type Same<A, B> = [A, B] extends [B, A] ? true : false;
const same = <A, B>(is: Same<A, B>): void => void is;

class Broken extends Error {
  readonly piece: number = 0;
}
class Refused extends Error {
  readonly by: string = '';
}

declare const numbers: BaseStream<number, Broken>;
declare const words: BaseStream<string, Refused>;
declare const lookup: (item: number) => BaseFuture<string, Refused>;
declare const coroutine: (item: number) => Coroutine<string, Refused>;
declare const promised: (item: number) => Promise<string>;
declare const bare: Stream<boolean, Refused>;
declare const sink: Sink<number>;
declare const stop: Future<void, Refused>;

export function* items(): Coroutine<void> {
  const next = yield* numbers.next();
  same<typeof next, number | typeof END>(true);
  if (next !== END) same<typeof next, number>(true);
  for (let item; (item = yield* numbers.next()) !== END;) same<typeof item, number>(true);
}

export async function loops(): Promise<void> {
  for await (const item of numbers) same<typeof item, number>(true);
  const item = await numbers.first();
  same<typeof item, number | undefined>(true);
}

export function elements(): void {
  const mapped = numbers.map(String);
  same<typeof mapped, BaseStream<string, Broken>>(true);
  const known = numbers.filterMap((item) => (item > 0 ? `${item}` : undefined));
  same<typeof known, BaseStream<string, Broken>>(true);
  const ones = numbers.filter((item): item is 1 => item === 1);
  same<typeof ones, BaseStream<1, Broken>>(true);
  const found = numbers.find((item): item is 1 => item === 1);
  same<typeof found, BaseFuture<1 | undefined, Broken>>(true);
  const numbered = numbers.enumerate();
  same<typeof numbered, BaseStream<[index: number, item: number], Broken>>(true);
  const sums = numbers.scan('', (text, item) => text + item);
  same<typeof sums, BaseStream<string, Broken>>(true);
  const chunks = numbers.chunks(2);
  same<typeof chunks, BaseStream<number[], Broken>>(true);
  const timed = numbers.timeout(5);
  same<typeof timed, BaseStream<number, Broken | RondoError>>(true);
  const until = numbers.takeUntil(stop);
  same<typeof until, BaseStream<number, Broken | Refused>>(true);
  const collected = numbers.collect();
  same<typeof collected, BaseFuture<number[], Broken>>(true);
  // @ts-expect-error A number is no text.
  numbers.map((item: string) => item);
  // @ts-expect-error A sink of numbers takes no text.
  void words.forward(sink);
  void numbers.forward(sink);
}

export function futures(): void {
  const found = numbers.map(lookup).buffered(2);
  same<typeof found, BaseStream<string, Broken | Refused>>(true);
  const unordered = numbers.map(coroutine).bufferedUnordered(2);
  same<typeof unordered, BaseStream<string, Broken | Refused>>(true);
  const awaited = numbers.map(promised).buffered(2);
  same<typeof awaited, BaseStream<string>>(true);
  // @ts-expect-error Numbers cannot be awaited.
  numbers.buffered(2);
  const visited = numbers.forEach(lookup);
  same<typeof visited, BaseFuture<void, Broken | Refused>>(true);
  const run = numbers.forEach(coroutine);
  same<typeof run, BaseFuture<void, Broken | Refused>>(true);
  const plain = numbers.forEach((item) => void item);
  same<typeof plain, BaseFuture<void, Broken>>(true);
  const asynchronous = numbers.forEach(promised);
  same<typeof asynchronous, BaseFuture<void>>(true);
}

export function several(): void {
  const merged = numbers.merge(words, [true]);
  same<typeof merged, BaseStream<number | string | boolean, Broken | Refused>>(true);
  const chained = numbers.chain(bare);
  same<typeof chained, BaseStream<number | boolean, Broken | Refused>>(true);
  const zipped = numbers.zip(words, [true]);
  same<typeof zipped, BaseStream<[number, string, boolean], Broken | Refused>>(true);
  const flat = numbers.map(() => words).flatten();
  same<typeof flat, BaseStream<string, Broken | Refused>>(true);
  const lists = numbers.flatMap((item) => [item, 'x']);
  same<typeof lists, BaseStream<string | number, Broken>>(true);
  // @ts-expect-error Numbers have no items.
  numbers.flatten();
  const [left] = numbers.tee();
  same<typeof left, BaseStream<number, Broken>>(true);
}

export function sources(): void {
  const array = toStream([1, 2]);
  same<typeof array, BaseStream<number, never>>(true);
  const wrapped = toStream(bare);
  same<typeof wrapped, BaseStream<boolean, Refused>>(true);
  const set = toStream(new Set(['a']));
  same<typeof set, BaseStream<string>>(true);
  const chunks = toStream(new ReadableStream<Uint8Array>());
  same<typeof chunks, BaseStream<Uint8Array>>(true);
  const produced = produce<number, Broken>(function* (emit) {
    yield* emit(1);
    // @ts-expect-error Text is no number.
    yield* emit('1');
  });
  same<typeof produced, BaseStream<number, Broken>>(true);
  // @ts-expect-error A number has no items.
  void (() => toStream(5));
}
