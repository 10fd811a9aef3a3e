/** Every way in which a peer can fail a connection, as constants: reporting allocates nothing. */
import { CloseCode } from './close-codes.ts';

/** One way to fail: what the close frame should say. */
export interface Failure {
  /** The close code that the RFC asks for. */
  readonly closeCode: number;
  /** For people; fits a close frame. */
  readonly reason: string;
}

const failure = (closeCode: number, reason: string): Failure =>
  Object.freeze({ closeCode, reason });

/** The rules that a peer can break, and running out of memory. */
export type FailureName =
  | 'RESERVED_BITS'
  | 'UNKNOWN_OPCODE'
  | 'CONTROL_FRAGMENTED'
  | 'CONTROL_TOO_LONG'
  | 'NOTHING_TO_CONTINUE'
  | 'MESSAGE_UNFINISHED'
  | 'MASK_MISSING'
  | 'MASK_FORBIDDEN'
  | 'LENGTH_NOT_MINIMAL'
  | 'LENGTH_SIGN'
  | 'CLOSE_TOO_SHORT'
  | 'CLOSE_CODE'
  | 'CLOSE_REASON'
  | 'TEXT_NOT_UTF8'
  | 'COMPRESSED_DATA'
  | 'FRAME_TOO_BIG'
  | 'MESSAGE_TOO_BIG'
  | 'NO_MEMORY';

/** The failures by name. Compare by identity. */
export const FAILURES: Readonly<Record<FailureName, Failure>> = {
  RESERVED_BITS: failure(CloseCode.PROTOCOL_ERROR, 'A reserved bit is set'),
  UNKNOWN_OPCODE: failure(CloseCode.PROTOCOL_ERROR, 'The opcode is not assigned'),
  CONTROL_FRAGMENTED: failure(CloseCode.PROTOCOL_ERROR, 'A control frame is fragmented'),
  CONTROL_TOO_LONG: failure(CloseCode.PROTOCOL_ERROR, 'A control frame is above 125 bytes'),
  NOTHING_TO_CONTINUE: failure(CloseCode.PROTOCOL_ERROR, 'A continuation without a beginning'),
  MESSAGE_UNFINISHED: failure(CloseCode.PROTOCOL_ERROR, 'A message begins inside another'),
  MASK_MISSING: failure(CloseCode.PROTOCOL_ERROR, 'A frame from a client must be masked'),
  MASK_FORBIDDEN: failure(CloseCode.PROTOCOL_ERROR, 'A frame from a server must not be masked'),
  LENGTH_NOT_MINIMAL: failure(CloseCode.PROTOCOL_ERROR, 'A length is not in its shortest form'),
  LENGTH_SIGN: failure(CloseCode.PROTOCOL_ERROR, 'A length has its highest bit set'),
  CLOSE_TOO_SHORT: failure(CloseCode.PROTOCOL_ERROR, 'A close frame with one byte of payload'),
  CLOSE_CODE: failure(CloseCode.PROTOCOL_ERROR, 'The close code must not be sent'),
  CLOSE_REASON: failure(CloseCode.INVALID_DATA, 'The close reason is not UTF-8'),
  TEXT_NOT_UTF8: failure(CloseCode.INVALID_DATA, 'The text is not UTF-8'),
  COMPRESSED_DATA: failure(CloseCode.INVALID_DATA, 'The compressed data is not valid'),
  FRAME_TOO_BIG: failure(CloseCode.TOO_BIG, 'The frame is above the limit'),
  MESSAGE_TOO_BIG: failure(CloseCode.TOO_BIG, 'The message is above the limit'),
  NO_MEMORY: failure(CloseCode.TRY_AGAIN_LATER, 'No memory for the message'),
};
