/**
 * What the JavaScript heap is given per message. The server records its own collections; allocated
 * is the sum of the growth between them, so it is exact whether or not any took place.
 */
import type { Bench } from '../harness/bench.ts';
import { type Contender, tcp, websocket } from '../harness/contenders.ts';
import { BenchError, type Point, type Timing } from '../harness/load.ts';
import { fixed, table } from '../harness/report.ts';
import type { GarbageAnswer, HeapAnswer } from '../servers/announce.ts';
import type { Suite } from './suite.ts';

const MESSAGES = 1_000_000;
/** Above this, a server that is slow is measured over fewer messages. Seconds. */
const LONGEST = 30;

/** The heap over a span of messages; bytes. */
export interface Garbage {
  readonly contender: string;
  readonly protocol: Contender['protocol'];
  readonly messages: number;
  readonly allocated: number;
  /** Growth of the heap when all garbage is collected at both ends. */
  readonly retained: number;
  readonly collections: number;
}

/** Exported for its test. */
export function allocatedBytes(begin: number, answer: GarbageAnswer): number {
  let used = begin;
  let allocated = 0;
  for (const { before, after } of answer.collections) {
    allocated += before - used;
    used = after;
  }
  return allocated + answer.used - used;
}

/** One in flight: each message is an event of its own, and nothing is shared by a batch. */
function pointOf({ options }: Bench): Point {
  return { connections: options.connections?.[0] ?? 1000, size: options.sizes?.[0] ?? 32 };
}

/** Runs at least a million messages (or thirty seconds) past a server that is warm. */
export async function measureGarbage(
  bench: Bench,
  contender: Contender,
  point: Point = pointOf(bench),
  warm: Timing = { warmup: 0.5, duration: 1.5 },
): Promise<Garbage> {
  bench.options.say(`garbage of ${contender.name}`);
  const server = await bench.start(contender, { flags: ['--expose-gc'] });
  try {
    // Two warm-ups: code that is still being compiled would be counted as garbage of messages.
    await bench.generator.run(server, point, warm);
    let begin: { messages: number; used: number } | undefined;
    let end: { messages: number; answer: GarbageAnswer } | undefined;
    const timing = { warmup: 1.5, duration: LONGEST, messages: MESSAGES, linger: 0.5 };
    await bench.generator.run(server, point, timing, async (edge, messages) => {
      if (edge === 'begin') begin = { messages, ...(await server.ask<HeapAnswer>('begin')) };
      else end = { messages, answer: await server.ask<GarbageAnswer>('end') };
    });
    if (!begin || !end) throw new BenchError('the window was not reached');
    return {
      contender: contender.name,
      protocol: contender.protocol,
      messages: end.messages - begin.messages,
      allocated: allocatedBytes(begin.used, end.answer),
      retained: end.answer.retained - begin.used,
      // Incremental marking is recorded beside the collection that it belongs to.
      collections: end.answer.collections.filter(({ type }) => !type.startsWith('Incremental'))
        .length,
    };
  } finally {
    await server.stop();
  }
}

/** Allocation and retention per message. */
export const garbageSuite: Suite = {
  name: 'garbage',
  question: 'How much garbage does a message leave on the JavaScript heap?',
  async run(bench) {
    const { uring, epoll, ws } = websocket;
    const wanted = [tcp.uring, tcp.epoll, tcp.net, uring, epoll, ws];
    const data: Garbage[] = [];
    for (const contender of await bench.available(wanted)) {
      data.push(await measureGarbage(bench, contender));
    }
    const rows = data.map((garbage) => [
      garbage.protocol,
      garbage.contender,
      String(garbage.messages),
      fixed(garbage.allocated / 1024, 0),
      fixed(garbage.allocated / garbage.messages, 2),
      String(garbage.collections),
      fixed(garbage.retained / 1024, 0),
    ]);
    const head = ['protocol', 'server', 'messages', 'allocated KiB', 'bytes/message'];
    return { markdown: table([...head, 'collections', 'retained KiB'], rows), data };
  },
};
