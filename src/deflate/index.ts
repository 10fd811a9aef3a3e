/**
 * Compression of WebSocket messages on arena offsets. `openStreams` gives deflaters and inflaters;
 * the sources say whose they are; a `Deflation` compresses what is too large for one go.
 */
export {
  compressedBound,
  deflaterBytes,
  inflaterBytes,
  StreamStatus,
  type Deflater,
  type DeflaterOptions,
  type Inflater,
  type Streams,
} from './contract.ts';
export { Deflation, DeflationStatus, INLINE_BYTES } from './deflation.ts';
export { openStreams, reasonAgainstNative } from './open.ts';
export {
  dedicatedDeflater,
  dedicatedInflater,
  sharedDeflaters,
  sharedInflaters,
  type StreamSource,
} from './sources.ts';
