/**
 * The sides of a ring under the sanitizer: each message and each claimed slot has a cursor of its
 * own, which is over when the ring has moved on, and a slot that is committed has all its fields
 * written. The sides themselves know nothing of it: their methods are replaced on the object.
 */
import type { Cursor, Sanitizer, StructType } from '../memory/index.ts';
import type { Consumer } from './consumer.ts';
import type { Producer } from './producer.ts';

/** Puts the sanitizer's methods on a consumer. */
export function watchConsumer<T, S extends string>(
  consumer: Consumer<T, S>,
  sanitizer: Sanitizer,
): void {
  let held: Cursor<T, S> | undefined;
  const letGo = (why: string): void => {
    if (held) sanitizer.endCursor(held, `the ring has moved on: ${why}`);
    held = undefined;
  };
  const peek = consumer.peek.bind(consumer);
  consumer.peek = (limit) => {
    const cursor = peek(limit);
    if (!consumer.detached) letGo('the next message was asked for');
    held = cursor && sanitizer.lendCursor(cursor, 'message');
    return held;
  };
  const forEach = consumer.forEach.bind(consumer);
  consumer.forEach = (limit, handler) => {
    letGo('the next message was asked for');
    if (typeof handler !== 'function') return forEach(limit, handler);
    return forEach(limit, (cursor) => {
      const message = sanitizer.lendCursor(cursor, 'message');
      try {
        // Passed on: what it gives is looked at.
        return handler(message);
      } finally {
        sanitizer.endCursor(message, 'the ring has moved on: the handler of the message returned');
      }
    });
  };
  const tryPop = consumer.tryPop.bind(consumer);
  consumer.tryPop = () => {
    letGo('the next message was asked for');
    return tryPop();
  };
  ending(consumer, 'release', () => letGo('the message was released'));
  ending(consumer, 'close', () => letGo('the consumer was closed'));
  ending(consumer, 'detach', () => letGo('the consumer was detached'));
}

/** Puts the sanitizer's methods on a producer. */
export function watchProducer<T, S extends string>(
  producer: Producer<T, S>,
  type: StructType<T, S>,
  sanitizer: Sanitizer,
): void {
  // Slots of other structs are cleared by the producer itself.
  const isCleared = type.hasSlab || type.presenceOffset >= 0;
  /** The cursors on claimed slots that were asked for, by index. */
  let slots = new Map<number, Cursor<T, S>>();
  const lend = (cursor: Cursor<T, S>): Cursor<T, S> => {
    const slot = sanitizer.lendCursor(cursor, 'slot');
    if (!isCleared) sanitizer.clearCursor(slot);
    return slot;
  };
  const over = (why: string): void => {
    const ended = slots;
    slots = new Map();
    for (const slot of ended.values()) {
      sanitizer.endCursor(slot, `the ring has moved on: ${why}`);
    }
  };

  const claim = producer.claim.bind(producer);
  producer.claim = () => {
    const cursor = claim();
    if (!cursor) return undefined;
    const slot = lend(cursor);
    slots.set(0, slot);
    return slot;
  };
  const slotAt = producer.slot.bind(producer);
  producer.slot = (index) => {
    const cursor = slotAt(index);
    const known = slots.get(index);
    if (known) return known;
    const slot = lend(cursor);
    slots.set(index, slot);
    return slot;
  };
  const commit = producer.commit.bind(producer);
  producer.commit = (...counts) => {
    const [count = Infinity] = counts;
    for (const [index, slot] of slots) {
      if (index < count) sanitizer.checkWritten(slot, 'commit a slot');
    }
    commit(...counts);
    over('the slot was committed');
  };
  const writeMany = producer.writeMany.bind(producer);
  producer.writeMany = (count, fill) => {
    if (typeof fill !== 'function') return writeMany(count, fill);
    return writeMany(count, (cursor, index) => {
      const slot = lend(cursor);
      try {
        const result: unknown = fill(slot, index);
        // What is async is refused, and has not been written.
        const isWritten = typeof result !== 'object' && !producer.detached;
        if (isWritten) sanitizer.checkWritten(slot, 'commit a slot');
        // Passed on: what it gives is looked at.
        return result as void;
      } finally {
        sanitizer.endCursor(slot, 'the ring has moved on: the function that fills it returned');
      }
    });
  };
  ending(producer, 'abort', () => over('the claim was aborted'));
  ending(producer, 'close', () => over('the producer was closed'));
  ending(producer, 'detach', () => over('the producer was detached'));
}

/** Calls `after` when a method has returned. */
function ending<N extends string>(side: Record<N, () => void>, name: N, after: () => void): void {
  const method: () => void = side[name].bind(side);
  side[name] = () => {
    method();
    after();
  };
}
