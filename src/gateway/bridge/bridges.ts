/** The bridges of a gateway. */
import { outOfRange } from '../../base/index.ts';
import type { Arena } from '../../memory/index.ts';
import type { Channel } from '../../ring/index.ts';
import type { Exposition } from '../metrics/exposition.ts';
import type { Connection } from '../sockets/connection.ts';
import { Bridge } from './bridge.ts';
import { describeBridges } from './counts.ts';
import {
  checkBridge,
  resolveBridgeOptions,
  type BridgeHandlers,
  type BridgeOptions,
} from './options.ts';

/** What all bridges have, whatever their messages. */
type AnyBridge = Pick<Bridge<unknown, unknown>, 'name' | 'state' | 'counters' | 'close' | 'left'>;

/** See the head of this file. */
export class Bridges {
  readonly #bridges = new Set<AnyBridge>();
  #made = 0;

  /** See `Gateway.bridge`. */
  add<Q, P, QS extends string, PS extends string>(
    arena: Arena,
    owner: string,
    channel: Channel<Q, P, QS, PS>,
    handlers: BridgeHandlers<P, PS>,
    options: BridgeOptions,
  ): Bridge<Q, P, QS, PS> {
    checkBridge(channel, handlers);
    const name = channel.name === '' ? `engine ${this.#made + 1}` : channel.name;
    const resolved = resolveBridgeOptions(options, channel.requests.shape.slots, name);
    const isTaken = [...this.#bridges].some((other) => other.name === resolved.name);
    const bridge = new Bridge(channel, handlers, resolved, {
      arena,
      name: owner,
      onClosed: () => this.#bridges.delete(bridge),
    });
    if (isTaken) {
      // Metrics of two that are called the same could not be told apart, nor read at all.
      bridge.close();
      throw outOfRange(
        'ERR_OPTION_RANGE',
        `Cannot bridge an engine called ${JSON.stringify(resolved.name)}: another one is; give it ` +
          'a name of its own',
      );
    }
    this.#made += 1;
    this.#bridges.add(bridge);
    return bridge;
  }

  /** A connection is over. */
  left(connection: Connection): void {
    if (this.#bridges.size === 0) return;
    for (const bridge of this.#bridges) bridge.left(connection);
  }

  /** Tells what they count. */
  describe(out: Exposition): void {
    describeBridges(out, [...this.#bridges]);
  }

  /** Ends all. */
  close(): void {
    for (const bridge of [...this.#bridges]) bridge.close();
  }
}
