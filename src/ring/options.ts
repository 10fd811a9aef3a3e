/** The options of rings, producers and consumers, checked once. */
import {
  booleanOption,
  choiceOption,
  integerOption,
  misuse,
  outOfRange,
  rejectUnknown,
} from '../base/index.ts';
import { Limit, type RingShape, TOPOLOGIES, type Topology } from './layout.ts';
import { hasFutex } from './waiting/bell.ts';

const SLOTS_DEFAULT = 1024;
const SIDES_DEFAULT = 8;
const SPIN_DEFAULT = 50;
const SPIN_MAX = 1_000_000;

/** What a ring is like. */
export interface RingOptions {
  /**
   * Who pushes and who pops: `spsc` one and one, `mpsc` several and one, `mpmc` several and several
   * (each message to one of them), `broadcast` one and several (each message to all of them).
   * @default 'spsc'
   */
  readonly topology?: Topology;
  /** Messages that fit, for each producer: a power of two, 1 to 2^24. @default 1024 */
  readonly slots?: number;
  /**
   * Bytes for text and bytes of variable length, for each producer: 0, or a power of two from 64 to
   * 2^29. All such fields of one message must fit into it together; two of half that size always
   * fit. @default 0, or with slab fields 64 KiB
   */
  readonly slabBytes?: number;
  /** Producers at a time, 1 to 64; 1 unless mpsc or mpmc. @default 1, for mpsc and mpmc 8 */
  readonly producers?: number;
  /** Consumers at a time, 1 to 64; 1 unless mpmc or broadcast. @default 1, else 8 */
  readonly consumers?: number;
  /**
   * When all slots are full the oldest message is overwritten, and consumers count what they lost;
   * otherwise producers wait, or drop. @default false
   */
  readonly lossy?: boolean;
}

/** The names of `RingOptions`. */
export const RING_OPTIONS = [
  'topology',
  'slots',
  'slabBytes',
  'producers',
  'consumers',
  'lossy',
] as const;

/** What the shape of a ring needs to know of its messages. */
export interface MessageSize {
  /** Bytes. */
  readonly size: number;
  readonly hasSlab: boolean;
}

function powerOfTwo(name: string, value: number): number {
  if ((value & (value - 1)) === 0) return value;
  throw outOfRange(
    'ERR_OPTION_RANGE',
    `Cannot use ${name}: it must be a power of two, got ${value}; ` +
      `the next one is ${2 ** Math.ceil(Math.log2(value))}`,
  );
}

function slabOption(value: number | undefined, message: MessageSize): number {
  const slab = integerOption('slabBytes', value, message.hasSlab ? 65_536 : 0, 0, Limit.SLAB_MAX);
  if (slab === 0 && message.hasSlab) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      'Cannot use slabBytes 0: the messages have slab fields, which need a slab',
    );
  }
  if (slab > 0 && slab < Limit.SLAB_MIN) {
    throw outOfRange(
      'ERR_OPTION_RANGE',
      `Cannot use slabBytes: it must be 0 or at least ${Limit.SLAB_MIN}, got ${slab}`,
    );
  }
  return powerOfTwo('slabBytes', slab);
}

function sidesOption(
  name: 'producers' | 'consumers',
  value: number | undefined,
  most: number,
  topology: Topology,
): number {
  const what = `${name} of a ring of topology ${topology}`;
  return integerOption(what, value, most === 1 ? 1 : SIDES_DEFAULT, 1, most);
}

/** @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveShape(options: RingOptions, message: MessageSize): RingShape {
  const names = Object.keys(TOPOLOGIES) as Topology[];
  const topology = choiceOption('topology', options.topology, 'spsc', names);
  const manyProducers = topology === 'mpsc' || topology === 'mpmc';
  const manyConsumers = topology === 'mpmc' || topology === 'broadcast';
  const producersMax = manyProducers ? Limit.LANES : 1;
  const consumersMax = manyConsumers ? Limit.PLACES : 1;
  const slots = integerOption('slots', options.slots, SLOTS_DEFAULT, 1, Limit.SLOTS);
  return Object.freeze({
    topology,
    lossy: booleanOption('lossy', options.lossy, false),
    inProcess: !hasFutex(),
    lanes: sidesOption('producers', options.producers, producersMax, topology),
    places: sidesOption('consumers', options.consumers, consumersMax, topology),
    slots: powerOfTwo('slots', slots),
    stride: Math.ceil(message.size / 8) * 8,
    slabBytes: slabOption(options.slabBytes, message),
  });
}

/** How one side waits. */
export interface WaitOptions {
  /**
   * How long a blocking wait spins before it sleeps, in µs, 0 to 1,000,000. It spins less when that
   * was in vain, or when more threads want to run than there are cores. @default 50
   */
  readonly spinMicroseconds?: number;
  /**
   * Whether waiting for the other side goes on when it died or went away, for a successor to come;
   * otherwise such a wait ends with ERR_RING_PEER_DIED. @default false
   */
  readonly awaitSuccessor?: boolean;
}

