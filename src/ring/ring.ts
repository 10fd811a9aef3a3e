/** Rings as users see them: made, found, shared, left. */
import { choiceOption, misuse, rejectUnknown, RondoError, stringOption } from '../base/index.ts';
import { compareLayouts, sanitizer, StructType } from '../memory/index.ts';
import { Consumer } from './consumer.ts';
import { checkRingName } from './directory/names.ts';
import { RingCore } from './core.ts';
import type { RingShape } from './layout.ts';
import { Mapping, type PlaceOptions, type SharedRings } from './mapping.ts';
import {
  type ConsumerOptions,
  type ProducerOptions,
  resolveConsumer,
  resolveProducer,
  resolveShape,
  RING_OPTIONS,
  type RingOptions,
} from './options.ts';
import { Producer } from './producer.ts';
import { watchConsumer, watchProducer } from './sanitized.ts';
import { readStats, type RingStats } from './stats.ts';
import { type ParticipantInfo, ringLabel } from './segment/membership.ts';
import type { RingSpec, RingView } from './segment/segment.ts';

/** How a ring is made. */
export interface CreateOptions extends RingOptions, PlaceOptions {
  /**
   * Who can share it: `threads` of this process, or other `processes` too.
   * @default 'processes' with a name, otherwise 'threads'
   */
  readonly between?: 'threads' | 'processes';
}

/** How a ring is opened that another made. */
export type OpenOptions = Omit<PlaceOptions, 'name'>;

/** Which sides there are now. */
export interface RingPeers {
  readonly producers: readonly ParticipantInfo[];
  readonly consumers: readonly ParticipantInfo[];
}

const CREATE_OPTIONS = [...RING_OPTIONS, 'name', 'directory', 'label', 'between'];

/** @throws {TypeError} ERR_OPTION_TYPE when it is no struct */
export function specOf(type: StructType<never, string>, options: RingOptions): RingSpec {
  if (!(type instanceof StructType)) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot make a ring: its messages must be a struct');
  }
  const { name, layout, fingerprint } = type as unknown as StructType<unknown, string>;
  return { shape: resolveShape(options, type), schema: { name, layout, fingerprint } };
}

/** @throws {TypeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE */
export function resolvePlace(what: string, options: OpenOptions): OpenOptions {
  rejectUnknown(what, options, ['directory', 'label']);
  checkPlace(options);
  return options;
}

/** @throws {TypeError} ERR_OPTION_TYPE, ERR_RING_NAME */
export function checkPlace(options: PlaceOptions): void {
  const { name, directory } = options;
  if (name !== undefined) checkRingName(stringOption('name', name, ''));
  stringOption('directory', directory, '');
  stringOption('label', options.label, '');
  if (directory === '') {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use directory: it must not be empty');
  }
}

/** What is made is found by its name, or not at all. @throws {TypeError} ERR_OPTION_TYPE */
export function checkNamed({ name, directory }: PlaceOptions): void {
  if (name === undefined && directory !== undefined) {
    throw misuse('ERR_OPTION_TYPE', 'Cannot use directory without a name: it is where names are');
  }
}

/**
 * A ring of messages of one struct: the whole of it, in which this thread can take roles. Messages
 * are values in shared memory: nothing is serialised, and nothing crosses into the kernel unless
 * somebody sleeps.
 */
export class Ring<T, S extends string = string> {
  /** What its messages are here. */
  readonly message: StructType<T, S>;
  readonly #mapping: Mapping;
  readonly #core: RingCore;
  readonly #isWhole: boolean;
  readonly #sides = new Set<Producer<T, S> | Consumer<T, S>>();
  #compared: 'equal' | 'extended';
  #isOpen = true;

  /** Users call `Ring.create` and its like. @internal */
  constructor(type: StructType<T, S>, mapping: Mapping, view: RingView, isWhole: boolean) {
    this.message = type;
    this.#mapping = mapping;
    this.#isWhole = isWhole;
    const label = ringLabel(mapping.segment, view);
    this.#compared = compare(type, view, label);
    this.#core = new RingCore(mapping.segment.arena, view, label);
  }

  /**
   * Makes a ring.
   * @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE
   * @throws {RondoError} ERR_RING_EXISTS, ERR_RING_DIRECTORY, ERR_ARENA_EXHAUSTED
   * @throws {TypeError} ERR_RING_NAME
   * @throws {RondoError} ERR_NATIVE_UNAVAILABLE when it is for processes and there is no addon
   * @example
   * const ring = Ring.create(Trade, { slots: 4096 });
   * const producer = ring.producer();
   * producer.tryPush({ id: 1n, price: 99.5, side: 'buy', symbol: 'ABC' });
   */
  static create<T, S extends string>(
    type: StructType<T, S>,
    options: CreateOptions = {},
  ): Ring<T, S> {
    rejectUnknown('Ring.create', options, CREATE_OPTIONS);
    checkPlace(options);
    checkNamed(options);
    const between = betweenOption('ring', options);
    const spec = specOf(type as unknown as StructType<never, string>, options);
    const mapping =
      between === 'threads'
        ? Mapping.inArena('ring', [spec], options.label ?? '')
        : Mapping.create('ring', [spec], options);
    return new Ring(type, mapping, mapping.segment.rings[0]!, true);
  }

