/**
 * The topics of an engine's connections. A gateway may have several engines, each with the
 * subscriptions of its own connections: what is published goes to all of them. Retained values are
 * the gateway's.
 */
import { booleanOption, misuse, rejectUnknown } from '../../base/index.ts';
import type { Engine } from '../engine/engine.ts';
import type { Arena } from '../../memory/index.ts';
import { Count } from '../metrics/counters.ts';
import type { Connection, SubscribeOptions } from '../sockets/connection.ts';
import { Outgoing, type Sendable } from '../sockets/outgoing.ts';
import type { SharedMessage } from '../sockets/shared-message.ts';
import { checkPattern } from './names.ts';
import { Topics } from './topics.ts';

/** How something is published. */
export interface PublishOptions {
  /**
   * Keep it as the topic's last value, which who subscribes later gets at once. `topics` of the
   * gateway limits how much is kept. @default false
   */
  readonly retain?: boolean;
  /** Who does not get it. @default nobody */
  readonly except?: Connection<unknown>;
}

/** See the head of this file. */
export class TopicHub {
  readonly #engine: Engine;
  readonly topics: Topics<Connection>;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.topics = new Topics<Connection>(engine.context.options.topics);
  }

  /** See `Connection.subscribe`. */
  subscribe(connection: Connection, pattern: string, options: SubscribeOptions): boolean {
    rejectUnknown('subscribe', options, ['retained', 'pattern']);
    const wanted = booleanOption('retained', options.retained, true);
    const isPattern = booleanOption('pattern', options.pattern, false);
    // What comes from a client must not become a wildcard by itself.
    if (checkPattern(pattern) && !isPattern) {
      throw misuse(
        'ERR_TOPIC',
        `Cannot subscribe to ${JSON.stringify(pattern)}: wildcards need the option { pattern: true }`,
      );
    }
    if (!connection.isOpen || !this.topics.subscribe(connection, pattern)) return false;
    const { retaining } = this.#engine.context;
    if (wanted && retaining.retainedValues > 0) {
      retaining.retained(
        pattern,
        ({ opcode, bytes }, to) => {
          this.#engine.sockets.sending.value(to, opcode, bytes);
        },
        connection,
      );
    }
    return true;
  }

  /** See `Connection.unsubscribe`. */
  unsubscribe(connection: Connection, pattern: string): boolean {
    return this.topics.unsubscribe(connection, pattern);
  }

  /** The connection is over. */
  left(connection: Connection): void {
    if (this.topics.subscriptions > 0) this.topics.leaveAll(connection);
  }

  /** Sends to all who are subscribed, whatever engine has them; returns how many it reached. */
  publish(topic: string, data: Sendable, except?: Connection): number {
    let reached = 0;
    this.#engine.counts.add(Count.publishes, 1);
    for (const engine of this.#engine.context.engines) {
      reached += engine.sockets.topics.#deliver(topic, data, except);
    }
    this.#engine.counts.add(Count.deliveries, reached);
    return reached;
  }

  #deliver(topic: string, data: Sendable, except: Connection | undefined): number {
    const message = this.#engine.sockets.sending.begin(data, except);
    try {
      this.topics.match(topic, deliverTo, message);
    } finally {
      message.end();
    }
    return message.reached;
  }
}

/**
 * Keeps what is published as the topic's last value.
 * @throws {TypeError} ERR_TOPIC, ERR_OPTION_TYPE, ERR_LEASE_RELEASED
 * @throws {RangeError} ERR_TOPIC_LIMIT
 */
export function storeValue(
  retaining: Topics<Connection>,
  arena: Arena,
  topic: string,
  data: Sendable,
): void {
  const value = new Outgoing();
  value.set(data, arena);
  const { opcode, source, length } = value;
  const bytes =
    typeof source === 'number'
      ? arena.bytes.subarray(source, source + length)
      : source.subarray(0, length);
  retaining.store(topic, opcode, bytes);
}

function deliverTo(connection: Connection, message: SharedMessage): void {
  message.send(connection);
}
