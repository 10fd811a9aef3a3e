/** The command line of spec/conformance.md. */
import { parseArgs } from 'node:util';
import { type RingOptions, type Topology } from '../../../src/ring/index.ts';

const ROLES = ['producer', 'consumer', 'client', 'server'] as const;
const TOPOLOGIES: readonly string[] = ['spsc', 'mpsc', 'mpmc', 'broadcast'];

/** What one run of the program does. */
export interface Arguments {
  readonly directory: string | undefined;
  readonly name: string;
  /** -1 when the segment is found by its name. */
  readonly descriptor: number;
  readonly ring: number;
  readonly role: (typeof ROLES)[number];
  /** Rings to be made: none, one, or the two of a channel. */
  readonly create: readonly RingOptions[];
  readonly count: number;
  readonly id: number;
  readonly wait: 'spin' | 'sleep';
  readonly batch: number;
  readonly peers: number;
}

function integer(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text)) throw new Error(`Cannot use --${name} ${text}: it must be a number`);
  return value;
}

function shapeOf(text: string): RingOptions {
  const [topology = '', ...rest] = text.split(',');
  if (!TOPOLOGIES.includes(topology) || rest.length !== 5) {
    throw new Error(
      `Cannot use --create ${text}: it must be TOPOLOGY,LOSSY,LANES,CONSUMERS,SLOTS,SLAB`,
    );
  }
  const [lossy, producers, consumers, slots, slabBytes] = rest.map((part) =>
    integer('create', part),
  );
  return {
    topology: topology as Topology,
    lossy: lossy !== 0,
    producers: producers!,
    consumers: consumers!,
    slots: slots!,
    slabBytes: slabBytes!,
  };
}

/** @throws {Error} that says what is not as it must be */
export function parseArguments(words: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...words],
    options: {
      directory: { type: 'string' },
      name: { type: 'string', default: '' },
      descriptor: { type: 'string' },
      ring: { type: 'string', default: '0' },
      role: { type: 'string', default: '' },
      create: { type: 'string', multiple: true, default: [] },
      count: { type: 'string', default: '1000' },
      id: { type: 'string', default: '0' },
      wait: { type: 'string', default: 'sleep' },
      batch: { type: 'string', default: '1' },
      peers: { type: 'string', default: '0' },
    },
  });
  const role = ROLES.find((each) => each === values.role);
  if (role === undefined) throw new Error(`Cannot play --role ${values.role}: it is unknown`);
  if (values.wait !== 'spin' && values.wait !== 'sleep') {
    throw new Error(`Cannot --wait ${values.wait}: it must be spin or sleep`);
  }
  if (values.name === '' && values.descriptor === undefined) {
    throw new Error('Cannot find a ring without --name or --descriptor');
  }
  return {
    directory: values.directory,
    name: values.name,
    descriptor: values.descriptor === undefined ? -1 : integer('descriptor', values.descriptor),
    ring: integer('ring', values.ring),
    role,
    create: values.create.map(shapeOf),
    count: integer('count', values.count),
    id: integer('id', values.id),
    wait: values.wait,
    batch: Math.max(1, integer('batch', values.batch)),
    peers: integer('peers', values.peers),
  };
}
