/** What the methods of `BaseStream` are made of; the classes extend it, so it is told of them. */
import { BufferedStream, BufferedUnorderedStream } from './buffered.ts';
import { ChunksStream, ChunksTimeoutStream } from './chunks.ts';
import { ChainStream, FlattenStream, MergeStream, TakeUntilStream, ZipStream } from './combine.ts';
import {
  FilterMapStream,
  FilterStream,
  MapStream,
  TakeStream,
  TakeWhileStream,
} from './elementwise.ts';
import { GiveUp, StreamIterator, toReadableStream } from './outside.ts';
import { Forward } from './sink.ts';
import { toStream } from './sources.ts';
import { branches } from './tee.ts';
import { Fold, ForEach, GO_ON, Search } from './terminals.ts';
import { ThrottleStream, TimeoutStream } from './timed.ts';

/** One property for each. */
export interface Parts {
  readonly branches: typeof branches;
  readonly BufferedStream: typeof BufferedStream;
  readonly BufferedUnorderedStream: typeof BufferedUnorderedStream;
  readonly ChainStream: typeof ChainStream;
  readonly ChunksStream: typeof ChunksStream;
  readonly ChunksTimeoutStream: typeof ChunksTimeoutStream;
  readonly FilterMapStream: typeof FilterMapStream;
  readonly FilterStream: typeof FilterStream;
  readonly FlattenStream: typeof FlattenStream;
  readonly Fold: typeof Fold;
  readonly ForEach: typeof ForEach;
  readonly Forward: typeof Forward;
  readonly GiveUp: typeof GiveUp;
  readonly GO_ON: typeof GO_ON;
  readonly MapStream: typeof MapStream;
  readonly MergeStream: typeof MergeStream;
  readonly Search: typeof Search;
  readonly StreamIterator: typeof StreamIterator;
  readonly TakeStream: typeof TakeStream;
  readonly TakeUntilStream: typeof TakeUntilStream;
  readonly TakeWhileStream: typeof TakeWhileStream;
  readonly ThrottleStream: typeof ThrottleStream;
  readonly TimeoutStream: typeof TimeoutStream;
  readonly toReadableStream: typeof toReadableStream;
  readonly toStream: typeof toStream;
  readonly ZipStream: typeof ZipStream;
}

export const parts: Parts = {
  branches,
  BufferedStream,
  BufferedUnorderedStream,
  ChainStream,
  ChunksStream,
  ChunksTimeoutStream,
  FilterMapStream,
  FilterStream,
  FlattenStream,
  Fold,
  ForEach,
  Forward,
  GiveUp,
  GO_ON,
  MapStream,
  MergeStream,
  Search,
  StreamIterator,
  TakeStream,
  TakeUntilStream,
  TakeWhileStream,
  ThrottleStream,
  TimeoutStream,
  toReadableStream,
  toStream,
  ZipStream,
};
