/** Reports for the terminal. */
import { hex, KIND_LETTERS, nameAt } from '../access.ts';
import { type Counters, MISS_CAUSES, missesOf } from '../counters.ts';
import { eventText, messageText } from '../events.ts';
import type { InterleavingsReport } from '../interleave/index.ts';
import type { ResolvedCacheOptions } from '../options.ts';
import type { CacheReport, LineReport } from '../report.ts';
import type { LineStep, Step } from '../step.ts';
import { columns, count, plain } from './columns.ts';

/** How much of a report is shown. */
export interface TextOptions {
  /** Steps, from the first on. @default 40 */
  readonly steps?: number;
  /** Lines, from the one where cores were most in each other's way. @default 8 */
  readonly lines?: number;
}

/** A report, part by part. */
export function reportText(report: CacheReport, options: TextOptions = {}): string {
  const parts = [machineText(report.options), stepsText(report, options.steps ?? 40)];
  parts.push(countersText(report));
  if (report.options.interconnect === 'directory') parts.push(messagesText(report));
  parts.push(linesText(report, options.lines ?? 8));
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** The machine, in a line or two. */
export function machineText(options: ResolvedCacheOptions): string {
  const { protocol, interconnect, cores, sets, ways, lineBytes, nodes, prefetch } = options;
  const size = sets * ways * lineBytes;
  const bytes = size % 1024 === 0 ? `${size / 1024} KiB` : `${size} bytes`;
  const cache = `${bytes} each (${sets} sets of ${ways}, lines of ${lineBytes} bytes)`;
  const where = nodes === 1 ? '' : `, ${nodes} nodes`;
  const besides = prefetch === 'none' ? '' : ', the adjacent line is fetched too';
  const way = interconnect === 'bus' ? 'on a bus' : 'with a directory';
  return `${protocol} ${way}: ${cores} ${cores === 1 ? 'core' : 'cores'}${where}, ${cache}${besides}`;
}

/** What each step did. */
function stepsText(report: CacheReport, most: number): string {
  const shown = report.steps.slice(0, most);
  if (shown.length === 0) return '';
  const rows = shown.flatMap((step) =>
    step.lines.map((line, at) => stepRow(report, step, line, at)),
  );
  const cores = report.cores.map((_, core) => `P${core}`).join(' ');
  const table = columns(['step', 'access', 'line', cores, 'cycles', 'what happened'], rows);
  const rest = report.accesses - shown.length;
  return rest === 0 ? table : `${table}\n… and ${count(rest)} more`;
}

function stepRow(report: CacheReport, step: Step, line: LineStep, at: number): string[] {
  const { names, options } = report;
  const address = line.line * options.lineBytes;
  const place = nameAt(names, step.address) ?? hex(step.address);
  const access = `P${step.core} ${KIND_LETTERS[step.kind]} ${plain(place)} ${step.size}`;
  const what = line.events.map((event) => {
    const text = eventText(event);
    const isOther = event.kind === 'evict' && event.line !== line.line;
    return isOther ? `${hex(event.line * options.lineBytes)}: ${text}` : text;
  });
  if (line.miss !== undefined) what.push(`(${line.miss.cause})`);
  if (line.messages.length > 0) what.push(`[${line.messages.map(messageText).join(', ')}]`);
  const first = line.isPrefetch ? '+ prefetch' : at === 0 ? access : '+';
  return [
    at === 0 ? String(step.index) : '',
    first,
    hex(address),
    line.states.split('').join('  '),
    String(line.cycles),
    what.join(' '),
  ];
}

const COUNTED: readonly (readonly [title: string, of: (counters: Counters) => number])[] = [
  ['reads', ({ reads }) => reads],
  ['writes', ({ writes }) => writes],
  ['atomic updates', ({ updates }) => updates],
  ['hits', ({ hits }) => hits],
  ['misses', missesOf],
  ...MISS_CAUSES.map((cause) => [`  ${cause}`, ({ misses }: Counters) => misses[cause]] as const),
  ['BusRd / GetS', ({ BusRd }) => BusRd],
  ['BusRdX / GetM', ({ BusRdX }) => BusRdX],
  ['BusUpgr / GetM with a copy', ({ BusUpgr }) => BusUpgr],
  ['silent upgrades', ({ silentUpgrades }) => silentUpgrades],
  ['invalidations sent', ({ invalidationsSent }) => invalidationsSent],
  ['invalidations received', ({ invalidationsReceived }) => invalidationsReceived],
  ['interventions', ({ interventions }) => interventions],
  ['lines from caches, clean', ({ cleanForwards }) => cleanForwards],
  ['lines from caches, dirty', ({ dirtyForwards }) => dirtyForwards],
  ['lines from memory', ({ memoryReads }) => memoryReads],
  ['write-backs', ({ writeBacks }) => writeBacks],
  ['evictions', ({ evictions }) => evictions],
  ['prefetches', ({ prefetches }) => prefetches],
  ['  used', ({ prefetchesUsed }) => prefetchesUsed],
  ['cycles', ({ cycles }) => cycles],
];

function countersText({ totals, cores, threads }: CacheReport): string {
  const head = ['', ...threads.map(plain), 'all'];
  const rows = COUNTED.map(([title, of]) => [
    title,
    ...[...cores, totals].map((c) => count(of(c))),
  ]);
  return columns(
    head,
    rows.filter(([title, ...cells]) => {
      // Misses and their causes always, of the others what there was.
      return isAlways(title!) || cells.some((cell) => cell !== '0');
    }),
  );
}

function isAlways(title: string): boolean {
  return title === 'misses' || MISS_CAUSES.some((cause) => title.trim() === cause);
}

function messagesText({ messages, hops, crossings, distance, options }: CacheReport): string {
  const types = Object.entries(messages).map(([type, number]) => `${type} ${count(number)}`);
  const sum = Object.values(messages).reduce((all, number) => all + number, 0);
  const between = options.nodes === 1 ? '' : `, ${count(crossings)} between nodes`;
  return (
    `messages  ${count(sum)} (${types.join(', ')})\n` +
    `hops      ${count(hops)} one after the other${between}; distance ${count(distance)} in all`
  );
}

/** Line, offsets, source lines, threads. */
function linesText({ lines, options }: CacheReport, most: number): string {
  const shown = lines.slice(0, most);
  const rows = shown.flatMap((line) => lineRows(line, options.lineBytes));
  if (rows.length === 0) return '';
  const head = [
    'line',
    'offset',
    'thread',
    'R',
    'W',
    'miss',
    'true',
    'false',
    'upgr',
    'cycles',
    'by',
  ];
  const rest = lines.length - shown.length;
  const table = columns(head, rows);
  return rest === 0 ? table : `${table}\n… and ${count(rest)} more lines`;
}

function lineRows({ address, counters, offsets }: LineReport, lineBytes: number): string[][] {
  const title = [hex(address), '', 'all', ...numbers(counters), ''];
  const rows = offsets.flatMap(({ offset, size, name, sites }) =>
    sites.flatMap(({ site, threads }) =>
      threads.map(({ thread, counters }) => {
        const bytes = size === lineBytes ? 'whole' : `+${offset}..${offset + size - 1}`;
        const by = [name, site]
          .filter((each) => each !== undefined)
          .map(plain)
          .join('  ');
        return ['', bytes, plain(thread), ...numbers(counters), by];
      }),
    ),
  );
  return [title, ...rows];
}

function numbers(counters: Counters): string[] {
  const { reads, writes, updates, misses, BusUpgr, cycles } = counters;
  const all = [reads, writes + updates, missesOf(counters), misses['true sharing']];
  return [...all, misses['false sharing'], BusUpgr, cycles].map((value) => count(value));
}

/** One of several reports beside each other. */
export interface Compared {
  readonly title: string;
  readonly report: CacheReport;
  /** Numbers of its own, by their titles: the same ones in each row. */
  readonly extra?: Readonly<Record<string, number>>;
}

const COMPARED: readonly (readonly [title: string, of: (report: CacheReport) => number])[] = [
  ['miss', ({ totals }) => missesOf(totals)],
  ['cold', ({ totals }) => totals.misses.cold],
  ['room', ({ totals }) => totals.misses.capacity + totals.misses.conflict],
  ['true', ({ totals }) => totals.misses['true sharing']],
  ['false', ({ totals }) => totals.misses['false sharing']],
  ['BusRd', ({ totals }) => totals.BusRd],
  ['BusRdX', ({ totals }) => totals.BusRdX],
  ['BusUpgr', ({ totals }) => totals.BusUpgr],
  ['inv', ({ totals }) => totals.invalidationsReceived],
  ['c2c', ({ totals }) => totals.cleanForwards + totals.dirtyForwards],
  ['mem', ({ totals }) => totals.memoryReads],
  ['wb', ({ totals }) => totals.writeBacks],
  ['messages', ({ messages }) => Object.values(messages).reduce((sum, sent) => sum + sent, 0)],
  ['hops', ({ hops }) => hops],
  ['cycles', ({ totals }) => totals.cycles],
];

/** Reports beside each other. */
export function comparisonText(reports: readonly Compared[]): string {
  const onBuses = reports.every(({ report }) => report.options.interconnect === 'bus');
  const shown = COMPARED.filter(([title]) => !onBuses || !/^(messages|hops)$/.test(title));
  const extras = Object.keys(reports[0]?.extra ?? {});
  const head = ['', ...shown.map(([title]) => title), ...extras];
  const rows = reports.map(({ title, report, extra }) => [
    title,
    ...shown.map(([, of]) => count(of(report))),
    ...extras.map((name) => (extra?.[name] ?? 0).toFixed(1)),
  ]);
  return `${columns(head, rows)}\n`;
}

/** All ways to interleave a program, then the best and the worst. */
export function interleavingsText(report: InterleavingsReport, options: TextOptions = {}): string {
  const { interleavings, isComplete, spreads, best, worst } = report;
  const ways = isComplete ? 'all there are' : 'picked by chance, there are more';
  const rows = Object.entries(spreads).map(([name, { least, mean, most }]) => [
    name,
    ...[least, mean, most].map((value) => count(value)),
  ]);
  const parts = [
    machineText(best.options),
    `${count(interleavings)} ${interleavings === 1 ? 'interleaving' : 'interleavings'}, ${ways}`,
    columns(['', 'least', 'mean', 'most'], rows),
  ];
  const isSame = best.totals.cycles === worst.totals.cycles;
  parts.push(isSame ? 'one of them:' : 'fewest cycles:', stepsText(best, options.steps ?? 40));
  if (!isSame) parts.push('most cycles:', stepsText(worst, options.steps ?? 40));
  return `${parts.join('\n\n')}\n`;
}
