import { slab, struct, type StructType, u32 } from '../../src/memory/index.ts';

/** A message whose parts say whether they belong together. */
export const Sequence: StructType<
  { producer: number; sequence: number; check: number; text: string },
  'text'
> = struct('test.Sequence', { producer: u32, sequence: u32, check: u32, text: slab() });
