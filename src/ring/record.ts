/** The struct of rings of variable-length records. */
import { slab, struct, type StructType, u32 } from '../memory/index.ts';

/** A record: bytes of any length up to the ring's slab, and a number that says what they are. */
export interface Record {
  type: number;
  payload: Uint8Array;
}

/**
 * What a ring of variable-length records is made of: `Ring.create(Record, { slabBytes: 2 ** 20 })`.
 * Records are claimed with `claim` and `$reserve('payload', length)`, filled in place, and committed.
 */
export const Record: StructType<Record, 'payload'> = struct('rondo.Record', {
  type: u32,
  payload: slab('bytes'),
});
