/**
 * One end of a ring between processes, in TypeScript; `peers/rust/examples/bench.rs` is the same in
 * Rust.
 *
 *     end produce|consume|ping|pong|silent --directory D --name N [--create] [--count N]
 *         [--warmup N] [--publish-every B] [--slots S] [--wait both|spin|sleep|poll|loop]
 *
 * `produce` and `consume` are those of an SPSC ring, `ping` sends on a channel and awaits the answer
 * that `pong` gives. `silent` takes the producer's role and does nothing until its input ends. Waits
 * block, spinning first as a user gets it (`both`), for as long as it takes (`spin`) or not at all
 * (`sleep`); `poll` looks without waiting, `loop` waits in the event loop.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '../../../src/base/index.ts';
import {
  Channel,
  type Consumer,
  type Producer,
  Ring,
  type WaitOptions,
} from '../../../src/ring/index.ts';
import { now, percentiles, report, Usage } from './program.ts';
import { fill, sum, Tick, type TickFields } from './tick.ts';

type Writer = Producer<TickFields, never>;
type Reader = Consumer<TickFields, never>;

const BATCH = 1024;
/** Messages of one call of the hot loop: at the next call compiled code takes over. */
const STRETCH = 65_536;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    directory: { type: 'string' },
    name: { type: 'string', default: 'bench' },
    create: { type: 'boolean', default: false },
    count: { type: 'string', default: '10000000' },
    warmup: { type: 'string', default: '0' },
    'publish-every': { type: 'string', default: '1' },
    slots: { type: 'string', default: '4096' },
    wait: { type: 'string', default: 'both' },
  },
});
const place = values.directory === undefined ? {} : { directory: values.directory };
const shape = { slots: Number(values.slots) };
const count = Number(values.count);
const warmup = Number(values.warmup);
const spins: Readonly<Record<string, number>> = { spin: 1_000_000, sleep: 0 };
const spinMicroseconds = spins[values.wait];
const waiting: WaitOptions = spinMicroseconds === undefined ? {} : { spinMicroseconds };
const isPolling = values.wait === 'poll';
const isLooping = values.wait === 'loop';

/** Makes or finds what `make` and `find` give; the other process may come later. */
async function meet<R>(make: () => R, find: () => R): Promise<R> {
  if (values.create) return make();
  const end = systemClock.now() + 10_000;
  for (;;) {
    try {
      return find();
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== 'ERR_RING_NOT_FOUND' || systemClock.now() > end) throw error;
      await delay(1);
    }
  }
}

function ring(): Promise<Ring<TickFields, never>> {
  return meet(
    () => Ring.create(Tick, { ...place, ...shape, name: values.name }),
    () => Ring.open(Tick, values.name, place),
  );
}

function channel(): Promise<Channel<TickFields, TickFields, never, never>> {
  const messages = { request: Tick, response: Tick };
  return meet(
    () =>
      Channel.create(messages, { ...place, name: values.name, requests: shape, responses: shape }),
    () => Channel.open(messages, values.name, place),
  );
}

/** Pushes the messages from `from` to `to`. */
function push(producer: Writer, from: number, to: number): void {
  for (let id = from; id < to; id++) {
    let message = producer.claim();
    while (message === undefined) {
      if (!isPolling) producer.waitBlocking();
      message = producer.claim();
    }
    fill(message, id);
    producer.commit();
  }
}

/** Id of the first message of a run. */
let first = 0;
const fillNext = (message: TickFields, index: number): void => fill(message, first + index);

/** As `push`, in runs, as one does who publishes in batches. */
function pushRuns(producer: Writer, from: number, to: number): void {
  for (first = from; first < to;) {
    const written = producer.writeMany(to - first, fillNext);
    first += written;
    if (written === 0 && !isPolling) producer.waitBlocking();
  }
}

function pushAll(producer: Writer, from: number, to: number): void {
  const pushSome = Number(values['publish-every']) > 1 ? pushRuns : push;
  for (let id = from; id < to; id += STRETCH) pushSome(producer, id, Math.min(to, id + STRETCH));
}

