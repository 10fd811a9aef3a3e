/**
 * The WebSocket protocol (RFC 6455) on arena bytes: frames, masking, UTF-8, messages and the
 * opening handshake. Knows no sockets and no driver.
 *
 * Receiving: one `ReceiverContext` per gateway and thread, one `MessageReceiver` per connection.
 * permessage-deflate (RFC 7692) is negotiated here; who compresses and inflates is handed in.
 * Sending: `writeHead` in front of a payload, or `writeCloseFrame`. Handshake: `checkUpgrade`, then
 * `upgradeResponse`.
 */
export { CloseCode, isSendableCloseCode } from './close-codes.ts';
export { MAX_CLOSE_FRAME_BYTES, MAX_CLOSE_REASON_BYTES, writeCloseFrame } from './close-frame.ts';
export {
  acceptDeflate,
  deflateOffer,
  negotiateDeflate,
  parseExtensions,
  type DeflateAcceptance,
  type DeflateAgreement,
  type DeflateParameters,
  type DeflateSettings,
  type Extension,
} from './extensions.ts';
export { FAILURES, type Failure, type FailureName } from './failures.ts';
export {
  COMPRESSED,
  headSize,
  MAX_CONTROL_BYTES,
  MAX_HEAD_BYTES,
  Opcode,
  writeHead,
  writeMaskedHead,
  type Role,
} from './frame.ts';
export {
  acceptKey,
  checkUpgrade,
  upgradeResponse,
  wantsUpgrade,
  type AcceptedUpgrade,
  type RefusedUpgrade,
  type UpgradeRequest,
} from './handshake.ts';
export { InflateStatus, type InflaterSource, type MessageInflater } from './inflation.ts';
export { createKernels, type CodecMemory, type Kernels } from './kernels.ts';
export { unmask, unmaskCopy } from './mask.ts';
export { MessageReceiver } from './receiver.ts';
export {
  ReceiverContext,
  type BlockSource,
  type MessageSink,
  type ReceiverOptions,
} from './receiver-context.ts';
export { UTF8_BOUNDARY, UTF8_INVALID, validateUtf8 } from './utf8.ts';
