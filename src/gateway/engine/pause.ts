/** Why a connection is not read for the time being: bits, since there may be several reasons. */
export const Pause = {
  /** The program asked for it. */
  USER: 1,
  /** As many handlers of the connection as may be are at work. */
  HANDLER: 2,
  /** The memory for messages is nearly used up, and this connection would want more of it. */
  MEMORY: 4,
  /** A compressed message is being inflated, a slice in each turn. */
  INFLATE: 8,
  /** An HTTP request is being answered, or its body not consumed yet. */
  HTTP: 16,
  /** It sent more than a limit on its rate allows. */
  RATE: 32,
  /** A handshake waits for what the `upgrade` handler decides. */
  UPGRADE: 64,
  /** As many handlers of all connections as may be are at work. */
  CROWD: 128,
  /** It had its share of the turn. */
  TURN: 256,
  /** All was said, and it goes on sending: nobody takes that. */
  END: 512,
} as const;