/** How a producer pushes. */
export interface ProducerOptions extends WaitOptions {
  /**
   * Messages that are shown to consumers together: 1 to the number of slots. Publishing costs some
   * 20 ns, and is done at the latest at the end of the turn of the event loop, before any wait, and
   * by `flush`. @default 1
   */
  readonly publishEvery?: number;
  /**
   * The longest that a message waits for others, in µs, 1 to 1,000,000. It is looked at when
   * pushing only; the end of the turn holds in any case. @default no limit within a turn
   */
  readonly publishWithinMicroseconds?: number;
  /**
   * What to do with a message that finds no room: `wait` lets `push` wait and `tryPush` say `full`,
   * `drop` drops it and counts. @default 'wait'
   */
  readonly whenFull?: 'wait' | 'drop';
}

/** How a consumer pops. */
export interface ConsumerOptions extends WaitOptions {
  /**
   * Messages that a batch takes before their slots are given back: 1 to the number of slots. They
   * are given back at the end of each batch too. @default a quarter of the slots
   */
  readonly releaseEvery?: number;
}

/** `ProducerOptions` without gaps. */
export type ResolvedProducer = Required<Omit<ProducerOptions, 'publishWithinMicroseconds'>> & {
  /** In ms; Infinity for no limit. */
  readonly publishWithin: number;
};

/** `ConsumerOptions` without gaps. */
export type ResolvedConsumer = Required<ConsumerOptions>;

function waitOptions(options: WaitOptions): Required<WaitOptions> {
  return {
    spinMicroseconds: integerOption(
      'spinMicroseconds',
      options.spinMicroseconds,
      SPIN_DEFAULT,
      0,
      SPIN_MAX,
    ),
    awaitSuccessor: booleanOption('awaitSuccessor', options.awaitSuccessor, false),
  };
}

/** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveProducer(options: ProducerOptions, shape: RingShape): ResolvedProducer {
  rejectUnknown('Ring.producer', options, [
    'publishEvery',
    'publishWithinMicroseconds',
    'whenFull',
    'spinMicroseconds',
    'awaitSuccessor',
  ]);
  const within = options.publishWithinMicroseconds;
  if (within !== undefined) integerOption('publishWithinMicroseconds', within, 1, 1, 1_000_000);
  return Object.freeze({
    ...waitOptions(options),
    publishEvery: integerOption('publishEvery', options.publishEvery, 1, 1, shape.slots),
    publishWithin: within === undefined ? Infinity : within / 1000,
    whenFull: choiceOption('whenFull', options.whenFull, 'wait', ['wait', 'drop']),
  });
}

/** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function resolveConsumer(options: ConsumerOptions, shape: RingShape): ResolvedConsumer {
  rejectUnknown('Ring.consumer', options, ['releaseEvery', 'spinMicroseconds', 'awaitSuccessor']);
  const quarter = Math.max(1, Math.floor(shape.slots / 4));
  return Object.freeze({
    ...waitOptions(options),
    releaseEvery: integerOption('releaseEvery', options.releaseEvery, quarter, 1, shape.slots),
  });
}

/** How many messages at most. @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE */
export function checkLimit(limit: number): void {
  if (limit >= 0) return;
  const message = `Cannot use limit: it must be a number from 0 to Infinity, got ${String(limit)}`;
  if (typeof limit === 'number') throw outOfRange('ERR_OPTION_RANGE', message);
  throw misuse('ERR_OPTION_TYPE', message);
}

/** @throws {TypeError} ERR_OPTION_TYPE */
export function checkHandler(handler: unknown): void {
  if (typeof handler === 'function') return;
  const message = `Cannot use the handler of messages: it must be a function, got ${typeof handler}`;
  throw misuse('ERR_OPTION_TYPE', message);
}

/**
 * Messages are written before the function that writes them returns: what it does later would be
 * written into a message that others read.
 * @throws {TypeError} ERR_OPTION_TYPE
 */
export function checkWritten(result: unknown): void {
  if (typeof result !== 'object' || result === null || !('then' in result)) return;
  throw misuse(
    'ERR_OPTION_TYPE',
    'Cannot write a message in an async function: write it after awaiting, in a function that is not',
  );
}
