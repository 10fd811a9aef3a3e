/**
 * The accesses of a ring of one producer and one consumer that never sleep: those of `LaneWriter`
 * and `LaneReader` in `src/ring/lanes`, in their order, atomic ones and plain ones. A test holds the
 * atomic ones against what a real ring does.
 */
import { choiceOption, integerOption, outOfRange, rejectUnknown } from '../../../base/index.ts';
import type { CacheOptions } from '../options.ts';
import { type CoreAccess, simulatePrograms, type TimedReport } from '../timed.ts';
import { namesOf, queueLayout, type RingLayout, ringLayout } from './layout.ts';

/** Options of a simulated ring. */
export interface RingPatternOptions {
  /**
   * Bytes between what the two sides write: 0 (all on one line), or a multiple of 32, 32 to 256.
   * @default 128
   */
  readonly apart?: number;
  /** Messages that go through: 1 to 1,000,000. @default 2000 */
  readonly messages?: number;
  /** Slots, a power of two, 1 to 65,536. @default 64 */
  readonly slots?: number;
  /** Bytes of a message: a multiple of 8, 8 to 1024. @default 32 */
  readonly messageBytes?: number;
  /** Messages that are published together, 1 to 65,536. @default 1 */
  readonly publishEvery?: number;
  /** Messages whose slots are given back together, 1 to 65,536. @default 1 */
  readonly releaseEvery?: number;
  /**
   * `ring` is Rondo's; `queue` has a head, a tail and slots, and remembers how far the other side
   * was; `forgetful queue` looks at the other side's position for every message.
   * @default 'ring'
   */
  readonly kind?: RingKind;
}

/** A way to build a queue. */
export type RingKind = 'ring' | 'queue' | 'forgetful queue';

/** The kinds. */
export const RING_KINDS: readonly RingKind[] = ['ring', 'queue', 'forgetful queue'];

interface Resolved extends Required<RingPatternOptions> {
  readonly layout: RingLayout;
  /** Bytes of a field, each of which is one access. */
  readonly fieldBytes: number;
}

/** What both sides see. */
interface Shared {
  tail: number;
  head: number;
}

/**
 * Simulates a ring: the producer on core 0, the consumer on core 1.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 * @throws {RondoError} ERR_CACHE_LIMIT when that takes more than `maxAccesses`
 */
export function simulateRing(
  pattern: RingPatternOptions = {},
  options: CacheOptions = {},
): TimedReport {
  const resolved = resolve(pattern);
  const shared = { tail: 0, head: 0 };
  return simulatePrograms([produce(resolved, shared), consume(resolved, shared)], options, {
    threads: ['producer', 'consumer'],
    names: namesOf(resolved.layout, resolved.slots * resolved.messageBytes),
  });
}

/** Claims, writes, commits, publishes. */
function* produce(options: Resolved, shared: Shared): Generator<CoreAccess> {
  const { layout, slots, messages, publishEvery } = options;
  let published = 0;
  let limit = 0;
  for (let tail = 0; tail < messages;) {
    if (options.kind === 'forgetful queue') limit = tail;
    while (tail === limit) {
      yield read(layout.head, 'LaneWriter.claim: how far is the consumer');
      const seen = shared.head + slots;
      if (seen === limit && layout.closed >= 0) {
        yield read(layout.closed, 'LaneWriter.claim: is it over');
        yield read(layout.poison, 'LaneWriter.claim: is it over');
      }
      limit = seen;
    }
    yield* message(options, tail, 'write', 'Producer: a field');
    tail += 1;
    if (tail - published < publishEvery && tail < messages) continue;
    yield { kind: 'write', address: layout.tail, size: 4, site: 'LaneWriter.publish: tail' };
    shared.tail = tail;
    published = tail;
    if (layout.flushes >= 0) {
      yield read(layout.flushes, 'LaneWriter.publish: counts');
      yield { kind: 'write', address: layout.flushes, size: 4, site: 'LaneWriter.publish: counts' };
      yield read(layout.consumersBell, 'LaneWriter.publish: does it sleep');
    }
  }
}

/** Looks, reads, takes, releases. */
function* consume(options: Resolved, shared: Shared): Generator<CoreAccess> {
  const { layout, messages, releaseEvery } = options;
  let released = 0;
  let seen = 0;
  for (let head = 0; head < messages;) {
    if (options.kind === 'forgetful queue') seen = head;
    while (head === seen) {
      yield read(layout.tail, 'LaneReader.peek: how far is the producer');
      seen = shared.tail;
    }
    yield* message(options, head, 'read', 'Consumer: a field');
    head += 1;
    // What is known is taken, so it looks again soon: before that it gives back what it has.
    if (head - released < releaseEvery && head < seen) continue;
    yield { kind: 'write', address: layout.head, size: 4, site: 'LaneReader.release: head' };
    shared.head = head;
    released = head;
    if (layout.producersBell >= 0) {
      yield read(layout.producersBell, 'LaneReader.release: does it sleep');
    }
  }
}

function* message(
  { layout, slots, messageBytes, fieldBytes }: Resolved,
  position: number,
  kind: 'read' | 'write',
  site: string,
): Generator<CoreAccess> {
  const slot = layout.slots + (position % slots) * messageBytes;
  for (let offset = 0; offset < messageBytes; offset += fieldBytes) {
    yield { kind, address: slot + offset, size: fieldBytes, site };
  }
}

function read(address: number, site: string): CoreAccess {
  return { kind: 'read', address, size: 4, site };
}

function resolve(options: RingPatternOptions): Resolved {
  const known = ['apart', 'messages', 'slots', 'messageBytes', 'publishEvery', 'releaseEvery'];
  rejectUnknown('a simulated ring', options, [...known, 'kind']);
  const apart = integerOption('apart', options.apart, 128, 0, 256);
  const slots = integerOption('slots', options.slots, 64, 1, 65_536);
  const messageBytes = integerOption('messageBytes', options.messageBytes, 32, 8, 1024);
  if (apart % 32 !== 0) throw wrong('apart', 'a multiple of 32', apart);
  if (messageBytes % 8 !== 0) throw wrong('messageBytes', 'a multiple of 8', messageBytes);
  if ((slots & (slots - 1)) !== 0) throw wrong('slots', 'a power of two', slots);
  const kind = choiceOption('kind', options.kind, 'ring', RING_KINDS);
  const most = Math.min(slots, 65_536);
  return {
    apart,
    slots,
    messageBytes,
    kind,
    messages: integerOption('messages', options.messages, 2000, 1, 1e6),
    publishEvery: Math.min(most, integerOption('publishEvery', options.publishEvery, 1, 1, 65_536)),
    releaseEvery: Math.min(most, integerOption('releaseEvery', options.releaseEvery, 1, 1, 65_536)),
    layout: kind === 'ring' ? ringLayout(apart) : queueLayout(apart),
    fieldBytes: kind === 'ring' ? 8 : 4,
  };
}

function wrong(name: string, what: string, value: number): RangeError {
  return outOfRange('ERR_OPTION_RANGE', `Cannot use ${name}: it must be ${what}, got ${value}`);
}
