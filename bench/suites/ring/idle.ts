/** What waiting costs: CPU time of sides that wait, and atomic operations for a message. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type CreateOptions, Ring } from '../../../src/ring/index.ts';
import type { Bar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import { BenchError } from '../../harness/load.ts';
import { Child, type Command } from '../../harness/process.ts';
import { fixed, table } from '../../harness/report.ts';
import { now } from '../../servers/ring/program.ts';
import { fill, sum, Tick } from '../../servers/ring/tick.ts';
import type { Part } from './part.ts';
import { type Options, Programs } from './programs.ts';

/** Per cent of a core below which it is written as 0.0. */
const NOTHING = 0.05;
/** How long a side spins and looks around before it is left alone, in ms. */
const SETTLING = 1000;
const MESSAGES = 64;

/** A side that waits for messages that never come. */
interface Idler {
  readonly name: string;
  readonly command: (programs: Programs, place: Options) => Command;
}

const IDLERS: readonly Idler[] = [
  {
    name: 'TypeScript, blocked',
    command: (programs, place) => programs.script('end', 'consume', place),
  },
  {
    name: 'TypeScript, in the event loop',
    command: (programs, place) => programs.script('end', 'consume', { ...place, wait: 'loop' }),
  },
  { name: 'Rust, blocked', command: (programs, place) => programs.rust('consume', place) },
];

/** CPU time of all threads of a process until now, nanoseconds. */
function cpuTime(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0]))
    .reduce((total, time) => total + time, 0);
}

/** What was measured of a pair, in per cent of a core. */
interface Idle {
  readonly name: string;
  readonly consumer: number;
  readonly producer: number;
}

async function measure(bench: Bench, { name, command }: Idler, seconds: number): Promise<Idle> {
  const programs = Programs.of(bench);
  const { first, second } = programs.cores;
  return programs.inDirectory(async (place) => {
    const producer = new Child(programs.script('end', 'silent', { ...place, create: true }), first);
    let consumer: Child | undefined;
    try {
      if ((await producer.line()) !== 'ready') throw new BenchError(producer.errors);
      consumer = new Child(command(programs, place), second);
      await delay(SETTLING);
      const pids = [producer.pid, consumer.pid];
      const [start, before] = [now(), pids.map(cpuTime)];
      await delay(seconds * 1000);
      const elapsed = now() - start;
      const [silent, waiting] = pids.map(
        (pid, index) => ((cpuTime(pid) - before[index]!) * 100) / elapsed,
      );
      return { name, consumer: waiting!, producer: silent! };
    } finally {
      await consumer?.stop();
      await producer.stop();
    }
  });
}

/** Operations for 64 messages, pushed and popped. */
interface Operations {
  readonly name: string;
  readonly push: number;
  readonly pop: number;
}

const DOOR = ['load', 'store', 'exchange', 'compareExchange', 'add', 'or', 'notify'] as const;

/** Runs `work` and counts the calls of Atomics that it makes. */
function countCalls(work: () => void): number {
  const door = Atomics as unknown as Record<string, (...values: unknown[]) => unknown>;
  const saved = DOOR.map((name) => [name, door[name]!] as const);
  let calls = 0;
  for (const [name, original] of saved) {
    door[name] = (...values) => {
      calls += 1;
      return original(...values);
    };
  }
  try {
    work();
  } finally {
    for (const [name, original] of saved) door[name] = original;
  }
  return calls;
}

function operations(options: CreateOptions, publishEvery: number): Operations {
  const { topology = 'spsc', lossy = false } = options;
  const ring = Ring.create(Tick, { slots: 1024, producers: 1, consumers: 1, ...options });
  const consumer = ring.consumer();
  const producer = ring.producer({ publishEvery });
  // Once and for all: a consumer of a gated broadcast is let in.
  producer.tryWrite((message) => fill(message, 0));
  producer.flush();
  consumer.tryPop();
  const push = countCalls(() => {
    for (let id = 0; id < MESSAGES; id++) {
      fill(producer.claim()!, id);
      producer.commit();
    }
  });
  let total = 0;
  const pop = countCalls(() => {
    consumer.forEach(MESSAGES, (message) => {
      total += sum(message);
    });
  });
  ring.close();
  if (Number.isNaN(total)) throw new BenchError('messages were read wrong');
  const how = publishEvery === 1 ? 'publish each' : `publish every ${publishEvery}`;
  return { name: `${lossy ? 'lossy ' : ''}${topology}, ${how}`, push, pop };
}

function allOperations(): Operations[] {
  const kinds: readonly CreateOptions[] = [
    { topology: 'spsc' },
    { topology: 'mpsc' },
    { topology: 'mpmc' },
    { topology: 'broadcast' },
    { topology: 'spsc', lossy: true },
  ];
  return kinds.flatMap((kind) => [1, MESSAGES].map((every) => operations(kind, every)));
}

/** See the head of this file. */
export const idlePart: Part = {
  name: 'idle',
  subject: 'CPU of sides that wait, and atomic operations for a message',
  async run(bench) {
    const refusal = Programs.of(bench).rustRefusal();
    const idlers = IDLERS.filter(({ name }) => refusal === '' || !name.startsWith('Rust'));
    const idle: Idle[] = [];
    for (const idler of idlers) {
      bench.options.say(`idle: ${idler.name}`);
      idle.push(await measure(bench, idler, bench.options.quick ? 2 : 10));
    }
    const atomics = allOperations();
    const bars = idle.map(({ name, consumer }): Bar => ({
      name: `CPU while waiting, ${name}`,
      target: NOTHING,
      direction: 'at most',
      unit: '%',
      measured: consumer,
      detail: 'of a core, all threads of the process',
    }));
    const waiting = idle.map(({ name, consumer, producer }) => [
      name,
      `${fixed(consumer, 1)} %`,
      `${fixed(producer, 1)} %`,
    ]);
    const calls = atomics.map(({ name, push, pop }) => [
      name,
      fixed(push / MESSAGES, 2),
      fixed(pop / MESSAGES, 2),
    ]);
    const figures = [
      table(['waiting consumer', 'its CPU', 'CPU of the silent producer'], waiting),
      table([`atomic operations, ${MESSAGES} messages`, 'per push', 'per pop'], calls),
    ];
    return { bars, figures: figures.join('\n\n'), data: { idle, atomics } };
  },
};
