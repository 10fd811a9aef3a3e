/** Rings for tests: small, in the arena, and set to where positions wrap. */
import { f64, processArena, slab, struct, type StructType, u32 } from '../memory/index.ts';
import { type CreateOptions, Ring } from './ring.ts';
import { Cursor as CursorLine, Lane } from './layout.ts';
import { RingCore } from './core.ts';
import { RingSegment } from './segment/segment.ts';

/** A message with nothing of variable length. */
export const Tick: StructType<{ id: number; price: number }, never> = struct('test.Tick', {
  id: u32,
  price: f64,
});

/** A message with text and bytes. */
export const Note: StructType<{ id: number; text: string; data: Uint8Array }, 'text' | 'data'> =
  struct('test.Note', { id: u32, text: slab(), data: slab('bytes') });

/** What a test may look at and change behind the back of a ring. */
export function coreOf(ring: Ring<never, never>): RingCore {
  const { offset, bytes } = ring.share();
  const arena = processArena();
  const segment = RingSegment.attach(arena, offset, bytes);
  return new RingCore(arena, segment.rings[0]!, 'the ring under test');
}

/** Sets all positions of a fresh ring to `position`, and those of its slab to `slabPosition`. */
function setPositions(core: RingCore, position: number, slabPosition: number = 0): void {
  const { plan, shape, words } = core;
  for (let lane = 0; lane < shape.lanes; lane++) {
    const control = plan.control(lane);
    words[core.word(control + Lane.TAIL)] = position | 0;
    words[core.word(control + Lane.INTENT)] = position | 0;
    words[core.word(control + Lane.SLAB_TAIL)] = slabPosition | 0;
    words[core.word(control + Lane.SLAB_INTENT)] = slabPosition | 0;
    for (let cursor = 0; cursor < plan.cursors; cursor++) {
      words[core.word(plan.cursor(lane, cursor) + CursorLine.HEAD)] = position | 0;
    }
  }
}

/** A ring whose positions wrap after ten messages. */
export function wrapping<T, S extends string>(
  type: StructType<T, S>,
  options: CreateOptions = {},
): Ring<T, S> {
  const ring = Ring.create(type, options);
  setPositions(coreOf(ring as unknown as Ring<never, never>), -10, -40);
  return ring;
}
