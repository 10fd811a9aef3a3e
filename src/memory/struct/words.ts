/**
 * Fields that are one element of a typed array: their accessors, and how codecs treat them.
 *
 * Accessors are what a loop over messages consists of, and the engine optimizes them away only if
 * it inlines them, for which it has a small budget per function, and asks for accessors last: the
 * ring's own methods have used it up by then. Functions of at most 27 bytes of bytecode are inlined
 * whatever the budget, if they are so small together with what was inlined into them before. So:
 *
 * - There is a typed array for each field, which begins at the field: nothing is added to `$offset`.
 * - What is captured are parameters. A `const` is checked for being initialised at each use.
 * - Checks and conversions are functions of their own, as small (scalars.ts); they fail elsewhere.
 * - They must be inlined where an accessor is, not into the accessor: see `prime`.
 *
 * `docs/decisions/0016-struct-accessors.md` has the figures. Each kind of element has its functions
 * written out: one function for all would see typed arrays of every kind, and cost ten times as
 * much.
 */
import type { Codec } from './codec.ts';
import type { ChoiceBase } from './types.ts';
import { View } from './view.ts';
import type { Views } from './views.ts';

/** A getter and a setter: functions that take the view as `this`. */
export interface Accessors {
  readonly get: (this: View) => unknown;
  readonly set: (this: View, value: unknown) => void;
}

/** The typed arrays that `Views` has. */
type ElementKind = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64' | 'u64' | 'i64';
type Words = Views[ElementKind];

/** What to store for a value. @throws {TypeError | RangeError} ERR_STRUCT_TYPE, ERR_STRUCT_RANGE */
export type Encode<N> = (value: unknown) => N;
/** What an integer stands for. @throws {RondoError} ERR_STRUCT_VALUE */
export type Decode = (integer: number) => unknown;

type Getter = (this: View) => unknown;
type Setter = (this: View, value: unknown) => void;

/** The functions of one kind of element. */
interface Kind<A, N> {
  get(words: A): Getter;
  set(words: A, encode: Encode<N>): Setter;
  /** Of a codec: the offset is one of the whole memory, as the words are. */
  read(words: A): (offset: number) => unknown;
  write(words: A, encode: Encode<N>): (offset: number, value: unknown) => void;
}

const u8: Kind<Uint8Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset] = encode(value);
    },
  read: (words) => (offset) => words[offset],
  write: (words, encode) => (offset, value) => {
    words[offset] = encode(value);
  },
};

const i8: Kind<Int8Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset] = encode(value);
    },
  read: (words) => (offset) => words[offset],
  write: (words, encode) => (offset, value) => {
    words[offset] = encode(value);
  },
};

const u16: Kind<Uint16Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 1];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 1] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 1],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 1] = encode(value);
  },
};

const i16: Kind<Int16Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 1];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 1] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 1],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 1] = encode(value);
  },
};

const u32: Kind<Uint32Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 2];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 2] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 2],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 2] = encode(value);
  },
};

const i32: Kind<Int32Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 2];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 2] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 2],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 2] = encode(value);
  },
};

const f32: Kind<Float32Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 2];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 2] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 2],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 2] = encode(value);
  },
};

const f64: Kind<Float64Array, number> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 3];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 3] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 3],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 3] = encode(value);
  },
};

const u64: Kind<BigUint64Array, bigint> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 3];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 3] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 3],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 3] = encode(value);
  },
};

const i64: Kind<BigInt64Array, bigint> = {
  get: (words) =>
    function (this: View) {
      return words[this.$offset >>> 3];
    },
  set: (words, encode) =>
    function (this: View, value: unknown) {
      words[this.$offset >>> 3] = encode(value);
    },
  read: (words) => (offset) => words[offset >>> 3],
  write: (words, encode) => (offset, value) => {
    words[offset >>> 3] = encode(value);
  },
};

const KINDS: Readonly<Record<ElementKind, Kind<Words, number | bigint>>> = {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  f64,
  u64,
  i64,
};

/** Getters of what is stored as an integer without sign and means something else. */
const DECODING: Readonly<Record<ChoiceBase, (words: Words, decode: Decode) => Getter>> = {
  u8: (words, decode) =>
    function (this: View) {
      return decode(words[this.$offset] as number);
    },
  u16: (words, decode) =>
    function (this: View) {
      return decode(words[this.$offset >>> 1] as number);
    },
  u32: (words, decode) =>
    function (this: View) {
      return decode(words[this.$offset >>> 2] as number);
    },
};

