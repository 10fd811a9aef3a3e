/** The last value of each topic that was published to be kept, for those who subscribe later. */
import { outOfRange } from '../../base/index.ts';
import type { ResolvedTopicLimits } from './limits.ts';
import { checkPattern, checkTopic } from './names.ts';
import { Trie } from './trie.ts';

/** A value that is kept. */
export interface RetainedValue {
  readonly topic: string;
  /** Text or binary, as in a frame. */
  readonly opcode: number;
  /** Private memory, not to be changed. */
  readonly bytes: Uint8Array;
}

/** Values by topic, in bounded memory. */
export class RetainedValues {
  readonly #limits: ResolvedTopicLimits;
  readonly #values: Map<string, RetainedValue> = new Map();
  readonly #trie: Trie<RetainedValue> = new Trie();
  #bytes = 0;

  constructor(limits: ResolvedTopicLimits) {
    this.#limits = limits;
  }

  /** How many there are. */
  get size(): number {
    return this.#values.size;
  }

  /** Bytes that count against the limit: values, and names at two bytes a unit. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a copy of the bytes in the place of what was kept for the topic before. When that is
   * refused, what was kept before stays.
   * @throws {TypeError} ERR_TOPIC
   * @throws {RangeError} ERR_TOPIC_LIMIT
   */
  store(topic: string, opcode: number, bytes: Uint8Array): void {
    const before = this.#values.get(topic);
    if (before === undefined) checkTopic(topic);
    const held = this.#bytes - (before === undefined ? 0 : cost(before.topic, before.bytes));
    const { maxRetainedBytes, maxTopics } = this.#limits;
    if (held + cost(topic, bytes) > maxRetainedBytes) {
      throw outOfRange(
        'ERR_TOPIC_LIMIT',
        `Cannot retain ${bytes.length} bytes: all retained values together may have ` +
          `${maxRetainedBytes} bytes, names included, and have ${this.#bytes}`,
      );
    }
    if (before === undefined && this.#values.size >= maxTopics) {
      throw outOfRange(
        'ERR_TOPIC_LIMIT',
        `Cannot retain a value: ${maxTopics} topics may have one, and do`,
      );
    }
    // A private copy, of shared memory too; `slice` of a Buffer would be none.
    const value = { topic, opcode, bytes: new Uint8Array(bytes) };
    this.#bytes = held + cost(topic, bytes);
    this.#values.set(topic, value);
    this.#trie.set(topic, value);
  }

  /** Keeps nothing for the topic any more; false when nothing was. @throws {TypeError} ERR_TOPIC */
  forget(topic: string): boolean {
    const value = this.#values.get(topic);
    if (value === undefined) {
      checkTopic(topic);
      return false;
    }
    this.#bytes -= cost(topic, value.bytes);
    this.#values.delete(topic);
    this.#trie.delete(topic);
    return true;
  }

  /**
   * Visits the values of a topic, or of all topics that a pattern matches, as they are now.
   * @throws {TypeError} ERR_TOPIC
   */
  visit<C>(pattern: string, visit: (value: RetainedValue, context: C) => void, context: C): void {
    const value = this.#values.get(pattern);
    if (value !== undefined) {
      visit(value, context);
      return;
    }
    if (!checkPattern(pattern)) return;
    for (const each of this.#trie.matchPattern(pattern)) visit(each, context);
  }
}

function cost(topic: string, bytes: Uint8Array): number {
  return bytes.length + 2 * topic.length;
}
