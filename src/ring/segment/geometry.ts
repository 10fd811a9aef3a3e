/** The shape of a ring as words of its block: written once, and checked before it is believed. */
import { assert } from '../../base/index.ts';
import {
  Flag,
  Geometry,
  Limit,
  RING_MAGIC,
  RingPlan,
  TOPOLOGIES,
  type RingShape,
  type Topology,
} from '../layout.ts';

const GEOMETRY_WORDS = 9;
const FLAGS_KNOWN = Flag.LOSSY | Flag.IN_PROCESS;

function topologyOf(value: number): Topology | undefined {
  const names = Object.keys(TOPOLOGIES) as Topology[];
  return names.find((name) => TOPOLOGIES[name] === value);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && 2 ** Math.floor(Math.log2(value)) === value;
}

/** How many lanes and places each topology may have. */
function topologyProblem({ topology, lanes, places }: RingShape): string | undefined {
  const oneLane = topology === 'spsc' || topology === 'broadcast';
  const onePlace = topology === 'spsc' || topology === 'mpsc';
  if (lanes < 1 || lanes > (oneLane ? 1 : Limit.LANES)) {
    return `${topology} with ${lanes} lanes`;
  }
  if (places < 1 || places > (onePlace ? 1 : Limit.PLACES)) {
    return `${topology} with ${places} places for consumers`;
  }
  return undefined;
}

/** What a shape has that no ring can have (`spec/ring.md`, §4), or undefined when it is right. */
export function shapeProblem(shape: RingShape): string | undefined {
  const { slots, stride, slabBytes } = shape;
  const problem = topologyProblem(shape);
  if (problem !== undefined) return problem;
  if (!isPowerOfTwo(slots) || slots > Limit.SLOTS) {
    return `${slots} slots, which must be a power of two up to ${Limit.SLOTS}`;
  }
  if (stride < 8 || stride > Limit.STRIDE || stride % 8 !== 0) {
    return `a stride of ${stride} bytes, which must be a multiple of 8 up to ${Limit.STRIDE}`;
  }
  const slabFits = isPowerOfTwo(slabBytes) && slabBytes >= Limit.SLAB_MIN;
  if (slabBytes !== 0 && (!slabFits || slabBytes > Limit.SLAB_MAX)) {
    return (
      `a slab of ${slabBytes} bytes, which must be 0 or a power of two ` +
      `from ${Limit.SLAB_MIN} to ${Limit.SLAB_MAX}`
    );
  }
  return undefined;
}

/** Writes the geometry of a ring whose block begins at `base`. Nobody else sees it yet. */
export function writeGeometry(words: Uint32Array, base: number, plan: RingPlan): void {
  const { topology, lossy, inProcess, lanes, places, slots, stride, slabBytes } = plan.shape;
  const first = base >>> 2;
  words[first + Geometry.TOPOLOGY] = TOPOLOGIES[topology];
  words[first + Geometry.FLAGS] = (lossy ? Flag.LOSSY : 0) | (inProcess ? Flag.IN_PROCESS : 0);
  words[first + Geometry.LANES] = lanes;
  words[first + Geometry.CURSORS] = plan.cursors;
  words[first + Geometry.PLACES] = places;
  words[first + Geometry.SLOTS] = slots;
  words[first + Geometry.STRIDE] = stride;
  words[first + Geometry.SLAB] = slabBytes;
  words[first + Geometry.MAGIC] = RING_MAGIC;
}

/** The plan of the ring whose block begins at `base`, or what is wrong with its geometry. */
export function readGeometry(words: Uint32Array, base: number): RingPlan | string {
  // A private copy: what was checked is what is used.
  const copy = words.slice(base >>> 2, (base >>> 2) + GEOMETRY_WORDS);
  const word = (index: number): number => {
    const value = copy[index];
    assert(value !== undefined, 'the word is one of the geometry');
    return value;
  };
  if (word(Geometry.MAGIC) !== RING_MAGIC) return 'no ring where its header says';
  const topology = topologyOf(word(Geometry.TOPOLOGY));
  if (topology === undefined) return `an unknown topology ${word(Geometry.TOPOLOGY)}`;
  const flags = word(Geometry.FLAGS);
  if ((flags & ~FLAGS_KNOWN) !== 0) return `unknown flags 0x${flags.toString(16)}`;
  const shape: RingShape = {
    topology,
    lossy: (flags & Flag.LOSSY) !== 0,
    inProcess: (flags & Flag.IN_PROCESS) !== 0,
    lanes: word(Geometry.LANES),
    places: word(Geometry.PLACES),
    slots: word(Geometry.SLOTS),
    stride: word(Geometry.STRIDE),
    slabBytes: word(Geometry.SLAB),
  };
  const problem = shapeProblem(shape);
  if (problem !== undefined) return problem;
  const plan = new RingPlan(shape);
  if (word(Geometry.CURSORS) !== plan.cursors) {
    return `${word(Geometry.CURSORS)} cursors per lane, which must be ${plan.cursors}`;
  }
  return plan;
}
