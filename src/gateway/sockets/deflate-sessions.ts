/**
 * What was agreed on with clients about compression. Connections that agreed on the same, and share
 * their streams, share one session, so that an idle connection costs nothing for it.
 */
import {
  dedicatedDeflater,
  dedicatedInflater,
  openStreams,
  sharedDeflaters,
  sharedInflaters,
  type Deflater,
  type Inflater,
  type Streams,
  type StreamSource,
} from '../../deflate/index.ts';
import type { Arena } from '../../memory/index.ts';
import { negotiateDeflate, parseExtensions, type DeflateAgreement } from '../../websocket/index.ts';
import { Count, type GatewayCounts } from '../metrics/counters.ts';
import type { ResolvedDeflateOptions } from './deflate-options.ts';

/** Compression as it was agreed on. */
export interface DeflateSession {
  /** The value of Sec-WebSocket-Extensions in the answer. */
  readonly header: string;
  /** Messages are compressed by this. */
  readonly deflaters: StreamSource<Deflater>;
  /** Messages are inflated by this. */
  readonly inflaters: StreamSource<Inflater>;
  /** Whether the deflater is the connection's own, and refers back to earlier messages. */
  readonly ownDeflater: boolean;
  /** Whether the inflater is the connection's own. */
  readonly ownInflater: boolean;
  /** log2 of the bytes that messages refer back at most. */
  readonly windowBits: number;
}

const WHOLE_WINDOW = 15;

/** See the head of this file. */
export class DeflateSessions {
  readonly #options: ResolvedDeflateOptions;
  readonly #mayTakeOver: boolean;
  readonly #streams: Streams;
  /** The same, with inflaters that count. */
  readonly #counted: Streams;
  readonly #maxMessageSize: number;
  /** By window bits. */
  readonly #deflaters: Map<number, StreamSource<Deflater>> = new Map();
  readonly #inflaters: StreamSource<Inflater>;
  /** Sessions without a stream of their own, by their answer. */
  readonly #shared: Map<string, DeflateSession> = new Map();

  /** `mayTakeOver`: whether every compressed message that is made is sent, and in its order. */
  constructor(
    arena: Arena,
    options: ResolvedDeflateOptions,
    settings: { maxMessageSize: number; mayTakeOver: boolean; counts: GatewayCounts },
  ) {
    this.#options = options;
    this.#mayTakeOver = settings.mayTakeOver;
    this.#maxMessageSize = settings.maxMessageSize;
    this.#streams = openStreams(arena, { maxBytes: options.maxBytes });
    this.#counted = countInflaters(this.#streams, settings.counts);
    const { maxMessageSize } = settings;
    this.#inflaters = sharedInflaters(this.#counted, { maxMessageSize });
  }

  /** Whether a header of extensions can be read at all. */
  static isValid(header: string): boolean {
    return parseExtensions(header) !== undefined;
  }

  /** A session for a client that offers `header`, or undefined when it offers nothing usable. */
  agree(header: string): DeflateSession | undefined {
    const offers = parseExtensions(header);
    if (offers === undefined) return undefined;
    const { compressor, inflater, serverMaxWindowBits, clientMaxWindowBits } = this.#options;
    const agreement = negotiateDeflate(offers, {
      serverNoContextTakeover: compressor === 'shared' || !this.#mayTakeOver,
      clientNoContextTakeover: inflater === 'shared',
      serverMaxWindowBits,
      clientMaxWindowBits,
    });
    if (agreement === undefined) return undefined;
    const known = this.#shared.get(agreement.header);
    if (known !== undefined) return known;
    const session = this.#make(agreement);
    if (!session.ownDeflater && !session.ownInflater) this.#shared.set(session.header, session);
    return session;
  }

  /** The deflaters of all whose messages begin anew. */
  sharedDeflaters(windowBits: number): StreamSource<Deflater> {
    let deflaters = this.#deflaters.get(windowBits);
    if (deflaters === undefined) {
      const { level, memoryLevel } = this.#options;
      deflaters = sharedDeflaters(this.#streams, { level, memoryLevel, windowBits });
      this.#deflaters.set(windowBits, deflaters);
    }
    return deflaters;
  }

  /** The connection is over. */
  end({ deflaters, inflaters, ownDeflater, ownInflater }: DeflateSession): void {
    if (ownDeflater) deflaters.free();
    if (ownInflater) inflaters.free();
  }

  /** Gives all streams back. */
  close(): void {
    this.#streams.close();
  }

  #make({ header, parameters }: DeflateAgreement): DeflateSession {
    const { level, memoryLevel } = this.#options;
    const ownDeflater = !parameters.serverNoContextTakeover;
    const ownInflater = !parameters.clientNoContextTakeover;
    const windowBits = parameters.serverMaxWindowBits;
    const maxMessageSize = this.#maxMessageSize;
    const own = { windowBits: parameters.clientMaxWindowBits, maxMessageSize };
    return {
      header,
      ownDeflater,
      ownInflater,
      windowBits,
      deflaters: ownDeflater
        ? dedicatedDeflater(this.#streams, { level, memoryLevel, windowBits })
        : this.sharedDeflaters(windowBits),
      inflaters: ownInflater ? dedicatedInflater(this.#counted, own) : this.#inflaters,
    };
  }
}

/** Whether a session can be sent what a shared deflater with the whole window has made. */
export function takesShared(session: DeflateSession): boolean {
  return session.windowBits === WHOLE_WINDOW;
}

function countInflaters(streams: Streams, counts: GatewayCounts): Streams {
  return {
    kind: streams.kind,
    get bytes() {
      return streams.bytes;
    },
    deflater: (options) => streams.deflater(options),
    inflater: (options) => new CountedInflater(streams.inflater(options), counts),
    close: () => streams.close(),
  };
}

/** Counts what goes through an inflater. */
class CountedInflater implements Inflater {
  readonly #inflater: Inflater;
  readonly #counts: GatewayCounts;

  constructor(inflater: Inflater, counts: GatewayCounts) {
    this.#inflater = inflater;
    this.#counts = counts;
  }

  get consumed(): number {
    return this.#inflater.consumed;
  }

  get produced(): number {
    return this.#inflater.produced;
  }

  inflate(source: number, length: number, last: boolean, target: number, capacity: number): number {
    const status = this.#inflater.inflate(source, length, last, target, capacity);
    this.#counts.add(Count.bytesToInflate, this.#inflater.consumed);
    this.#counts.add(Count.bytesInflated, this.#inflater.produced);
    return status;
  }

  reset(): void {
    this.#inflater.reset();
  }

  free(): void {
    this.#inflater.free();
  }
}
