export { compareLayouts, type LayoutComparison } from './compare.ts';
export type { ArrayCursor, Cursor, CursorMethods, ViewOf } from './cursor-types.ts';
export {
  array,
  bool,
  bytes,
  f32,
  f64,
  flags,
  i16,
  i32,
  i64,
  i8,
  oneOf,
  optional,
  safe,
  slab,
  text,
  u16,
  u32,
  u64,
  u8,
} from './field-types.ts';
export { baseBytes, fieldTypeText, layoutText, typeText } from './layout.ts';
export { LAYOUT_BYTES_MAX, STRUCT_BYTES_MAX } from './limits.ts';
export { parseLayout } from './parse.ts';
export { SLAB_FULL, type SlabSide } from './slab-side.ts';
export { fingerprintOf, struct, structFromLayout, StructType } from './struct.ts';
export type {
  ArrayDescriptor,
  BytesDescriptor,
  ChoiceBase,
  EnumDescriptor,
  FieldLayout,
  Fields,
  FieldType,
  FlagsDescriptor,
  Infer,
  Live,
  SafeDescriptor,
  ScalarDescriptor,
  ScalarName,
  Sequence,
  SlabCandidates,
  SlabDescriptor,
  StructDescriptor,
  TextDescriptor,
  TypeDescriptor,
  ViewNames,
} from './types.ts';
export { Views } from './views.ts';
