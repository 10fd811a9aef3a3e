/** What the methods of `BaseStream` are made of; the classes extend it, so it is told of them. */
export { BufferedStream, BufferedUnorderedStream } from './buffered.ts';
export { ChunksStream, ChunksTimeoutStream } from './chunks.ts';
export { ChainStream, FlattenStream, MergeStream, TakeUntilStream, ZipStream } from './combine.ts';
export {
  FilterMapStream,
  FilterStream,
  MapStream,
  TakeStream,
  TakeWhileStream,
} from './elementwise.ts';
export { GiveUp, StreamIterator, toReadableStream } from './outside.ts';
export { Forward } from './sink.ts';
export { toStream } from './sources.ts';
export { branches } from './tee.ts';
export { Fold, ForEach, GO_ON, Search } from './terminals.ts';
export { ThrottleStream, TimeoutStream } from './timed.ts';
