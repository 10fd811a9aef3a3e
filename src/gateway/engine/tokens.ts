/** Tokens of a gateway's operations: 3 bits of kind, 28 bits of index. */

/** What completed, and what the index is then. */
export const Token = {
  /** Index 0. */
  ACCEPT: 0,
  /** Index of the connection. */
  RECEIVE: 1,
  /** Index of the send. */
  SEND: 2,
  /** Index of the connection. */
  SHUTDOWN: 3,
  /** Index of the connection. */
  CLOSE: 4,
  /** Index of the timer. */
  TIMER: 5,
  /** Index 0. */
  CLOSE_LISTENER: 6,
} as const;

const KIND_BITS = 3;

export function tokenOf(kind: number, index: number): number {
  return (index << KIND_BITS) | kind;
}

export function kindOf(token: number): number {
  return token & ((1 << KIND_BITS) - 1);
}

export function indexOf(token: number): number {
  return token >>> KIND_BITS;
}
