/** Segments for tests. */
import { createHash } from 'node:crypto';
import { processArena } from '../../memory/index.ts';
import type { RingShape } from '../layout.ts';
import { RingSegment, segmentBytes, type RingSpec } from './segment.ts';

/** A schema text of a struct with so many bytes. */
export function textOf(bytes: number): string {
  return `rondo-struct 1\nname test.Tick\nfield id bytes[${bytes}] 0\nsize ${bytes} align 1\n`;
}

/** The one with 8 bytes. */
export const TEXT: string = textOf(8);

/** A ring with some shape. */
export function specOf(
  shape: Partial<RingShape> = {},
  layout: string = textOf(shape.stride ?? 8),
): RingSpec {
  const fingerprint = createHash('sha256').update(layout).digest().readBigUInt64LE(0);
  return {
    shape: {
      topology: 'spsc',
      lossy: false,
      inProcess: false,
      lanes: 1,
      places: 1,
      slots: 16,
      stride: 8,
      slabBytes: 0,
      ...shape,
    },
    schema: { name: 'test.Tick', layout, fingerprint },
  };
}

/** A segment in the arena of the process: the addon knows one for each thread. */
export function segmentOf(
  rings: readonly RingSpec[] = [specOf()],
  name: string = 'test',
): RingSegment {
  const arena = processArena();
  const bytes = segmentBytes(rings);
  const { offset } = arena.allocate('segment', bytes, { alignment: 4096 });
  const kind = rings.length === 1 ? 'ring' : 'channel';
  return RingSegment.format(arena, offset, bytes, { name, kind }, rings);
}
