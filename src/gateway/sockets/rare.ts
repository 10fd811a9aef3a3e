/** What few connections have, or only for a while: an idle connection does not pay for it. */
import type { Connection } from './connection.ts';

/** See the head of this file. */
export interface Rare {
  /** Handlers that are at work. */
  pending: number;
  /** `open` is at work, so that nothing else may be. */
  opening: boolean;
  /** `drain` is to be called when the queue has become short. */
  drainWanted: boolean;
  /** Messages dropped. */
  dropped: number;
  protocol: string;
  /** The client's address as proxies told it. */
  address: string | undefined;
  /** The reason that this side gave when it closed. */
  closeReason: string;
  /** What is to be told when the handlers at work have ended, or undefined. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** What the instrumentation keeps for the connection. */
  context: unknown;
}

/** The connection's, made at first use. */
export function rareOf(connection: Connection): Rare {
  return (connection.rare ??= {
    pending: 0,
    opening: false,
    drainWanted: false,
    dropped: 0,
    protocol: '',
    address: undefined,
    closeReason: '',
    closed: undefined,
    context: undefined,
  });
}
