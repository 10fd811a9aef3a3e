/**
 * What a WebSocket server of the benchmark is asked to be; all of them take the same flags:
 *
 * - `--broadcast`: every message goes to all connections, the sender too, instead of back;
 * - `--deflate`: permessage-deflate, every message compressed, one compressor for all connections
 *   where the server has that, each server's own level;
 * - `--idle SECONDS`: a connection that is silent for so long is ended, and pinged before.
 */
import { parseArgs } from 'node:util';

/** The flags, read. */
export interface Role {
  readonly broadcast: boolean;
  readonly deflate: boolean;
  /** Seconds; undefined leaves the server's own default. */
  readonly idle: number | undefined;
  /** Ours only. */
  readonly driver: string | undefined;
  /** Ours only: as many as the gateway is to take; undefined leaves its default. */
  readonly connections: number | undefined;
  /** uWebSockets.js only: the folder that it is in. */
  readonly package: string;
}

/** Bytes of the longest message; no contender's own limit is reached before. */
export const MAX_MESSAGE: number = 16 * 1024 * 1024;

/** Reads the command line of a server. */
export function readRole(): Role {
  const { values } = parseArgs({
    options: {
      broadcast: { type: 'boolean', default: false },
      deflate: { type: 'boolean', default: false },
      idle: { type: 'string' },
      driver: { type: 'string' },
      connections: { type: 'string' },
      package: { type: 'string', default: '' },
    },
  });
  const number = (text: string | undefined): number | undefined =>
    text === undefined ? undefined : Number(text);
  return {
    ...values,
    idle: number(values.idle),
    connections: number(values.connections),
    driver: values.driver,
  };
}
