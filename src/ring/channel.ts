/** Channels: a ring of requests and a ring of responses under one name. */
import { rejectUnknown, RondoError } from '../base/index.ts';
import type { StructType } from '../memory/index.ts';
import type { Consumer } from './consumer.ts';
import { Mapping, type PlaceOptions, type SharedRings } from './mapping.ts';
import {
  type ConsumerOptions,
  type ProducerOptions,
  RING_OPTIONS,
  type RingOptions,
} from './options.ts';
import type { Producer } from './producer.ts';
import {
  betweenOption,
  checkNamed,
  checkPlace,
  openOrCreate,
  type OpenOptions,
  placeOf,
  resolvePlace,
  Ring,
  specOf,
} from './ring.ts';

/** The structs of a channel. */
export interface ChannelMessages<Q, P, QS extends string, PS extends string> {
  readonly request: StructType<Q, QS>;
  readonly response: StructType<P, PS>;
}

/** How a channel is made. */
export interface ChannelOptions extends PlaceOptions {
  /** What the ring of requests is like. */
  readonly requests?: RingOptions;
  /** What the ring of responses is like. */
  readonly responses?: RingOptions;
  /**
   * Who can share it: `threads` of this process, or other `processes` too.
   * @default 'processes' with a name, otherwise 'threads'
   */
  readonly between?: 'threads' | 'processes';
}

/** How both ends of a side behave. */
export interface SideOptions {
  /** How this side pushes. @default {} */
  readonly producer?: ProducerOptions;
  /** How this side pops. @default {} */
  readonly consumer?: ConsumerOptions;
}

/** The side that asks. */
export interface ClientSide<Q, P, QS extends string, PS extends string> {
  readonly requests: Producer<Q, QS>;
  readonly responses: Consumer<P, PS>;
}

/** The side that answers. */
export interface ServerSide<Q, P, QS extends string, PS extends string> {
  readonly requests: Consumer<Q, QS>;
  readonly responses: Producer<P, PS>;
}

/**
 * A pair of rings, requests one way and responses the other. Which response belongs to which
 * request is what the messages say; there may be several responses, or none.
 */
export class Channel<Q, P, QS extends string = string, PS extends string = string> {
  /** From clients to servers. */
  readonly requests: Ring<Q, QS>;
  /** From servers to clients. */
  readonly responses: Ring<P, PS>;
  readonly #mapping: Mapping;

  private constructor(messages: ChannelMessages<Q, P, QS, PS>, mapping: Mapping) {
    const { info, rings } = mapping.segment;
    if (info.kind !== 'channel') {
      throw new RondoError(
        'ERR_RING_SEGMENT',
        `Cannot open ${JSON.stringify(info.name)} as a channel: it is a ${info.kind}`,
      );
    }
    this.#mapping = mapping;
    this.requests = new Ring(messages.request, mapping, rings[0]!, false);
    this.responses = new Ring(messages.response, mapping, rings[1]!, false);
  }

  /**
   * Makes a channel.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_RING_EXISTS, ERR_RING_DIRECTORY, ERR_ARENA_EXHAUSTED
   * @throws {TypeError} ERR_RING_NAME
   */
  static create<Q, P, QS extends string, PS extends string>(
    messages: ChannelMessages<Q, P, QS, PS>,
    options: ChannelOptions = {},
  ): Channel<Q, P, QS, PS> {
    rejectUnknown('Channel.create', options, [
      'requests',
      'responses',
      'between',
      'name',
      'directory',
      'label',
    ]);
    checkPlace(options);
    checkNamed(options);
    const { requests = {}, responses = {} } = options;
    rejectUnknown('requests', requests, RING_OPTIONS);
    rejectUnknown('responses', responses, RING_OPTIONS);
    const specs = [
      specOf(messages.request as unknown as StructType<never, string>, requests),
      specOf(messages.response as unknown as StructType<never, string>, responses),
    ];
    const between = betweenOption('channel', options);
    return opened(
      messages,
      between === 'threads'
        ? Mapping.inArena('channel', specs, options.label ?? '')
        : Mapping.create('channel', specs, options),
    );
  }

