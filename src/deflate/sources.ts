/**
 * Who has which stream: shared streams go from message to message of all connections, a dedicated
 * one belongs to a connection. Those who use them see a source in both cases.
 */
import type { Deflater, DeflaterOptions, Inflater, InflaterOptions, Streams } from './contract.ts';

/** Gives a stream for one message at a time. */
export interface StreamSource<S> {
  /** A stream for one message, which then goes back. */
  acquire(): S;
  /** Takes it back, behind the message; `complete` is false when the message was given up. */
  release(stream: S, complete: boolean): void;
  /** Gives back the memory of what is not in use. */
  free(): void;
}

/** Streams kept open for the next message; more are in use only by messages that take turns. */
const SPARES = 2;

interface Freeable {
  reset(): void;
  free(): void;
}

/**
 * Streams without takeover for the connections of a thread. Mostly there is one: it takes a second
 * when a message waits for its next turn while others come.
 */
class SharedSource<S extends Freeable> implements StreamSource<S> {
  readonly #make: () => S;
  readonly #spare: S[] = [];

  /** `make` gives a new stream without takeover. */
  constructor(make: () => S) {
    this.#make = make;
  }

  acquire(): S {
    return this.#spare.pop() ?? this.#make();
  }

  release(stream: S, complete: boolean): void {
    if (!complete) stream.reset();
    if (this.#spare.length < SPARES) this.#spare.push(stream);
    else stream.free();
  }

  free(): void {
    for (const stream of this.#spare.splice(0)) stream.free();
  }
}

/** The one stream of a connection. A message that was given up leaves it without memory. */
class DedicatedSource<S extends Freeable> implements StreamSource<S> {
  readonly #stream: S;

  constructor(stream: S) {
    this.#stream = stream;
  }

  acquire(): S {
    return this.#stream;
  }

  release(stream: S, complete: boolean): void {
    if (!complete) stream.free();
  }

  free(): void {
    this.#stream.free();
  }
}

/** Deflaters without takeover, for all connections that agreed on a window at least as large. */
export function sharedDeflaters(
  streams: Streams,
  options: Omit<DeflaterOptions, 'takeover'> = {},
): StreamSource<Deflater> {
  return new SharedSource(() => streams.deflater(options));
}

/** Inflaters without takeover. With the default window they fit every connection. */
export function sharedInflaters(
  streams: Streams,
  options: Omit<InflaterOptions, 'takeover'> = {},
): StreamSource<Inflater> {
  return new SharedSource(() => streams.inflater(options));
}

/** A deflater with takeover, for one connection. Its `free` is allowed between any two messages. */
export function dedicatedDeflater(
  streams: Streams,
  options: Omit<DeflaterOptions, 'takeover'> = {},
): StreamSource<Deflater> {
  return new DedicatedSource(streams.deflater({ ...options, takeover: true }));
}

/** An inflater with takeover, for one connection. `free` it when the connection is over. */
export function dedicatedInflater(
  streams: Streams,
  options: Omit<InflaterOptions, 'takeover'> = {},
): StreamSource<Inflater> {
  return new DedicatedSource(streams.inflater({ ...options, takeover: true }));
}
