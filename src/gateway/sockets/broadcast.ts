import { misuse } from '../../base/index.ts';
import { Connection } from './connection.ts';
import type { Message } from './message.ts';
import type { SharedMessage } from './shared-message.ts';
import type { Sockets } from './sockets.ts';

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
  // A gateway may have several engines, each with connections of its own.
  const parts = new Map<Sockets, SharedMessage>();
  let sockets: Sockets | undefined;
  let part: SharedMessage | undefined;
  let reached = 0;
  try {
    for (const connection of connections as Iterable<Connection>) {
      if (!(connection instanceof Connection)) {
        throw misuse('ERR_OPTION_TYPE', 'Cannot broadcast: connections must be of a gateway');
      }
      if (part === undefined || connection.sockets !== sockets) {
        sockets = connection.sockets;
        part = parts.get(sockets);
        if (part === undefined) parts.set(sockets, (part = sockets.sending.begin(data)));
      }
      part.send(connection);
    }
  } finally {
    for (const each of parts.values()) {
      each.end();
      reached += each.reached;
    }
  }
  return reached;
}