/** A type that is one element of a typed array. */
export type Element =
  | { readonly kind: ElementKind; readonly encode: Encode<number | bigint> }
  | {
      readonly kind: ChoiceBase;
      readonly encode: Encode<number>;
      readonly decode: Decode;
    };

/** The codec of an element. */
export function elementCodec(element: Element, views: Views): Codec {
  const words = views[element.kind];
  const read = KINDS[element.kind].read(words);
  const write = KINDS[element.kind].write(words, element.encode);
  if (!('decode' in element)) return { read, write };
  const { decode } = element;
  return { read: (offset) => decode(read(offset) as number), write };
}

/** The accessors of a field that is an element and lies at `at`. */
export function elementAccessors(element: Element, views: Views, at: number): Accessors {
  const { kind, encode } = element;
  const functions = KINDS[kind];
  const all = views[kind];
  // Empty where the memory ends before the field.
  const words = all.subarray(at / all.BYTES_PER_ELEMENT);
  const sample = all.slice(0, 1);
  const prepared = (convert: unknown) => functions.set(sample, convert as Encode<number | bigint>);
  prime(functions, prepared, sample[0]);
  if (!('decode' in element))
    return { get: functions.get(words), set: functions.set(words, encode) };
  const decoding = DECODING[element.kind];
  prime(decoding, (convert) => decoding(sample, convert), undefined);
  return { get: decoding(words, element.decode), set: functions.set(words, encode) };
}

/** Accessors of fields of several words, from functions that take the index of the first. */
export function wordAccessors(
  read: (word: number) => unknown,
  write: (word: number, value: unknown) => void,
): Accessors {
  prime(getByWord, getByWord, undefined);
  prime(setByWord, setByWord, undefined);
  return { get: getByWord(read), set: setByWord(write) };
}

function getByWord(read: (word: number) => unknown): Getter {
  return function (this: View) {
    return read(this.$offset >>> 2);
  };
}

function setByWord(write: (word: number, value: unknown) => void): Setter {
  return function (this: View, value: unknown) {
    write(this.$offset >>> 2, value);
  };
}

/** The accessors of a field that may be absent: bit `mask` of the word at `at` tells. */
export function optionalAccessors(
  { get, set }: Accessors,
  views: Views,
  at: number,
  mask: number,
): Accessors {
  const words = views.u32.subarray(at / 4);
  const sample = new Uint32Array(1);
  prime(getChosen, (choose) => getChosen(sample, choose), undefined);
  return { get: getChosen(words, chooser(mask, get)), set: setMarked(words, mask, set) };
}

type Choose = (bits: number, view: View) => unknown;

function getChosen(words: Uint32Array, choose: Choose): Getter {
  return function (this: View) {
    return choose(words[this.$offset >>> 2]!, this);
  };
}

function chooser(mask: number, get: Getter): Choose {
  return (bits, view) => (bits & mask ? get.call(view) : undefined);
}

function setMarked(words: Uint32Array, mask: number, set: Setter): Setter {
  return function (this: View, value: unknown) {
    const word = this.$offset >>> 2;
    if (value === undefined) {
      words[word] = words[word]! & ~mask;
    } else {
      set.call(this, value);
      // After the value: when that throws, nothing has changed for readers.
      words[word] = words[word]! | mask;
    }
  };
}

/** Calls after which the engine has begun to note what a function calls. */
const PRIMING_CALLS = 100;

const primed = new Set<unknown>();

/**
 * Lets the engine see accessors from one place in the code call two functions, once per thread. It
 * then takes their call for one that may go anywhere, and does not inline what it goes to when it
 * compiles an accessor alone; the accessor stays small. Loops that inline the accessor know what is
 * captured, and inline that too.
 */
export function prime(
  place: unknown,
  make: (convert: () => unknown) => (this: View, value: never) => unknown,
  sample: unknown,
): void {
  if (primed.has(place)) return;
  primed.add(place);
  const view = new View(undefined);
  const one = make(() => sample);
  const other = make(() => sample);
  for (let call = 0; call < PRIMING_CALLS; call += 2) {
    one.call(view, sample as never);
    other.call(view, sample as never);
  }
}
