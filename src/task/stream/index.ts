import { provideParts } from './base.ts';
import * as parts from './parts.ts';

provideParts(parts);

export { BaseStream, type VisitError } from './base.ts';
export { asOneError, Closing, type Cancellable } from './closing.ts';
export type { ReadableStreamOptions } from './outside.ts';
export { produce } from './produce.ts';
export { ReadySet, type Slot } from './ready-set.ts';
export type { ForwardOptions, Sink, SinkLike } from './sink.ts';
export {
  pollStream,
  toStream,
  type StreamError,
  type StreamItem,
  type Streamable,
} from './sources.ts';
export { END, type Stream, type StreamPoll } from './stream.ts';
