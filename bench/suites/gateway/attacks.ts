/**
 * Attacks: how long others wait for their answers meanwhile, and by how much the server's memory
 * grows. The attacker shares the generator's core, at the lowest priority, and keeps it from
 * measuring at once: milliseconds at the 99th percentile. So the usual wait, with which it is
 * compared, is that of the same others while the same attack goes to a decoy, a second server on
 * that core.
 */
import { constants, setPriority } from 'node:os';
import type { Bar } from '../../harness/bar.ts';
import type { Bench } from '../../harness/bench.ts';
import type { Contender } from '../../harness/contenders.ts';
import { BROWSER_OFFER, Server, type Hold, type HoldResult } from '../../harness/load.ts';
import { bombFile } from '../../harness/payloads.ts';
import { residentBytes } from '../../harness/process.ts';
import { bytes, fixed } from '../../harness/report.ts';
import { median } from '../../harness/statistics.ts';
import { fieldOf, type Part, present } from './peers.ts';

/** Others may wait so many times as long as usual. */
const TARGET = 2;
/** The load of those others. */
const OTHERS = { connections: 200, size: 20, rate: 20_000 } as const;
/** Bytes that a bomb of a thousandth becomes. */
const BOMB = 64 * 1024 * 1024;

interface Attack {
  readonly name: string;
  readonly connections: number;
  readonly what: string;
  readonly deflate?: true;
}

const ATTACKS: readonly Attack[] = [
  { name: 'silent', connections: 10_000, what: 'half-open handshakes: not a byte' },
  { name: 'slow-head', connections: 1000, what: 'a byte of a request each second' },
  { name: 'big-head', connections: 64, what: 'a header without end' },
  { name: 'tiny-frames', connections: 16, what: 'messages of 1 B' },
  { name: 'tiny-fragments', connections: 16, what: 'fragments of 1 B' },
  { name: 'tiny-segments', connections: 64, what: 'TCP segments of 1 B' },
  { name: 'pings', connections: 16, what: 'pings of 125 B' },
  { name: 'garbage', connections: 64, what: 'random bytes' },
  { name: 'utf8', connections: 64, what: 'text that is not UTF-8' },
  { name: 'bomb', connections: 16, what: '64 KiB that become 64 MiB', deflate: true },
  { name: 'deaf', connections: 64, what: 'clients that never read' },
  { name: 'vanish', connections: 200, what: 'resets in the middle of a message' },
];

/** One contender under one attack. */
interface Suffered {
  readonly contender: string;
  readonly attack: string;
  /** Microseconds. */
  readonly p99: number;
  /** Bytes. */
  readonly grown: number;
  /** Whether others were answered at the rate that they asked. */
  readonly held: boolean;
  readonly result: HoldResult;
}

function timing(bench: Bench): { warmup: number; duration: number } {
  return { warmup: 0.3, duration: bench.options.quick ? 0.7 : 1.2 };
}

/** How the attack is held: see `Generator.hold`. */
function harmOf(bench: Bench, { name, deflate }: Attack): Hold {
  if (!deflate) return { attack: name };
  return { attack: name, deflate: BROWSER_OFFER, payloads: bombFile(bench.options.root, BOMB) };
}

/** The 99th percentile of others while a decoy is attacked, in microseconds. */
async function usual(bench: Bench, contender: Contender, attack: Attack): Promise<number> {
  bench.options.say(`${contender.name} beside a decoy under ${attack.name}`);
  const settings = { role: attack.deflate ? ['--deflate'] : [] };
  const server = await bench.start(contender, settings);
  const { pinning } = bench;
  const beside = 'reason' in pinning ? pinning : { ...pinning, server: pinning.generator };
  const decoy = await Server.start(bench.options.root, beside, contender, settings);
  try {
    setPriority(decoy.pid, constants.priority.PRIORITY_LOW);
    const { value } = await bench.generator.hold(
      decoy,
      attack.connections,
      () => bench.generator.run(server, OTHERS, timing(bench)),
      harmOf(bench, attack),
    );
    return value.latency_us.p99;
  } finally {
    await decoy.stop();
    await server.stop();
  }
}

