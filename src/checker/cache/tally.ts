/** Counts what happens: in all, by core, and by line, offset, source line and core. */
import type { Access, AccessKind } from './access.ts';
import { type Counters, zero } from './counters.ts';
import type { Message, MessageType } from './events.ts';
import type { Change, LineStep } from './step.ts';

/** Accesses of one core, from one source line, to the same bytes of a line. */
export interface Row {
  readonly line: number;
  /** Address of the first byte, within the line. */
  readonly address: number;
  readonly size: number;
  readonly core: number;
  readonly site: string | undefined;
  readonly counters: Counters;
  /** Where the row's accesses count: the whole, the core, the line, and the row itself. */
  readonly counted: readonly Counters[];
}

/** See the head of this file. */
export class Tally {
  readonly totals: Counters = zero();
  readonly cores: readonly Counters[];
  readonly lines: Map<number, Counters> = new Map();
  /** Messages of the directory, by type. */
  readonly messages: Map<MessageType, number> = new Map();
  /** Messages one after the other, of all steps. */
  hops = 0;
  /** Messages that left their node. */
  crossings = 0;
  /** How far all messages went, of the table of distances. */
  distance = 0;
  /** In the order of their first accesses. */
  readonly rows: Row[] = [];
  /** By core and address: few rows share one. */
  readonly #rowsAt: readonly Map<number, Row[]>[];

  constructor(cores: number) {
    this.cores = Array.from({ length: cores }, zero);
    this.#rowsAt = Array.from({ length: cores }, () => new Map<number, Row[]>());
  }

  /** The row of an access to bytes of a line. */
  row({ core, site }: Access, address: number, size: number, line: number): Row {
    const there = this.#rowsAt[core]!.get(address);
    const found = there?.find((row) => row.size === size && row.site === site);
    if (found !== undefined) return found;
    const counters = zero();
    const counted = [this.totals, this.cores[core]!, this.#line(line), counters];
    const row = { line, address, size, core, site, counters, counted };
    if (there === undefined) this.#rowsAt[core]!.set(address, [row]);
    else there.push(row);
    this.rows.push(row);
    return row;
  }

  /** Counts what an access did to a line. Misses count themselves. */
  add(row: Row, kind: AccessKind, step: LineStep, change: Change): void {
    const isHit = step.events[0]?.kind === 'hit';
    for (const counters of row.counted) {
      if (kind === 'read') counters.reads += 1;
      if (kind === 'write') counters.writes += 1;
      if (kind === 'update') counters.updates += 1;
      if (isHit) counters.hits += 1;
      if (isHit && change.before !== change.after) counters.silentUpgrades += 1;
      if (change.wasPrefetched && kind !== 'evict') counters.prefetchesUsed += 1;
      counters.cycles += step.cycles;
    }
    if (!isHit) this.#addEvents(row.core, row.counted, step);
  }

  /** Counts a line that was fetched besides. */
  addPrefetch(core: number, line: number, step: LineStep): void {
    const counted = [this.totals, this.cores[core]!, this.#line(line)];
    for (const counters of counted) counters.prefetches += 1;
    this.#addEvents(core, counted, step);
  }

  #line(line: number): Counters {
    let counters = this.lines.get(line);
    if (counters === undefined) {
      counters = zero();
      this.lines.set(line, counters);
    }
    return counters;
  }

  #addEvents(
    core: number,
    counted: readonly Counters[],
    { events, line, messages, hops }: LineStep,
  ): void {
    // What happens to another core's copy counts there, and for the line.
    const whole = [this.totals, this.#line(line)];
    for (const event of events) {
      switch (event.kind) {
        case 'hit':
          break;
        case 'request':
          for (const counters of counted) counters[event.transaction] += 1;
          break;
        case 'memory':
          for (const counters of counted) counters.memoryReads += 1;
          break;
        case 'supply':
          for (const counters of counted) {
            counters[event.dirty ? 'dirtyForwards' : 'cleanForwards'] += 1;
          }
          for (const counters of [...whole, this.cores[event.core]!]) {
            counters.interventions += 1;
            if (event.writesBack) counters.writeBacks += 1;
          }
          break;
        case 'invalidate':
          for (const counters of counted) counters.invalidationsSent += 1;
          for (const counters of [...whole, this.cores[event.core]!]) {
            counters.invalidationsReceived += 1;
          }
          break;
        case 'evict':
          if (event.from === 'I') break;
          for (const counters of [this.totals, this.#line(event.line), this.cores[core]!]) {
            counters.evictions += 1;
            if (event.writesBack) counters.writeBacks += 1;
          }
          break;
      }
    }
    this.hops += hops;
    for (const message of messages) this.#addMessage(message);
  }

  #addMessage({ type, crosses, distance }: Message): void {
    this.messages.set(type, (this.messages.get(type) ?? 0) + 1);
    this.distance += distance;
    if (crosses) this.crossings += 1;
  }
}
