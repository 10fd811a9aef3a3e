/** What cursors look like to the compiler: the objects themselves are made in cursor.ts. */
import type { Live, ViewNames } from './types.ts';

/** What a cursor can do beside having the fields as properties. */
export interface CursorMethods<T, SlabNames extends string> {
  /**
   * Byte offset of the message in the views, a multiple of the struct's alignment. Nothing checks
   * it: it is set by whoever owns the memory.
   */
  $offset: number;
  /** A plain copy of the message. @throws {RondoError} ERR_STRUCT_VALUE, ERR_STRUCT_SLAB */
  $get(): T;
  /**
   * Writes all fields. When it throws, some are written and others not: the message must not be
   * published.
   * @throws {TypeError} ERR_STRUCT_KEY, ERR_STRUCT_TYPE
   * @throws {RangeError} ERR_STRUCT_RANGE
   * @throws {RondoError} `SLAB_FULL` when there is no room in the slab side now
   */
  $set(value: T | Live<T>): void;
  /** Makes all bytes zero, padding too. */
  $clear(): void;
  /** Copies all bytes to another offset. A copy refers to the same pieces of the slab side. */
  $copyTo(offset: number): void;
  /**
   * A nested struct, set of flags or array with all its methods; undefined when it is absent. The
   * same object each time, at where the cursor is when it is asked for.
   */
  $view<K extends ViewNames<T>>(name: K): ViewOf<T[K]>;
  /**
   * Where the bytes of a slab field begin in the views; `$located` is how many there are. Both are
   * bounded; the bytes may still change under the reader's hands if the writer is hostile. −1 when
   * the field is absent.
   * @throws {RondoError} ERR_STRUCT_SLAB
   */
  $locate(name: SlabNames): number;
  /** Bytes of the piece that `$locate` found last. */
  readonly $located: number;
  /**
   * Reserves `length` bytes for a slab field and gives their offset in the views, for the caller to
   * fill before the message is published; −1 when there is no room now.
   * @throws {RangeError} ERR_STRUCT_RANGE when the slab side will never have that much
   */
  $reserve(name: SlabNames, length: number): number;
}

/** A view of one struct in memory. */
export type Cursor<T, SlabNames extends string = string> = Live<T> & CursorMethods<T, SlabNames>;

/** A view of an array in memory. */
export interface ArrayCursor<E> extends Iterable<Live<E>> {
  /** Elements. */
  readonly length: number;
  /** The element at `index`; undefined outside. Negative indices count from the end. */
  at(index: number): Live<E> | undefined;
  /** Writes one element. @throws {RangeError} ERR_STRUCT_RANGE when there is none at `index` */
  set(index: number, value: Live<E>): void;
  /** A plain copy. */
  $get(): E[];
  /** Writes all elements: as many as there are. */
  $set(values: E[] | Live<E[]>): void;
}

/** What `$view` gives. */
export type ViewOf<V> = V extends readonly (infer E)[]
  ? ArrayCursor<E>
  : V extends undefined
    ? undefined
    : Live<V> & { $get(): V; $set(value: V | Live<V>): void };