  /**
   * Opens a ring that another process made, by its name. Its struct may have more fields at the end
   * than the one here: then this side can consume, not produce.
   * @throws {RondoError} ERR_RING_NOT_FOUND, ERR_RING_SCHEMA, ERR_RING_SEGMENT, ERR_RING_DIRECTORY
   * @throws {TypeError} ERR_RING_NAME
   */
  static open<T, S extends string>(
    type: StructType<T, S>,
    name: string,
    options: OpenOptions = {},
  ): Ring<T, S> {
    return whole(type, Mapping.open(name, resolvePlace('Ring.open', options)));
  }

  /**
   * Opens the ring of a name, or makes it when nobody has it: for sides of which either may be
   * first. The options of the one who makes it count. Errors are those of `create` and `open`.
   */
  static openOrCreate<T, S extends string>(
    type: StructType<T, S>,
    name: string,
    options: Omit<CreateOptions, 'name' | 'between'> = {},
  ): Ring<T, S> {
    const place = placeOf(options);
    return openOrCreate(
      () => Ring.open(type, name, place),
      () => Ring.create(type, { ...options, name }),
    );
  }

  /**
   * Opens a ring whose descriptor this process inherited. The descriptor stays the caller's.
   * @throws {RondoError} ERR_RING_SCHEMA, ERR_RING_SEGMENT
   */
  static openDescriptor<T, S extends string>(
    type: StructType<T, S>,
    descriptor: number,
    options: OpenOptions = {},
  ): Ring<T, S> {
    const place = resolvePlace('Ring.openDescriptor', options);
    return whole(type, Mapping.openDescriptor(descriptor, place));
  }

  /**
   * The ring of another thread of this process, with what its `share` gave.
   * @throws {TypeError} ERR_ARENA_ADOPTED when this thread uses another arena already
   * @throws {RondoError} ERR_RING_SCHEMA
   */
  static attach<T, S extends string>(
    type: StructType<T, S>,
    shared: SharedRings,
    options: { readonly label?: string } = {},
  ): Ring<T, S> {
    rejectUnknown('Ring.attach', options, ['label']);
    return whole(type, Mapping.attach(shared, stringOption('label', options.label, '')));
  }

  /** Its name; empty when it has none. */
  get name(): string {
    return this.#mapping.segment.info.name;
  }

  /** What it is like: who made it decided. */
  get shape(): RingShape {
    return this.#core.shape;
  }

  /** The descriptor to be inherited by a child; -1 for rings between threads. Not to be closed. */
  get descriptor(): number {
    return this.#mapping.descriptor;
  }

