/** Making a ring ready for a driver: memory, file table, buffers. All of it, or nothing is left. */
import { RondoError, SystemError } from '../../base/index.ts';
import type { Region } from '../../memory/index.ts';
import { loadNative, type Native } from '../../native/index.ts';
import type { BaseDriver } from '../core/base-driver.ts';
import { SPARE_PLACES } from '../core/driver-tables.ts';
import { plugPageReleaser } from '../core/pages.ts';
import { Resources } from '../core/resources.ts';
import { AcceptPlaces } from './accept-places.ts';
import { ControlBlock } from './control-block.ts';
import type { RingOptions } from './options.ts';
import { Ring } from './ring.ts';
import { Scratch } from './scratch.ts';
import { Submissions } from './submissions.ts';

const SCRATCH_BYTES = 256 * 1024;

/** What a driver works with. */
export interface OpenRing {
  readonly native: Native;
  readonly ring: Ring;
  readonly scratch: Scratch;
  readonly control: ControlBlock;
  readonly submit: Submissions;
  readonly places: AcceptPlaces;
  /** Both ends of the pipe that wakes it. */
  readonly wakeReader: number;
  readonly wakeWriter: number;
  readonly loop: number;
  /** Gives everything back; the kernel has let go of the memory afterwards. */
  readonly resources: Resources;
}

/**
 * @throws {RondoError} ERR_DRIVER_UNAVAILABLE, ERR_ARENA_EXHAUSTED, ERR_ARENA_REGIONS
 * @throws {SystemError} ERR_SYSTEM
 */
export function openRing(driver: BaseDriver, options: RingOptions, turn: () => void): OpenRing {
  const resources = new Resources();
  try {
    return open(driver, options, turn, resources);
  } catch (error) {
    resources.release();
    throw error;
  }
}

function open(
  driver: BaseDriver,
  options: RingOptions,
  turn: () => void,
  resources: Resources,
): OpenRing {
  const { arena, limits, name } = driver;
  const native = loadNative();
  native.attachArena(arena.bytes);
  plugPageReleaser(arena, native);
  const allocate = (what: string, bytes: number): Region => {
    const region = arena.allocate(what, bytes, { owner: name, alignment: 4096 });
    return resources.keep(region, () => region.release());
  };
  const scratchMemory = allocate('scratch', SCRATCH_BYTES);
  const bufferRing = allocate('buffer ring', limits.buffers * 16);
  const controlMemory = allocate('control', ControlBlock.bytes(limits.buffers));
  const places = new AcceptPlaces(arena, allocate('accepts', AcceptPlaces.bytes));
  check('pipe2', native.wakePipe(scratchMemory.offset));
  const wakeReader = arena.words[scratchMemory.offset / 4]!;
  const wakeWriter = arena.words[scratchMemory.offset / 4 + 1]!;
  for (const end of [wakeWriter, wakeReader]) {
    resources.keep(end, (fd) => native.closeDescriptor(fd));
  }
  // Last but for the loop, so that it is ended first: then nobody writes to the memory above.
  const ring = Ring.open(arena, native, name, options.entries, options.completions);
  if (typeof ring === 'string') {
    throw new RondoError('ERR_DRIVER_UNAVAILABLE', `Cannot use driver uring: ${ring}`);
  }
  resources.keep(ring, () => ring.close());
  registerFiles(native, ring, limits.connections + SPARE_PLACES);
  const { offset } = driver.pool.region;
  check(
    'io_uring_register(PBUF_RING)',
    native.uringRegisterBuffers(
      ring.id,
      0,
      bufferRing.offset,
      limits.buffers,
      offset,
      limits.bufferSize,
    ),
  );
  const control = new ControlBlock(arena, controlMemory.offset);
  native.uringControl(ring.id, controlMemory.offset);
  const scratch = new Scratch(scratchMemory.offset, SCRATCH_BYTES);
  const submit = new Submissions(ring, scratch, arena);
  const loop = check('uv_poll', native.uringAttach(ring.id, control.dirty, turn));
  const wake = { wakeReader, wakeWriter };
  return { native, ring, scratch, control, submit, places, ...wake, loop, resources };
}

/**
 * The kernel bounds the table by the soft limit of descriptors at registration, although its files
 * are none: the limit is raised to the hard one for the moment of the call.
 */
function registerFiles(native: Native, ring: Ring, places: number): void {
  const soft = native.descriptorLimit(0);
  const hard = native.descriptorLimit(1);
  const raise = places > soft && hard > soft;
  if (raise) native.setDescriptorLimit(hard);
  const result = native.uringRegisterFiles(ring.id, places);
  if (raise) native.setDescriptorLimit(soft);
  check('io_uring_register(FILES2)', result);
}

function check(syscall: string, result: number): number {
  if (result < 0) throw new SystemError(syscall, -result);
  return result;
}
