/**
 * One side of a ring that does what it is told, op by op: a victim in a process of its own, or a
 * survivor in that of the test. peers/rust/examples/steps.rs understands the same ops.
 *
 * A line of ops is what one turn of the event loop does: what was pushed is published at its end.
 *
 * | op                         | what it does, and reports                                      |
 * |----------------------------|----------------------------------------------------------------|
 * | `create:NAME:DIR:SHAPE`    | makes a ring (SHAPE: TOPOLOGY,LOSSY,LANES,PLACES,SLOTS,SLAB)   |
 * | `open:NAME:DIR` `fd:N`     | attaches                                                       |
 * | `channel:N`                | attaches to a channel                                          |
 * | `arm`                      | maps a segment of nobody's: where writes may begin to count    |
 * | `producer:EVERY`           | takes a lane, to publish every so many                         |
 * | `as:ID` `from:SEQUENCE`    | whose messages come next, and which                            |
 * | `push:N` `write` `claim`   | pushes the next messages: `pushed`, `full`, `closed`           |
 * | `full`                     | a push that finds no room                                      |
 * | `many:N`                   | claims N slots at once, and fills them                         |
 * | `abort`                    | fills a slot with the message after the next, and aborts       |
 * | `half` `whole`             | fills half of a slot; the other half, and commits              |
 * | `flush`                    | publishes                                                      |
 * | `close` `detach`           | gives up all roles                                             |
 * | `consumer`                 | takes a place                                                  |
 * | `pop:N` `each:N` `drain:N` | takes up to N messages: `got PRODUCER SEQUENCE` each           |
 * | `peek` `release`           | reads the next message and keeps it; releases                  |
 * | `over`                     | says `ended` or `open`                                         |
 * | `ready` `room`             | waits to pop, to push: `ready`, `ended`, `died`                |
 * | `look` `lack`              | a wait of 0 ms for messages, for room: `timeout`, or the same  |
 * | `client` `server`          | takes both roles of a channel                                  |
 * | `answer`                   | pops a request, and pushes the same as the response            |
 * | `leave`                    | closes the ring                                                |
 */
import { type Cursor, processArena, Segment, Window } from '../../../src/memory/index.ts';
import {
  Channel,
  type Consumer,
  type Producer,
  Ring,
  type RingOptions,
  type Topology,
} from '../../../src/ring/index.ts';
import { assertWhole, Step, stepOf } from './message.ts';

/** A ring of these tests. */
export type StepRing = Ring<Step, 'note'>;
/** A channel of these tests. */
export type StepChannel = Channel<Step, Step, 'note', 'note'>;
type Ops = Readonly<Record<string, (...values: string[]) => unknown>>;

/** The structs of the channel. */
export const MESSAGES: { readonly request: typeof Step; readonly response: typeof Step } = {
  request: Step,
  response: Step,
};

function shapeOf(text: string): RingOptions {
  const [topology, ...numbers] = text.split(',');
  const [lossy, producers, consumers, slots, slabBytes] = numbers.map(Number);
  return {
    topology: topology as Topology,
    lossy: lossy === 1,
    producers: producers!,
    consumers: consumers!,
    slots: slots!,
    slabBytes: slabBytes!,
  };
}

function diedOr(error: unknown): string {
  if ((error as { code?: string }).code === 'ERR_RING_PEER_DIED') return 'died';
  throw error;
}

/** See the head of this file. */
export class Actor {
  readonly #tell: (event: string) => void;
  #ring: StepRing | undefined;
  #channel: StepChannel | undefined;
  #producer: Producer<Step, 'note'> | undefined;
  #consumer: Consumer<Step, 'note'> | undefined;
  #id = 0;
  #next = 0;
  #slot: Cursor<Step, 'note'> | undefined;

  /** `tell` is called with each report, at once. `on`: what it has joined already. */
  constructor(tell: (event: string) => void, on?: StepRing | StepChannel) {
    this.#tell = tell;
    if (on instanceof Ring) this.#ring = on;
    else this.#channel = on;
  }

  /** Does a line of ops in one turn, up to the first that waits. */
  async run(line: string): Promise<void> {
    for (const op of line.split(' ')) {
      const [name = '', ...values] = op.split(':');
      const act = this.#ops[name];
      if (act === undefined) throw new Error(`Cannot do ${op}: there is no such op`);
      const waited = act(...values);
      if (waited instanceof Promise) this.#tell(String(await waited));
    }
  }