  /** Whether a side found a lie in it, or a consumer wants no more, or it was closed here. */
  get state(): 'open' | 'closed' | 'poisoned' {
    if (!this.#isOpen) return 'closed';
    if (this.#core.isPoisoned) return 'poisoned';
    return this.#core.closed ? 'closed' : 'open';
  }

  /** Who produces and consumes, as far as known; the dead are cleared away before. */
  get peers(): RingPeers {
    this.#assertOpen();
    const { membership } = this.#mapping;
    const { view, shape } = this.#core;
    membership.clearUp();
    const list = (role: 'lane' | 'place', count: number): ParticipantInfo[] =>
      Array.from({ length: count }, (_, index) => membership.present(view, role, index)).filter(
        (peer) => peer !== undefined,
      );
    return { producers: list('lane', shape.lanes), consumers: list('place', shape.places) };
  }

  /** What its counters say: plain stores of each side, as they are now. */
  get stats(): RingStats {
    this.#assertOpen();
    return readStats(this.#mapping.segment, this.#core.view);
  }

  /**
   * What `Ring.attach` needs in another thread of this process. Structured clone keeps it. This
   * ring must stay open until the other has attached; one for processes, until the other has
   * closed.
   */
  share(): SharedRings {
    this.#assertOpen();
    return this.#mapping.share();
  }

  /**
   * Takes the role of a producer.
   * @throws {RondoError} ERR_RING_ROLE_TAKEN, ERR_RING_POISONED
   * @throws {RondoError} ERR_RING_SCHEMA when the ring's struct has fields that the one here has
   * not
   * @throws {TypeError} ERR_RING_CLOSED
   */
  producer(options: ProducerOptions = {}): Producer<T, S> {
    this.#assertOpen();
    if (this.#compared === 'extended') {
      throw new RondoError(
        'ERR_RING_SCHEMA',
        `Cannot produce into ${this.#core.label}: ` +
          compareLayouts(this.message.layout, this.#core.view.schema.layout).diff,
      );
    }
    const side = new Producer<T, S>({
      core: this.#core,
      membership: this.#mapping.membership,
      type: this.message,
      options: resolveProducer(options, this.#core.shape),
      onDetached: (producer) => this.#sides.delete(producer),
    });
    if (sanitizer !== undefined) watchProducer(side, this.message, sanitizer);
    this.#sides.add(side);
    return side;
  }

  /**
   * Takes the role of a consumer.
   * @throws {RondoError} ERR_RING_ROLE_TAKEN, ERR_RING_POISONED
   * @throws {TypeError} ERR_RING_CLOSED
   */
  consumer(options: ConsumerOptions = {}): Consumer<T, S> {
    this.#assertOpen();
    const side = new Consumer<T, S>({
      core: this.#core,
      membership: this.#mapping.membership,
      type: this.message,
      options: resolveConsumer(options, this.#core.shape),
      onDetached: (consumer) => this.#sides.delete(consumer),
    });
    if (sanitizer !== undefined) watchConsumer(side, sanitizer);
    this.#sides.add(side);
    return side;
  }

  /**
   * Says for everybody that no more is wanted: producers are told `closed`. Where several consume,
   * this is the way to say so.
   */
  end(): void {
    this.#assertOpen();
    this.#core.close();
  }

  /**
   * Leaves the ring: producers and consumers made here are detached, and the memory is let go. A
   * named ring lives on as long as another process has it. Idempotent.
   */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const side of this.#sides) side.detach();
    if (this.#isWhole) this.#mapping.close();
  }

  /** What `console.log` shows. @internal */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const { topology, lossy, slots } = this.#core.shape;
    const kind = `${lossy ? 'lossy ' : ''}${topology}`;
    return `Ring { ${this.#core.label}: ${kind} of ${slots} slots, ${this.state} }`;
  }

  #assertOpen(): void {
    if (this.#isOpen) return;
    throw misuse('ERR_RING_CLOSED', `Cannot use ${this.#core.label}: it was closed here`);
  }
}

/** What opening needs of the options of making. */
export function placeOf({ directory, label }: PlaceOptions): OpenOptions {
  return {
    ...(directory === undefined ? {} : { directory }),
    ...(label === undefined ? {} : { label }),
  };
}

/** How often the other side may be faster at making or leaving what is opened. */
const OPEN_TRIES = 100;

/** Opens what is there, or makes it; whoever is faster meanwhile. @throws what both may throw */
export function openOrCreate<T>(open: () => T, create: () => T): T {
  for (let tries = 1; ; tries++) {
    try {
      return open();
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_RING_NOT_FOUND') throw error;
    }
    try {
      return create();
    } catch (error) {
      const isOthers = (error as { code?: unknown }).code === 'ERR_RING_EXISTS';
      if (!isOthers || tries === OPEN_TRIES) throw error;
    }
  }
}

function whole<T, S extends string>(type: StructType<T, S>, mapping: Mapping): Ring<T, S> {
  try {
    const { info, rings } = mapping.segment;
    if (info.kind !== 'ring') {
      throw new RondoError(
        'ERR_RING_SEGMENT',
        `Cannot open ${JSON.stringify(info.name)} as a ring: it is a ${info.kind}`,
      );
    }
    return new Ring(type, mapping, rings[0]!, true);
  } catch (error) {
    mapping.close();
    throw error;
  }
}

/** @throws {TypeError} ERR_OPTION_TYPE */
export function betweenOption(
  what: 'ring' | 'channel',
  options: Pick<CreateOptions, 'name' | 'between'>,
): 'threads' | 'processes' {
  const named = options.name !== undefined;
  const between = choiceOption('between', options.between, named ? 'processes' : 'threads', [
    'threads',
    'processes',
  ]);
  if (named && between === 'threads') {
    throw misuse(
      'ERR_OPTION_TYPE',
      `Cannot name a ${what} between threads: names are for processes`,
    );
  }
  return between;
}

/** @throws {RondoError} ERR_RING_SCHEMA */
function compare<T, S extends string>(
  type: StructType<T, S>,
  view: RingView,
  label: string,
): 'equal' | 'extended' {
  if (type.fingerprint === view.schema.fingerprint) return 'equal';
  const { kind, diff } = compareLayouts(type.layout, view.schema.layout);
  if (kind !== 'different') return kind;
  throw new RondoError('ERR_RING_SCHEMA', `Cannot use ${label} with struct ${type.name}: ${diff}`);
}
