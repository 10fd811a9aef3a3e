/**
 * What the checker itself uses of what it takes the place of while a test runs: taken when this
 * module is loaded, which is before.
 */

/** A constructor of typed arrays. */
export type ViewConstructor = new (
  buffer: ArrayBufferLike,
  byteOffset?: number,
  length?: number,
) => ArrayBufferView & { readonly length: number };

/** The real constructors by their names. */
export const viewConstructors: Readonly<Record<string, ViewConstructor>> = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  ...ofNewerEngines(),
};

/** Those that not every engine has. */
function ofNewerEngines(): Record<string, ViewConstructor> {
  const { Float16Array } = globalThis as { Float16Array?: ViewConstructor };
  return Float16Array === undefined ? {} : { Float16Array };
}

/** The real Float32Array. */
export const Single: Float32ArrayConstructor = Float32Array;
/** The real Float64Array. */
export const Double: Float64ArrayConstructor = Float64Array;
/** The real Uint8ClampedArray. */
export const Clamped: Uint8ClampedArrayConstructor = Uint8ClampedArray;
/** The real Int32Array. */
export const Words: Int32ArrayConstructor = Int32Array;
/** The real Uint8Array. */
export const Bytes: Uint8ArrayConstructor = Uint8Array;
/** The real DataView. */
export const RealDataView: DataViewConstructor = DataView;
/** The real SharedArrayBuffer. */
export const RealSharedArrayBuffer: SharedArrayBufferConstructor = SharedArrayBuffer;
/** The real ArrayBuffer.isView. */
export const isRealView: (value: unknown) => boolean = ArrayBuffer.isView.bind(ArrayBuffer);