async function produce(): Promise<void> {
  const whole = await ring();
  const producer = whole.producer({ publishEvery: Number(values['publish-every']), ...waiting });
  while (whole.peers.consumers.length === 0) await delay(1);
  pushAll(producer, 0, warmup);
  const [start, usage] = [now(), new Usage()];
  pushAll(producer, warmup, warmup + count);
  producer.flush();
  report({ count, nanoseconds: now() - start, ...usage.since });
  producer.close();
  whole.close();
}

/** What was read. Properties: a captured variable is made anew whenever it gets a fraction. */
interface Reading {
  count: number;
  total: number;
}

/** Takes `wanted` messages or a few more, reading every field; false at the end. */
function pull(
  consumer: Reader,
  wanted: number,
  reading: Reading,
  handle: (message: TickFields) => void,
): boolean {
  for (const end = reading.count + wanted; reading.count < end;) {
    const found = consumer.forEach(BATCH, handle);
    reading.count += found;
    if (found === 0 && !isPolling && consumer.waitBlocking() === 'ended') return false;
    if (found === 0 && isPolling && consumer.ended) return false;
  }
  return true;
}

async function consume(): Promise<void> {
  const whole = await ring();
  const consumer = whole.consumer(waiting);
  const reading: Reading = { count: 0, total: 0 };
  const handle = (message: TickFields): void => {
    reading.total += sum(message);
  };
  if (isLooping) await consumer.ready();
  while (reading.count < warmup && pull(consumer, STRETCH, reading, handle));
  const [start, usage, from] = [now(), new Usage(), reading.count];
  let last = start;
  while (pull(consumer, STRETCH, reading, handle)) last = now();
  const nanoseconds = last - start;
  if (Number.isNaN(reading.total))
    throw new Error('Cannot use the figures: what was read is wrong');
  report({ count: reading.count - from, nanoseconds, ...usage.since });
  consumer.close();
  whole.close();
}

/** The next message's id, when it is there. */
function next(consumer: Reader): number {
  for (;;) {
    const message = consumer.peek();
    if (message !== undefined) {
      const { id } = message;
      consumer.release();
      return id;
    }
    if (!isPolling && consumer.waitBlocking() === 'ended') return -1;
    if (isPolling && consumer.ended) return -1;
  }
}

function send(producer: Writer, id: number): void {
  const message = producer.claim();
  if (message === undefined) throw new Error('Cannot send: the ring is full with one in flight');
  fill(message, id);
  producer.commit();
}

async function ping(): Promise<void> {
  const whole = await channel();
  const { requests, responses } = whole.client({ producer: waiting, consumer: waiting });
  while (whole.requests.peers.consumers.length === 0) await delay(1);
  const times = new Float64Array(count);
  let [start, usage] = [now(), new Usage()];
  for (let id = -warmup; id < count; id++) {
    if (id === 0) [start, usage] = [now(), new Usage()];
    const sent = systemClock.now();
    send(requests, id + warmup);
    if (isLooping) await responses.ready();
    const answer = next(responses);
    if (id >= 0) times[id] = systemClock.now() - sent;
    if (answer !== id + warmup) throw new Error('Cannot use the figures: answers are out of order');
  }
  report({ count, nanoseconds: now() - start, ...usage.since, ...percentiles(times) });
  requests.close();
  whole.close();
}

async function pong(): Promise<void> {
  const whole = await channel();
  const { requests, responses } = whole.server({ producer: waiting, consumer: waiting });
  if (isLooping) {
    await requests.run((message) => send(responses, message.id));
  } else {
    for (let id = next(requests); id >= 0; id = next(requests)) send(responses, id);
  }
  responses.close();
  whole.close();
}

async function silent(): Promise<void> {
  const whole = await ring();
  whole.producer(waiting);
  console.log('ready');
  process.stdin.on('data', () => undefined).on('end', () => process.exit(0));
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  produce,
  consume,
  ping,
  pong,
  silent,
};
const mode = modes[positionals[0] ?? ''];
if (!mode) throw new RangeError(`Cannot run ${positionals[0]}: it must be one of the modes`);
await mode();
