/** Close codes (RFC 6455 §7.4 and the IANA registry of WebSocket close codes). */

/** The close codes that Rondo itself sends or reports. */
export const CloseCode = {
  /** The purpose of the connection is fulfilled. */
  NORMAL: 1000,
  /** A server goes down or a page is left. */
  GOING_AWAY: 1001,
  /** The peer broke the protocol. */
  PROTOCOL_ERROR: 1002,
  /** The peer sent a kind of data that is not accepted. */
  UNSUPPORTED_DATA: 1003,
  /** Reported, never sent: the close frame carried no code. */
  NONE: 1005,
  /** Reported, never sent: the connection ended without a close frame. */
  ABNORMAL: 1006,
  /** A text or a close reason is not UTF-8. */
  INVALID_DATA: 1007,
  /** The peer broke a rule of the application. */
  POLICY_VIOLATION: 1008,
  /** A message or frame is above the limit. */
  TOO_BIG: 1009,
  /** Something unexpected happened on this side. */
  INTERNAL_ERROR: 1011,
  /** This side is overloaded, as when its memory for messages is used up; come back later. */
  TRY_AGAIN_LATER: 1013,
} as const;

/**
 * Whether a close frame may carry the code: 1000–1003 and 1007–1014 (registered), 3000–3999
 * (libraries) and 4000–4999 (applications). 1004, 1005, 1006 and 1015 never travel, and the rest is
 * not assigned.
 */
export function isSendableCloseCode(code: number): boolean {
  if (code < 1000 || code > 4999 || !Number.isInteger(code)) return false;
  return code <= 1003 || (code >= 1007 && code <= 1014) || code >= 3000;
}
