import { provideParts } from './base.ts';
import { parts } from './parts.ts';

provideParts(parts);

export { BaseStream, type VisitError } from './base.ts';
export type { ReadableStreamOptions } from './outside.ts';
export { lines, type ByteItem, type LinesOptions } from './lines.ts';
export { produce } from './produce.ts';
export type { ForwardOptions, Sink, SinkLike } from './sink.ts';
export {
  pollStream,
  toStream,
  type StreamError,
  type StreamItem,
  type Streamable,
} from './sources.ts';
export { END, type Stream, type StreamPoll } from './stream.ts';
