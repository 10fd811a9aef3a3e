/** `rondo cache`: a trace, a program, a litmus test or Rondo's own ring on simulated caches. */
import { readFileSync, writeFileSync } from 'node:fs';
import { RondoError } from '../base/index.ts';
import {
  type CacheOptions,
  type CacheReport,
  type ComparedCaches,
  cacheComparisonText,
  type InterleavingsReport,
  interleavingsText,
  parseLitmus,
  parseCacheTrace,
  cachePicture,
  protocolText,
  PROTOCOLS,
  cacheReportText,
  simulateCache,
  simulateLitmus,
  simulateProgram,
  simulateRing,
} from '../checker/index.ts';
import { CACHE_HELP, type CacheCommand, parseCache } from './cache-flags.ts';
import { shownPath } from './faults.ts';
import { UsageError } from './flags.ts';
import { toJson } from './ring-text.ts';
import { endWithReader } from './reader.ts';

/** Words with which litmus tests begin. */
const LITMUS = /^\s*(X86|X86_64|AArch64|RISCV|C)\s+\S/i;

/** What was simulated once: for one protocol, and with --ring one layout. */
interface Simulated {
  readonly title: string;
  readonly report: CacheReport | InterleavingsReport;
  /** Of a ring. */
  readonly cyclesPerMessage?: number;
}

/** Runs the command. */
export function cache(args: readonly string[]): void {
  endWithReader();
  const command = parseCache(args);
  if (command.help) {
    process.stdout.write(CACHE_HELP);
    return;
  }
  if (command.table) {
    const tables = command.protocols.map((name) => protocolText(PROTOCOLS[name]));
    process.stdout.write(`${tables.join('\n\n')}\n`);
    return;
  }
  const simulated = ringsOf(command) ?? fileOf(command);
  if (command.picture !== undefined) draw(command.picture, simulated, command);
  if (command.json) console.log(toJson(simulated.length === 1 ? simulated[0] : simulated));
  else process.stdout.write(textOf(simulated, command));
}

/** The ring of --ring, in each layout that was asked for. */
function ringsOf({ rings, protocols, machine }: CacheCommand): Simulated[] | undefined {
  return rings?.flatMap((pattern) =>
    protocols.map((protocol) => {
      const report = simulateRing(pattern, { ...machine, protocol });
      const { apart = 0, messages = 1 } = pattern;
      const title = `${protocol}, ${apart === 0 ? 'on one line' : `${apart} bytes apart`}`;
      return { title, report, cyclesPerMessage: report.elapsed / messages };
    }),
  );
}

/** The file, under each protocol that was asked for. */
function fileOf(command: CacheCommand): Simulated[] {
  const { file, protocols, machine } = command;
  if (file === undefined) {
    throw new UsageError('which trace? rondo cache FILE; rondo cache --help shows what is in it');
  }
  const simulate = simulationOf(file, command);
  return protocols.map((protocol) => ({
    title: protocol,
    report: simulate({ ...machine, protocol }),
  }));
}

function simulationOf(
  file: string,
  { interleave }: CacheCommand,
): (options: CacheOptions) => CacheReport | InterleavingsReport {
  const text = readText(file);
  if (file.endsWith('.litmus') || LITMUS.test(text)) {
    const test = parseLitmus(text);
    return (options) => simulateLitmus(test, options, interleave);
  }
  const source = parseCacheTrace(text);
  return source.isProgram
    ? (options) => simulateProgram(source, options, interleave)
    : (options) => simulateCache(source, options);
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    const why = (cause as Error).message;
    throw new RondoError('ERR_CACHE_TRACE', `Cannot read ${shownPath(file)}: ${why}`, { cause });
  }
}

function textOf(simulated: readonly Simulated[], command: CacheCommand): string {
  const { steps, lines, rings } = command;
  if (simulated.length > 1) return cacheComparisonText(simulated.map(rowOf));
  const { report, cyclesPerMessage } = simulated[0]!;
  if (!('totals' in report)) return interleavingsText(report, { steps: steps ?? 40 });
  // Of a ring's thousands of steps none says much.
  const text = cacheReportText(report, { steps: steps ?? (rings === undefined ? 40 : 0), lines });
  if (cyclesPerMessage === undefined) return text;
  return `${text}\n${cyclesPerMessage.toFixed(1)} cycles a message\n`;
}

function rowOf({ title, report, cyclesPerMessage }: Simulated): ComparedCaches {
  if (!('totals' in report)) return { title: `${title}, at worst`, report: report.worst };
  if (cyclesPerMessage === undefined) return { title, report };
  return { title, report, extra: { 'cycles a message': cyclesPerMessage } };
}

function draw(file: string, simulated: readonly Simulated[], { lines }: CacheCommand): void {
  if (simulated.length > 1) {
    throw new UsageError('--picture draws one simulation: give one --protocol, and one --apart');
  }
  const { report } = simulated[0]!;
  const drawn = 'totals' in report ? report : report.worst;
  try {
    writeFileSync(file, cachePicture(drawn, { lines }));
  } catch (cause) {
    const why = (cause as Error).message;
    throw new RondoError('ERR_CACHE_TRACE', `Cannot write ${shownPath(file)}: ${why}`, { cause });
  }
}
