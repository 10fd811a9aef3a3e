/** What silent connections cost, how many there can be, and what a million messages leave. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import type { Contender } from '../../harness/contenders.ts';
import { residentBytes } from '../../harness/process.ts';
import { bytes, fixed } from '../../harness/report.ts';
import { median } from '../../harness/statistics.ts';
import { measureGarbage } from '../garbage.ts';
import { type IdleMemory, measureIdle } from '../idle.ts';
import type { Timing } from '../../harness/load.ts';
import { fieldOf, type Part, present } from './peers.ts';

const KIB = 1024;

/** Bytes of ours and of each peer; undefined for ours when it could not be measured. */
async function idleBar(
  bench: Bench,
  peers: readonly Contender[],
  deflate: boolean,
): Promise<{ bar: Bar; data: readonly IdleMemory[] }> {
  const { gateway } = fieldOf(bench);
  const { quick, rounds = quick ? 1 : 3 } = bench.options;
  const data: IdleMemory[] = [];
  const texts: string[] = [];
  for (const contender of [gateway, ...peers]) {
    try {
      const measured = await measureIdle(bench, [contender], contender === gateway ? rounds : 1, {
        deflate,
      });
      data.push(...measured);
    } catch (error) {
      bench.failed(`idle connections on ${contender.name}`, error);
      texts.push(`${contender.name} failed`);
    }
  }
  for (const { contender, connections, bytesPerConnection } of data) {
    const each = fixed(median(bytesPerConnection), 0);
    texts.push(contender === gateway.name ? `${connections} connections` : `${contender} ${each}`);
  }
  const ours = data.find(({ contender }) => contender === gateway.name);
  const bar: Bar = {
    name: `idle connection${deflate ? ', deflate negotiated' : ''}, memory`,
    target: KIB,
    direction: 'at most',
    unit: 'B',
    measured: ours && median(ours.bytesPerConnection),
    detail: texts.join('; '),
  };
  return { bar, data };
}

/** Growth of the resident set over 10,000 connections, deflate not negotiated and negotiated. */
export const memoryPart: Part = {
  name: 'memory',
  subject: 'memory of an idle connection, at 10,000',
  async run(bench) {
    const { bun, ws, uws, socketio } = fieldOf(bench);
    const peers = await present(bench, [bun, uws, ws, socketio]);
    const plain = await idleBar(bench, peers, false);
    const events = peers.filter((peer) => peer !== socketio);
    const deflate = await idleBar(bench, events, true);
    return { bars: [plain.bar, deflate.bar], data: [plain.data, deflate.data] };
  },
};

const IDLE_CONNECTIONS = 50_000;
/** What else the server is asked for meanwhile. */
const OTHERS = 64;
/** Seconds without a word after which a server gives a connection up; it pings before. */
const IDLE_SECONDS = 10;
/** Long enough that a connection which was never pinged, or did not answer, would be gone. */
const HELD_SECONDS = 14;

/** 50,000 connections in one process for longer than its idle timeout, then others are served. */
export const connectionsPart: Part = {
  name: 'connections',
  subject: '50,000 idle connections in one process, with pings',
  async run(bench) {
    const { gateway } = fieldOf(bench);
    const wanted = bench.options.connections?.at(-1) ?? IDLE_CONNECTIONS;
    bench.options.say(`${wanted} idle connections on one process`);
    const role = ['--connections', String(wanted + OTHERS), '--idle', String(IDLE_SECONDS)];
    const server = await bench.start(gateway, { role });
    try {
      const before = residentBytes(server.pid);
      const { value, result } = await bench.generator.hold(server, wanted, async () => {
        const resident = residentBytes(server.pid);
        await delay(HELD_SECONDS * 1000);
        const point = { connections: OTHERS, size: 20, rate: 5000 };
        const echo = await bench.generator.run(server, point, { warmup: 0.3, duration: 1 });
        return { resident, echo };
      });
      const { pings, connections } = result;
      const kept = connections.established - connections.closed;
      const each = fixed((value.resident - before) / wanted, 0);
      const p99 = fixed(value.echo.latency_us.p99, 0);
      const bars: Bar[] = [
        {
          name: 'idle connections in one process',
          target: wanted,
          direction: 'at least',
          unit: 'connections',
          measured: kept,
          detail: `${each} B each; ${value.echo.server.descriptors} descriptors; p99 of others ${p99} µs`,
        },
        {
          name: 'idle connections, pings answered by each',
          target: 1,
          direction: 'at least',
          unit: '×',
          measured: pings / wanted,
          detail: `${pings} in ${HELD_SECONDS} s at an idle timeout of ${IDLE_SECONDS} s`,
        },
      ];
      return { bars, data: { result, ...value, before } };
    } finally {
      await server.stop();
    }
  },
};

/** The code that many messages need is compiled, and on the heap, before they are counted. */
const HEAP_WARM: Timing = { warmup: 0.5, duration: 15, messages: 500_000 };
/** What may be left on the heap by a million messages: its own measurement, and no more. */
const HEAP_GROWTH = 64 * KIB;

/** A million messages of 125 B through one connection. */
export const heapPart: Part = {
  name: 'heap',
  subject: 'a million messages through one connection',
  async run(bench) {
    const { gateway, ws } = fieldOf(bench);
    const point = { connections: 1, size: 125, inflight: 16 };
    const ours = await measureGarbage(bench, gateway, point, HEAP_WARM);
    const peers = bench.options.quick ? [] : await present(bench, [ws]);
    const theirs = [];
    for (const peer of peers) theirs.push(await measureGarbage(bench, peer, point, HEAP_WARM));
    const figures = theirs.map(
      ({ contender, retained, allocated }) =>
        `; ${contender} keeps ${bytes(retained)}, allocates ${bytes(allocated)}`,
    );
    const bar: Bar = {
      name: 'a million messages of 125 B, growth of the heap',
      target: HEAP_GROWTH,
      direction: 'at most',
      unit: 'B',
      measured: ours.retained,
      detail: `${ours.messages} messages, ${bytes(ours.allocated)} allocated${figures.join('')}`,
    };
    return { bars: [bar], data: [ours, ...theirs] };
  },
};
