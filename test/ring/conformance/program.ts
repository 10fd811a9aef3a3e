/**
 * The conformance program of spec/conformance.md. `--wait sleep` blocks in a futex as producer and
 * consumer, and waits in the event loop as client and server.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cursor } from '../../../src/memory/index.ts';
import { Channel, type Consumer, type Producer, Ring } from '../../../src/ring/index.ts';
import { type Arguments, parseArguments } from './arguments.ts';
import { checkMessage, Message, messageOf, type MessageSlabs } from './message.ts';
import { usedLanes, waitingConsumers } from './words.ts';

type MessageRing = Ring<Message, MessageSlabs>;
type MessageProducer = Producer<Message, MessageSlabs>;
type MessageConsumer = Consumer<Message, MessageSlabs>;
type MessageChannel = Channel<Message, Message, MessageSlabs, MessageSlabs>;

/** How long others are waited for before they have come, in ms. */
const PATIENCE = 10_000;
const POLL = 1;

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Cannot go on: ${what} within 10 s`);
    await delay(POLL);
  }
}

async function attach<T>(open: () => T): Promise<T> {
  let opened: T | undefined;
  await until(() => {
    try {
      opened = open();
      return true;
    } catch (error) {
      if (errorCode(error) === 'ERR_RING_NOT_FOUND') return false;
      throw error;
    }
  }, 'there is no ring of that name');
  return opened!;
}

function errorCode(error: unknown): string | undefined {
  return (error as { readonly code?: string }).code;
}

const MESSAGES = { request: Message, response: Message } as const;

async function channelOf(options: Arguments): Promise<MessageChannel> {
  const { name, directory, descriptor, create } = options;
  const place = directory === undefined ? {} : { directory };
  if (create.length > 0) {
    const [requests = {}, responses = {}] = create;
    return Channel.create(MESSAGES, { name, ...place, requests, responses });
  }
  if (descriptor >= 0) return Channel.openDescriptor(MESSAGES, descriptor);
  return attach(() => Channel.open(MESSAGES, name, place));
}

/** The ring that `--ring` names, and what lets it go. */
async function ringOf(options: Arguments): Promise<{ ring: MessageRing; close: () => void }> {
  const { name, directory, descriptor, create } = options;
  const place = directory === undefined ? {} : { directory };
  if (create.length < 2 && options.ring === 0) {
    try {
      let ring: MessageRing;
      if (create.length > 0) ring = Ring.create(Message, { name, ...place, ...create[0] });
      else if (descriptor >= 0) ring = Ring.openDescriptor(Message, descriptor);
      else ring = await attach(() => Ring.open(Message, name, place));
      return { ring, close: () => ring.close() };
    } catch (error) {
      // It may be a channel, whose first ring is meant.
      if (create.length > 0 || errorCode(error) !== 'ERR_RING_SEGMENT') throw error;
    }
  }
  const channel = await channelOf(options);
  return {
    ring: options.ring === 0 ? channel.requests : channel.responses,
    close: () => channel.close(),
  };
}

/** Waits as the command line says: spinning never sleeps, sleeping never spins. */
class Sides {
  readonly #spins: boolean;
  readonly #inLoop: boolean;
  full = 0;

  constructor({ wait, role }: Arguments) {
    this.#spins = wait === 'spin';
    this.#inLoop = role === 'client' || role === 'server';
  }

  async push(producer: MessageProducer, message: Message): Promise<void> {
    for (;;) {
      const result = producer.tryPush(message);
      if (result === 'pushed') return;
      if (result !== 'full') throw new Error(`Cannot push: the ring says ${result}`);
      this.full += 1;
      if (this.#spins) continue;
      if (this.#inLoop) await producer.ready();
      else producer.waitBlocking();
    }
  }

  /** False at the end. */
  async hasMore(consumer: MessageConsumer): Promise<boolean> {
    if (this.#spins) return !consumer.ended;
    const sight = this.#inLoop ? await consumer.ready() : consumer.waitBlocking();
    return sight !== 'ended';
  }

  /** The next message, checked; undefined at the end. */
  async pop(ring: MessageRing, consumer: MessageConsumer): Promise<Message | undefined> {
    do {
      let message: Message | undefined;
      consumer.forEach(1, (cursor) => (message = checked(ring, cursor)));
      if (message !== undefined) return message;
    } while (await this.hasMore(consumer));
    return undefined;
  }
}

function checked(ring: MessageRing, cursor: Cursor<Message, MessageSlabs>): Message {
  const message = cursor.$get();
  const { memory } = ring.share();
  checkMessage(new Uint8Array(memory.buffer, cursor.$offset, Message.size), message);
  return message;
}

async function produce(ring: MessageRing, options: Arguments): Promise<string> {
  const sides = new Sides(options);
  const producer = ring.producer({ publishEvery: options.batch, spinMicroseconds: 0 });
  await until(
    () => waitingConsumers(ring, options.ring) >= options.peers,
    `no ${options.peers} consumers`,
  );
  for (let sequence = 0; sequence < options.count; sequence++) {
    await sides.push(producer, messageOf(options.id, sequence));
  }
  producer.close();
  return `sent ${options.count} full ${sides.full}`;
}

async function consume(ring: MessageRing, options: Arguments): Promise<string> {
  const sides = new Sides(options);
  const consumer = ring.consumer({ spinMicroseconds: 0 });
  const { lossy, topology } = ring.shape;
  const byOne = !lossy && topology !== 'mpmc';
  const next = new Map<number, number>();
  let received = 0;
  const take = (cursor: Cursor<Message, MessageSlabs>): void => {
    const { producer, sequence } = checked(ring, cursor);
    const due = next.get(producer) ?? 0;
    if (byOne ? sequence !== due : sequence < due) {
      throw new Error(`message ${sequence} of producer ${producer} came when ${due} was due`);
    }
    next.set(producer, sequence + 1);
    received += 1;
  };
  for (;;) {
    if (consumer.forEach(options.batch, take) > 0) continue;
    if (await sides.hasMore(consumer)) continue;
    if (usedLanes(ring) >= options.peers) break;
    // The first producer may have closed before the last one came.
    await delay(POLL);
  }
  // Where consumers share cursors, what they lost is counted for all of them together.
  const { consumers } = ring.stats;
  const { lost } = consumers[topology === 'broadcast' ? consumer.place : 0]!;
  consumer.close();
  return `received ${received} lost ${lost}`;
}

async function ask(channel: MessageChannel, options: Arguments): Promise<string> {
  const sides = new Sides(options);
  const { requests, responses } = channel.client({
    producer: { spinMicroseconds: 0 },
    consumer: { spinMicroseconds: 0 },
  });
  for (let sequence = 0; sequence < options.count; sequence++) {
    await sides.push(requests, messageOf(options.id, sequence));
    const answer = await sides.pop(channel.responses, responses);
    if (answer?.sequence !== sequence || answer.producer !== options.id) {
      throw new Error(`request ${sequence} was answered with ${answer?.sequence ?? 'the end'}`);
    }
  }
  requests.close();
  return `answered ${options.count}`;
}

async function serve(channel: MessageChannel, options: Arguments): Promise<string> {
  const sides = new Sides(options);
  const { requests, responses } = channel.server({
    producer: { spinMicroseconds: 0 },
    consumer: { spinMicroseconds: 0 },
  });
  let served = 0;
  for (;;) {
    const message = await sides.pop(channel.requests, requests);
    if (message === undefined) break;
    await sides.push(responses, message);
    served += 1;
  }
  responses.close();
  return `served ${served}`;
}

async function main(): Promise<string> {
  const options = parseArguments(process.argv.slice(2));
  if (options.role === 'producer' || options.role === 'consumer') {
    const { ring, close } = await ringOf(options);
    const said = await (options.role === 'producer' ? produce : consume)(ring, options);
    close();
    return said;
  }
  const channel = await channelOf(options);
  const said = await (options.role === 'client' ? ask : serve)(channel, options);
  channel.close();
  return said;
}

try {
  console.log(await main());
} catch (error) {
  console.error((error as Error).message.replaceAll('\n', ' '));
  process.exitCode = 1;
}
