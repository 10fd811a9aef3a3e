/** How much topics may hold. */
import { integerOption, rejectUnknown } from '../../base/index.ts';

/** Limits of a gateway's topics. What would go above one is refused with ERR_TOPIC_LIMIT. */
export interface TopicLimits {
  /** Subscriptions of one connection, 1 to 1,000,000. @default 1000 */
  readonly maxSubscriptions?: number;
  /**
   * Names and patterns that have subscribers, and as many names with a retained value, 1 to
   * 10,000,000. @default 1,000,000
   */
  readonly maxTopics?: number;
  /** Bytes of retained values and of their names, 0 to 1 GiB. @default 16 MiB */
  readonly maxRetainedBytes?: number;
}

/** Limits with every default filled in. */
export type ResolvedTopicLimits = Required<TopicLimits>;

const KNOWN: readonly (keyof TopicLimits)[] = ['maxSubscriptions', 'maxTopics', 'maxRetainedBytes'];

/**
 * Checks limits and fills in defaults.
 * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
 */
export function resolveTopicLimits(limits: TopicLimits = {}): ResolvedTopicLimits {
  rejectUnknown('topics', limits, KNOWN);
  return Object.freeze({
    maxSubscriptions: integerOption(
      'topics.maxSubscriptions',
      limits.maxSubscriptions,
      1000,
      1,
      1_000_000,
    ),
    maxTopics: integerOption('topics.maxTopics', limits.maxTopics, 1_000_000, 1, 10_000_000),
    maxRetainedBytes: integerOption(
      'topics.maxRetainedBytes',
      limits.maxRetainedBytes,
      16 << 20,
      0,
      1 << 30,
    ),
  });
}
