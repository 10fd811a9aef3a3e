/**
 * What handing over a message of five fields is made of, each piece on its own and on one thread:
 * marshalling there and back, and calls from JavaScript into native code.
 *
 *     costs [--milliseconds N] [--core C]
 *
 * Prints one line of JSON: nanoseconds by name; what is not there is left out.
 */
import { parseArgs } from 'node:util';
import { add, loadAcquire, storeRelease } from '#atomics';
import { Ring } from '../../../src/ring/index.ts';
import { now, pinThread } from './program.ts';
import { fill, makeTick, sum, Tick, type TickFields } from './tick.ts';
import { addon, library } from './ways/calls.ts';
import { CODECS, codecOf } from './ways/codecs.ts';

const STRETCH = 256;

/** Does something so many times; returns a number that depends on all of them. */
type Work = (times: number) => number;

/** The median time of one of `work`, in nanoseconds. */
function measure(work: Work, milliseconds: number): number {
  const rounds: number[] = [];
  let result = 0;
  const end = now() + milliseconds * 1e6;
  while (now() < end || rounds.length < 9) {
    const start = now();
    for (let repeat = 0; repeat < 16; repeat++) result += work(STRETCH);
    rounds.push((now() - start) / (16 * STRETCH));
  }
  if (Number.isNaN(result)) throw new Error('Cannot use the figures: a value is missing');
  // The first half warms up.
  const settled = rounds.slice(rounds.length >> 1).sort((a, b) => a - b);
  return settled[settled.length >> 1]!;
}

const repeat = (once: (index: number) => number): Work => {
  return (times) => {
    let result = 0;
    for (let index = 0; index < times; index++) result += once(index);
    return result;
  };
};

function marshalling(name: string): Work {
  const { encode, decode } = codecOf(name);
  return repeat((id) => {
    const bytes = encode([makeTick(id)]);
    return sum(decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))[0]!);
  });
}

/** Fields written and read where they lie; the queue itself is part of it. */
function inPlace(): Work {
  const ring = Ring.create(Tick, { slots: STRETCH });
  const producer = ring.producer({ publishEvery: 64 });
  const consumer = ring.consumer();
  let result = 0;
  const handle = (message: TickFields): void => {
    result += sum(message);
  };
  return (times) => {
    for (let id = 0; id < times; id++) {
      fill(producer.claim()!, id);
      producer.commit();
    }
    producer.flush();
    consumer.forEach(times, handle);
    return result;
  };
}

/** The same with an object at each end. */
function asObjects(): Work {
  const ring = Ring.create(Tick, { slots: STRETCH });
  const producer = ring.producer({ publishEvery: 64 });
  const consumer = ring.consumer();
  return (times) => {
    for (let id = 0; id < times; id++) producer.tryPush(makeTick(id));
    producer.flush();
    let result = 0;
    for (let id = 0; id < times; id++) result += sum(consumer.tryPop()!);
    return result;
  };
}

function atomics(): Record<string, () => Work> {
  const words = new Int32Array(new SharedArrayBuffer(4096));
  return {
    'atomic load': () => repeat(() => loadAcquire(words, 0)),
    'atomic store': () =>
      repeat((index) => {
        storeRelease(words, 0, index);
        return index;
      }),
    'atomic add': () => repeat((index) => add(words, 0, index)),
  };
}

function crossings(): Record<string, () => Work> {
  const tick = makeTick(1);
  const calling = (call: (tick: TickFields) => unknown): Work =>
    repeat((index) => {
      call(tick);
      return index;
    });
  return {
    'node-api nothing': () => calling(addon().nothing),
    'node-api object in': () => calling(addon().take),
    'node-api object out': () => {
      const { give } = addon();
      return repeat(() => sum(give()));
    },
    'koffi nothing': () => calling(library().nothing),
    'koffi object in': () => calling(library().take),
  };
}

const { values } = parseArgs({
  options: { milliseconds: { type: 'string', default: '200' }, core: { type: 'string' } },
});
pinThread(values.core === undefined ? undefined : Number(values.core));
const works: Readonly<Record<string, () => Work>> = {
  ...Object.fromEntries(Object.keys(CODECS).map((name) => [name, () => marshalling(name)])),
  'ring in place': inPlace,
  'ring objects': asObjects,
  ...crossings(),
  ...atomics(),
};
const found: Record<string, number> = {};
for (const [name, make] of Object.entries(works)) {
  let work: Work;
  try {
    work = make();
  } catch (error) {
    console.error(`${name} is left out: ${String(error)}`);
    continue;
  }
  found[name] = measure(work, Number(values.milliseconds));
}
console.log(JSON.stringify(found));
