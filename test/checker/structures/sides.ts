/**
 * Producers and consumers as users have them: how they begin, end, and find out about each other.
 */
import type { TestContext } from '../../../src/checker/check/index.ts';
import { assure, patiently } from './ground.ts';
import { CheckedSegment } from './segments.ts';
import { QUICK, type Structure } from './structure.ts';

const SOURCES = ['ring/consumer.js', 'ring/producer.js', 'ring/core.js'];

function message(value: number): { value: number; check: number } {
  return { value, check: ~value >>> 0 };
}

/** Pushes, and closes or leaves. */
function pushing(
  segment: CheckedSegment,
  member: number,
  count: number,
  isClosing: boolean,
): () => number {
  return () => {
    const producer = segment.producer(member);
    let pushed = 0;
    while (pushed < count) {
      const result = patiently(() => producer.pushBlocking(message(pushed + 1)));
      if (result === 'closed') break;
      pushed += 1;
    }
    if (isClosing) producer.close();
    else producer.detach();
    return pushed;
  };
}

/** Takes everything until the end; gives what there was, and whether its producer went away. */
function popping(segment: CheckedSegment, member: number): () => { values: number[]; end: string } {
  return () => {
    const consumer = segment.consumer(member);
    const values: number[] = [];
    try {
      for (;;) {
        const next = patiently(() => consumer.popBlocking());
        if (next === null || next === undefined) return { values, end: 'ended' };
        assure(next.check === ~next.value >>> 0, 'a message is whole');
        values.push(next.value);
      }
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      return { values, end: code };
    }
  };
}

/**
 * A producer comes while the consumer looks, and closes, or stays. It was there all the time, so
 * that nobody went away.
 */
function coming(pushes: boolean) {
  return (context: TestContext): void => {
    const segment = new CheckedSegment(context, {}, 2);
    const consumer = segment.consumer(1);
    context.thread('producer', () => {
      const producer = segment.producer(0);
      if (pushes) assure(producer.tryPush(message(1)) === 'pushed', 'there is room');
      producer.close();
    });
    const waiting = context.thread('consumer', () => patiently(() => consumer.waitBlocking()));
    context.after(() => {
      const { result } = waiting;
      assure(result === (pushes ? 'ready' : 'ended'), `it is ${result}`);
    });
  };
}

/** Everything that is pushed comes, and then the end. */
function passing(count: number) {
  return (context: TestContext): void => {
    const segment = new CheckedSegment(context, {}, 2);
    context.thread('producer', pushing(segment, 0, count, true));
    const consumer = context.thread('consumer', popping(segment, 1));
    context.after(() => {
      const { values, end } = consumer.result;
      assure(values.length === count && values.every((value, at) => value === at + 1), 'all come');
      assure(end === 'ended', `a producer that closes is none that went away, not ${end}`);
    });
  };
}

/** It leaves without closing: the consumer gets everything, and then learns that it went away. */
function going(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 2);
  const consumer = segment.consumer(1);
  context.thread('producer', () => {
    const producer = segment.producer(0);
    assure(producer.tryPush(message(1)) === 'pushed', 'there is room');
    producer.detach();
  });
  context.thread('consumer', () => {
    assure(patiently(() => consumer.waitBlocking()) === 'ready', 'first its message');
    assure(consumer.tryPop()?.value === 1, 'what was published is there');
    try {
      patiently(() => consumer.waitBlocking());
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_RING_PEER_DIED') return;
      throw error;
    }
    throw new Error('it does not learn that its producer has gone');
  });
}

/** A consumer that leaves without closing: a producer that is full learns that it went away. */
function abandoning(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 2);
  const consumer = segment.consumer(1);
  const producer = segment.producer(0);
  assure(producer.tryPush(message(1)) === 'pushed', 'there is room');
  assure(producer.tryPush(message(2)) === 'full', 'for one');
  context.thread('consumer', () => consumer.detach());
  context.thread('producer', () => {
    try {
      patiently(() => producer.waitBlocking());
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_RING_PEER_DIED') return;
      throw error;
    }
    throw new Error('it does not learn that its consumer has gone');
  });
}

/** A consumer comes while a producer waits for room, and makes it, or wants no more. */
function making(isClosing: boolean) {
  return (context: TestContext): void => {
    const segment = new CheckedSegment(context, {}, 2);
    const producer = segment.producer(0);
    assure(producer.tryPush(message(1)) === 'pushed', 'there is room');
    assure(producer.tryPush(message(2)) === 'full', 'for one');
    context.thread('producer', () => {
      patiently(() => producer.waitBlocking());
      if (isClosing) assure(producer.tryPush(message(2)) === 'closed', 'it is told');
      else assure(producer.tryPush(message(2)) === 'pushed', 'there is room again');
    });
    context.thread('consumer', () => {
      const consumer = segment.consumer(1);
      if (isClosing) consumer.close();
      else assure(consumer.tryPop()?.value === 1, 'what was pushed is there');
    });
  };
}

/** A consumer that wants no more: the producer learns it, wherever it is. */
function refusing(context: TestContext): void {
  const segment = new CheckedSegment(context, {}, 2);
  const consumer = segment.consumer(1);
  const producer = context.thread('producer', pushing(segment, 0, 3, true));
  context.thread('consumer', () => consumer.close());
  context.after(() => assure(producer.result < 3, 'it learns that no more is wanted'));
}

/** Everything about sides. */
export const sides: readonly Structure[] = [
  {
    name: 'a producer that comes while a consumer looks is none that went away',
    covers: SOURCES,
    models: QUICK,
    body: coming(true),
  },
  {
    name: 'a producer that comes and closes while a consumer looks: that is the end',
    covers: SOURCES,
    models: QUICK,
    body: coming(false),
  },
  {
    name: 'producer and consumer come, and the producer closes',
    covers: SOURCES,
    models: ['sc'],
    executions: 1_000,
    body: passing(1),
  },
  {
    name: 'a producer that leaves without closing has gone away, after all it published',
    covers: SOURCES,
    models: ['sc'],
    executions: 1_000,
    body: going,
  },
  {
    name: 'a consumer that leaves without closing has gone away',
    covers: SOURCES,
    models: QUICK,
    body: abandoning,
  },
  {
    name: 'a consumer that comes while a producer waits is none that went away',
    covers: SOURCES,
    models: QUICK,
    body: making(false),
  },
  {
    name: 'a consumer that comes and closes while a producer waits',
    covers: SOURCES,
    models: QUICK,
    body: making(true),
  },
  {
    name: 'a consumer that closes is found out by its producer',
    covers: SOURCES,
    models: QUICK,
    body: refusing,
  },
];
