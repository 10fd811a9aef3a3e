/** Channels from many senders to one receiver. */
import { integerOption, rejectUnknown } from '../../base/index.ts';
import { Channel } from './mpsc-channel.ts';
import { Receiver } from './mpsc-receiver.ts';
import { Sender, UnboundedSender } from './mpsc-sender.ts';
import { MAX_PERMITS } from './permits.ts';

/** Options of `unboundedMpsc`. */
export interface UnboundedOptions {
  /**
   * How many messages may wait, from 1 to 2³¹ − 1: a channel without any limit would take all
   * memory when its receiver is stuck.
   * @default 1048576
   */
  readonly limit?: number;
}

/**
 * A channel that holds at most `capacity` messages, from 1 to 2³¹ − 1; who sends more waits. Its
 * memory grows with what it holds. Senders and receiver are of one thread.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE
 *
 * @example
 * const { sender, receiver } = mpsc<string>(16);
 * spawn(function* () {
 *   yield* sender.send('hello');
 *   sender.close();
 * });
 * for (let line; (line = yield* receiver.receive()) !== undefined; ) console.log(line);
 */
export function mpsc<T>(capacity: number): { sender: Sender<T>; receiver: Receiver<T> } {
  const channel = new Channel<T>(integerOption('capacity', capacity, 1, 1, MAX_PERMITS));
  return { sender: new Sender(channel), receiver: new Receiver(channel) };
}

/**
 * A channel into which sending never waits. It still has a limit, beyond which sending fails.
 * Senders and receiver are of one thread.
 * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE, ERR_OPTION_UNKNOWN
 */
export function unboundedMpsc<T>(options: UnboundedOptions = {}): {
  sender: UnboundedSender<T>;
  receiver: Receiver<T>;
} {
  rejectUnknown('unboundedMpsc', options, ['limit']);
  const channel = new Channel<T>(integerOption('limit', options.limit, 2 ** 20, 1, MAX_PERMITS));
  return { sender: new UnboundedSender(channel), receiver: new Receiver(channel) };
}