/** A server that dies, or answers nobody, is in the run's failures; undefined then. */
async function suffer(
  bench: Bench,
  contender: Contender,
  attack: Attack,
): Promise<Suffered | undefined> {
  const where = `${contender.name} under ${attack.connections} × ${attack.name}`;
  bench.options.say(where);
  const server = await bench.start(contender, { role: attack.deflate ? ['--deflate'] : [] });
  try {
    const before = residentBytes(server.pid);
    const { value, result } = await bench.generator.hold(
      server,
      attack.connections,
      async () => {
        const others = await bench.generator.run(server, OTHERS, timing(bench));
        return { others, grown: residentBytes(server.pid) - before };
      },
      harmOf(bench, attack),
    );
    const { others, grown } = value;
    return {
      contender: contender.name,
      attack: attack.name,
      p99: others.latency_us.p99,
      grown,
      held: others.rate >= OTHERS.rate * 0.98,
      result,
    };
  } catch (error) {
    bench.failed(where, error);
    return undefined;
  } finally {
    await server.stop();
  }
}

function row(
  attack: Attack,
  ours: readonly (Suffered | undefined)[],
  usualOurs: readonly number[],
  theirs: readonly string[],
): Bar {
  const there = ours.flatMap((one) => (one ? [one] : []));
  const ratios = ours.flatMap((one, round) => (one ? [one.p99 / (usualOurs[round] ?? 1)] : []));
  const p99 = median(there.map((one) => one.p99));
  const ended = median(there.map(({ result }) => result.connections.closed));
  const sent = median(there.map(({ result }) => result.sent));
  const parts = [
    `${attack.what}, ${attack.connections} connections`,
    `${fixed(p99, 0)} µs against ${fixed(median(usualOurs), 0)} µs`,
    `memory +${bytes(median(there.map(({ grown }) => grown)))}`,
    `${bytes(sent)} taken`,
    `${fixed(ended, 0)} ended`,
    ...(there.every(({ held }) => held) ? [] : ['the rate of others was not held']),
    ...theirs,
  ];
  return {
    name: `attack ${attack.name}, p99 of others`,
    target: TARGET,
    direction: 'at most',
    unit: '×',
    measured: ratios.length > 0 ? median(ratios) : undefined,
    detail: parts.join('; '),
  };
}

function theirText(name: string, suffered: Suffered | undefined): string {
  if (!suffered) return `${name} failed`;
  const late = suffered.held ? '' : ', rate not held';
  return `${name} ${fixed(suffered.p99, 0)} µs, +${bytes(suffered.grown)}${late}`;
}

/** Every attack on the gateway; on the peers once, unless the run is quick. */
export const attacksPart: Part = {
  name: 'attacks',
  subject: 'p99 of others while somebody does harm',
  async run(bench) {
    const { gateway, bun, ws, uws } = fieldOf(bench);
    const { quick, rounds = quick ? 1 : 2 } = bench.options;
    const peers = quick ? [] : await present(bench, [bun, uws, ws]);
    const bars: Bar[] = [];
    const data: (Suffered | undefined)[] = [];
    for (const attack of ATTACKS) {
      const ours: (Suffered | undefined)[] = [];
      const usualOurs: number[] = [];
      for (let round = 0; round < rounds; round++) {
        usualOurs.push(await usual(bench, gateway, attack));
        ours.push(await suffer(bench, gateway, attack));
      }
      const texts: string[] = [];
      for (const peer of peers) {
        const suffered = await suffer(bench, peer, attack);
        data.push(suffered);
        texts.push(theirText(peer.name, suffered));
      }
      data.push(...ours);
      bars.push(row(attack, ours, usualOurs, texts));
    }
    return { bars, data };
  },
};
