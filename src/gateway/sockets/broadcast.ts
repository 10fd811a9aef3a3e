import { misuse } from '../../base/index.ts';
import { Connection } from './connection.ts';
import type { Message } from './message.ts';

/**
 * Sends the same to many connections of one gateway; returns how many it was sent or queued for.
 * The frame is encoded once and shared by all. What is closed is left out; a connection with too
 * much waiting is closed with 1013, as by `connection.send`.
 * @throws {TypeError} ERR_OPTION_TYPE, ERR_LEASE_RELEASED
 * @throws {RangeError} ERR_OPTION_RANGE when it is larger than the gateway's memory
 */
export function broadcast<Params, Data>(
  connections: ReadonlySet<Connection<Params, Data>> | readonly Connection<Params, Data>[],
  data: Message | string | Uint8Array,
): number {
  for (const first of connections) {
    if (!(first instanceof Connection)) {
      throw misuse('ERR_OPTION_TYPE', 'Cannot broadcast: connections must be of a gateway');
    }
    return first.sockets.sending.broadcast(connections as Iterable<Connection>, data);
  }
  return 0;
}