  /** Opens a channel that another process made. Errors are those of `Ring.open`. */
  static open<Q, P, QS extends string, PS extends string>(
    messages: ChannelMessages<Q, P, QS, PS>,
    name: string,
    options: OpenOptions = {},
  ): Channel<Q, P, QS, PS> {
    return opened(messages, Mapping.open(name, resolvePlace('Channel.open', options)));
  }

  /** Opens the channel of a name, or makes it when nobody has it; see `Ring.openOrCreate`. */
  static openOrCreate<Q, P, QS extends string, PS extends string>(
    messages: ChannelMessages<Q, P, QS, PS>,
    name: string,
    options: Omit<ChannelOptions, 'name' | 'between'> = {},
  ): Channel<Q, P, QS, PS> {
    const place = placeOf(options);
    return openOrCreate(
      () => Channel.open(messages, name, place),
      () => Channel.create(messages, { ...options, name }),
    );
  }

  /** Opens a channel whose descriptor this process inherited. Errors as of `Ring.openDescriptor`. */
  static openDescriptor<Q, P, QS extends string, PS extends string>(
    messages: ChannelMessages<Q, P, QS, PS>,
    descriptor: number,
    options: OpenOptions = {},
  ): Channel<Q, P, QS, PS> {
    const place = resolvePlace('Channel.openDescriptor', options);
    return opened(messages, Mapping.openDescriptor(descriptor, place));
  }

  /** The channel of another thread of this process. Errors are those of `Ring.attach`. */
  static attach<Q, P, QS extends string, PS extends string>(
    messages: ChannelMessages<Q, P, QS, PS>,
    shared: SharedRings,
  ): Channel<Q, P, QS, PS> {
    return opened(messages, Mapping.attach(shared, ''));
  }

  /** @internal For `opened`. */
  static of<Q, P, QS extends string, PS extends string>(
    messages: ChannelMessages<Q, P, QS, PS>,
    mapping: Mapping,
  ): Channel<Q, P, QS, PS> {
    return new Channel(messages, mapping);
  }

  /** Its name; empty when it has none. */
  get name(): string {
    return this.#mapping.segment.info.name;
  }

  /** The descriptor to be inherited by a child; -1 between threads. Not to be closed. */
  get descriptor(): number {
    return this.#mapping.descriptor;
  }

  /** What `Channel.attach` needs in another thread; see `Ring.share`. */
  share(): SharedRings {
    return this.#mapping.share();
  }

  /** Takes both roles of a client. @throws {RondoError} ERR_RING_ROLE_TAKEN */
  client(options: SideOptions = {}): ClientSide<Q, P, QS, PS> {
    rejectUnknown('Channel.client', options, ['producer', 'consumer']);
    const responses = this.responses.consumer(options.consumer);
    try {
      return { requests: this.requests.producer(options.producer), responses };
    } catch (error) {
      responses.detach();
      throw error;
    }
  }

  /** Takes both roles of a server. @throws {RondoError} ERR_RING_ROLE_TAKEN */
  server(options: SideOptions = {}): ServerSide<Q, P, QS, PS> {
    rejectUnknown('Channel.server', options, ['producer', 'consumer']);
    const requests = this.requests.consumer(options.consumer);
    try {
      return { responses: this.responses.producer(options.producer), requests };
    } catch (error) {
      requests.detach();
      throw error;
    }
  }

  /** What `console.log` shows. @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const name = this.name === '' ? 'without a name' : JSON.stringify(this.name);
    return `Channel { ${name}, requests ${this.requests.state}, responses ${this.responses.state} }`;
  }

  /** Leaves the channel, and detaches what was made here. Idempotent. */
  close(): void {
    this.requests.close();
    this.responses.close();
    this.#mapping.close();
  }
}

function opened<Q, P, QS extends string, PS extends string>(
  messages: ChannelMessages<Q, P, QS, PS>,
  mapping: Mapping,
): Channel<Q, P, QS, PS> {
  try {
    return Channel.of(messages, mapping);
  } catch (error) {
    mapping.close();
    throw error;
  }
}