  readonly #ops: Ops = {
    create: (name, directory, shape) => {
      this.#ring = Ring.create(Step, { name, directory, ...shapeOf(shape) });
    },
    open: (name, directory) => {
      this.#ring = Ring.open(Step, name, { directory });
    },
    fd: (descriptor) => {
      this.#ring = Ring.openDescriptor(Step, Number(descriptor));
    },
    channel: (descriptor) => {
      this.#channel = Channel.openDescriptor(MESSAGES, Number(descriptor));
    },
    arm: () => {
      const { fd } = Segment.create('steps', 4096);
      Window.open(processArena(), fd, { name: 'steps', owner: 'test', writable: true });
    },
    producer: (every) => {
      this.#producer = this.#ring!.producer({ publishEvery: Number(every) });
    },
    consumer: () => {
      this.#consumer = this.#ring!.consumer();
    },
    client: () => {
      const { requests, responses } = this.#channel!.client();
      [this.#producer, this.#consumer] = [requests, responses];
    },
    server: () => {
      const { requests, responses } = this.#channel!.server();
      [this.#producer, this.#consumer] = [responses, requests];
    },
    as: (id) => (this.#id = Number(id)),
    from: (sequence) => (this.#next = Number(sequence)),
    push: (count = '1') => {
      for (let i = 0; i < Number(count); i++) {
        this.#pushed(this.#producer!.tryPush(stepOf(this.#id, this.#next)));
      }
    },
    full: () => this.#tell(this.#producer!.tryPush(stepOf(this.#id, this.#next))),
    write: () => {
      this.#pushed(this.#producer!.tryWrite((slot) => slot.$set(stepOf(this.#id, this.#next))));
    },
    claim: () => {
      this.#fill(this.#producer!.claim()!, this.#next);
      this.#producer!.commit();
      this.#pushed('pushed');
    },
    many: (count) => this.#many(Number(count)),
    abort: () => {
      this.#fill(this.#producer!.claim()!, this.#next + 1);
      this.#producer!.abort();
    },
    half: () => {
      const { producer, sequence } = stepOf(this.#id, this.#next);
      this.#slot = this.#producer!.claim()!;
      this.#slot.producer = producer;
      this.#slot.sequence = sequence;
    },
    whole: () => {
      this.#fill(this.#slot!, this.#next);
      this.#producer!.commit();
      this.#pushed('pushed');
    },
    flush: () => this.#producer!.flush(),
    close: () => {
      this.#producer?.close();
      this.#consumer?.close();
    },
    detach: () => {
      this.#producer?.detach();
      this.#consumer?.detach();
    },
    pop: (count = '1') => this.#pop(Number(count)),
    each: (count) => void this.#consumer!.forEach(Number(count), (slot) => this.#took(slot)),
    drain: (count) => {
      for (const slot of this.#consumer!.drain(Number(count))) this.#took(slot);
    },
    peek: () => this.#took(this.#consumer!.peek()!),
    release: () => this.#consumer!.release(),
    over: () => this.#tell(this.#consumer!.ended ? 'ended' : 'open'),
    ready: () => this.#consumer!.ready().catch(diedOr),
    room: async () => this.#producer!.ready().then(() => 'ready', diedOr),
    look: () => this.#tell(this.#consumer!.waitBlocking(0)),
    lack: () => this.#tell(this.#producer!.waitBlocking(0)),
    answer: () => {
      this.#consumer!.forEach(1, (slot) => {
        this.#took(slot);
        this.#tell(this.#producer!.tryPush(slot.$get()));
      });
    },
    leave: () => {
      this.#ring?.close();
      this.#channel?.close();
    },
  };

  #pushed(result: string): void {
    if (result === 'pushed') this.#next += 1;
    this.#tell(result);
  }

  #fill(slot: Cursor<Step, 'note'>, sequence: number): void {
    const { producer, value, check, note } = stepOf(this.#id, sequence);
    slot.producer = producer;
    slot.sequence = sequence;
    slot.note = note;
    slot.value = value;
    slot.check = check;
  }

  #many(count: number): void {
    const producer = this.#producer!;
    if (!producer.claimMany(count)) return this.#tell('full');
    for (let index = 0; index < count; index++) {
      this.#fill(producer.slot(index), this.#next + index);
    }
    producer.commit(count);
    for (let index = 0; index < count; index++) this.#pushed('pushed');
  }

  /** Told before it is released: what was not told may come again. */
  #took(slot: Cursor<Step, 'note'>): void {
    this.#saw(slot.$get());
  }

  #saw(message: Step): void {
    assertWhole(message);
    this.#tell(`got ${message.producer} ${message.sequence}`);
  }

  #pop(count: number): void {
    for (let i = 0; i < count; i++) {
      const message = this.#consumer!.tryPop();
      if (message === undefined || message === null) return;
      this.#saw(message);
    }
  }
}
