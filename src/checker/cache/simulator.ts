/**
 * The simulator: cores with a cache each, one coherence protocol, one access at a time.
 *
 * Invariants, asserted with every access for the lines that it touches: one copy at most is in M,
 * E, O or F; a copy in M or E is alone; every read sees the last write; memory is never newer than
 * a copy, and is old only while a copy is in M or O; a directory knows exactly who has a line.
 */
import { assert, misuse, outOfRange, RondoError } from '../../base/index.ts';
import { type Access, ACCESS_BYTES_MAX, type AccessKind, KIND_LETTERS } from './access.ts';
import { CoreCache, type Copy } from './lines.ts';
import { Bus } from './interconnect/bus.ts';
import { Copies, type Happening, type Interconnect } from './interconnect/contract.ts';
import { Directory } from './interconnect/directory.ts';
import { type Miss, MissHistory } from './misses.ts';
import { type CacheOptions, type ResolvedCacheOptions, resolveCacheOptions } from './options.ts';
import { fillState, isDirty, isOwner, type Protocol } from './protocol.ts';
import { PROTOCOLS } from './protocols/index.ts';
import type { LineStep, Step } from './step.ts';
import { Tally } from './tally.ts';
import { Topology } from './topology.ts';

const KINDS: ReadonlySet<string> = new Set(Object.keys(KIND_LETTERS));

/** The bytes of a line that an access takes. */
interface Part {
  readonly line: number;
  readonly begin: number;
  readonly end: number;
}

/** A machine whose caches are looked at. Accesses happen one after the other, each as a whole. */
export class CacheSimulator {
  readonly options: ResolvedCacheOptions;
  /** What was counted so far. */
  readonly tally: Tally;
  readonly #protocol: Protocol;
  readonly #copies: Copies;
  readonly #interconnect: Interconnect;
  readonly #misses: MissHistory;
  /** Writes that each line has seen. */
  readonly #versions = new Map<number, number>();
  /** What `#statesOf` gives, for lines whose copies are as they were. */
  readonly #states = new Map<number, string>();
  #accesses = 0;

  /** @throws {TypeError | RangeError} ERR_OPTION_UNKNOWN, ERR_OPTION_TYPE, ERR_OPTION_RANGE */
  constructor(options: CacheOptions = {}) {
    const resolved = resolveCacheOptions(options);
    const { cores, sets, ways, lineBytes, latencies } = resolved;
    this.options = resolved;
    this.tally = new Tally(cores);
    this.#protocol = PROTOCOLS[resolved.protocol];
    this.#misses = new MissHistory(cores, lineBytes, sets * ways);
    const caches = Array.from({ length: cores }, () => new CoreCache(sets, ways));
    this.#copies = new Copies(this.#protocol, caches, (core, line) => {
      this.#misses.lost(core, line);
    });
    const topology = new Topology(resolved);
    this.#interconnect =
      resolved.interconnect === 'bus'
        ? new Bus(this.#copies, topology, latencies)
        : new Directory(this.#protocol, this.#copies, topology, latencies);
  }

  /**
   * Lets a core access memory, and says what that did.
   * @throws {TypeError | RangeError} ERR_OPTION_TYPE, ERR_OPTION_RANGE when it is no access
   * @throws {RondoError} ERR_CACHE_LIMIT after `maxAccesses`
   */
  access(access: Access): Step {
    checkAccess(access, this.options.cores);
    if (this.#accesses === this.options.maxAccesses) {
      throw new RondoError(
        'ERR_CACHE_LIMIT',
        `Cannot simulate more accesses: maxAccesses is ${this.options.maxAccesses}`,
      );
    }
    const lines: LineStep[] = [];
    let cycles = 0;
    for (const part of this.#partsOf(access)) {
      const step = access.kind === 'evict' ? this.#evict(access, part) : this.#use(access, part);
      cycles += step.cycles;
      lines.push(step);
      if (step.miss !== undefined && this.options.prefetch === 'adjacent') {
        const pair = this.#prefetch(access, part.line);
        if (pair !== undefined) lines.push(pair);
      }
    }
    const index = this.#accesses;
    this.#accesses += 1;
    const { core, kind, address, size, site } = access;
    // Written out: copying objects whole is what most of the time went to.
    return site === undefined
      ? { core, kind, address, size, index, lines, cycles }
      : { core, kind, address, size, site, index, lines, cycles };
  }

  /** Accesses so far. */
  get accesses(): number {
    return this.#accesses;
  }

  /** The states of the line with an address, a letter for each core: `SIM`. */
  statesAt(address: number): string {
    return this.#statesOf(Math.floor(address / this.options.lineBytes));
  }

  /** Cores that the directory has for the line with an address; undefined on a bus. */
  sharersAt(address: number): readonly number[] | undefined {
    return this.#interconnect.sharers(Math.floor(address / this.options.lineBytes));
  }

  #statesOf(line: number): string {
    let states = this.#states.get(line);
    if (states === undefined) {
      states = this.#copies.caches.map((_, core) => this.#copies.stateOf(core, line)).join('');
      this.#states.set(line, states);
    }
    return states;
  }

  #partsOf({ address, size }: Access): Part[] {
    const { lineBytes } = this.options;
    const parts: Part[] = [];
    const end = address + size;
    for (let at = address; at < end;) {
      const line = Math.floor(at / lineBytes);
      const start = line * lineBytes;
      const until = Math.min(end, start + lineBytes);
      parts.push({ line, begin: at - start, end: until - start });
      at = until;
    }
    return parts;
  }

  /** A read, write or update of bytes of one line. */
  #use(access: Access, { line, begin, end }: Part): LineStep {
    const { core, kind } = access;
    const { hit: hitCycles, atomic } = this.options.latencies;
    const happening = newHappening(hitCycles + (kind === 'update' ? atomic : 0));
    const cache = this.#copies.caches[core]!;
    const found = cache.find(line);
    const cell = this.#protocol.rows[found?.state ?? 'I']![kind === 'read' ? 'read' : 'write'];
    const row = this.tally.row(access, line * this.options.lineBytes + begin, end - begin, line);
    const before = found?.state ?? 'I';
    const wasPrefetched = found?.isPrefetched === true;
    let copy = found;
    let miss: Miss | undefined;
    if (cell.request === undefined) {
      assert(copy !== undefined && typeof cell.next === 'string', 'a hit has a copy and a state');
      happening.events.push({ kind: 'hit', from: copy.state, to: cell.next });
      copy.state = cell.next;
    } else if (copy === undefined) {
      miss = this.#misses.missed(core, line, row.counted);
      copy = this.#fetch(core, line, kind, happening);
    } else {
      this.#interconnect.request(core, line, cell.request, happening);
      copy.state = fillState(cell.next, true);
    }
    copy.isPrefetched = false;
    cache.touch(copy);
    this.#advance(access, copy, begin, end);
    const step = this.#finish(line, false, happening, miss);
    this.tally.add(row, kind, step, { before, after: copy.state, wasPrefetched });
    return step;
  }

  /** Looks at the value that is there, and writes. */
  #advance({ core, kind }: Access, copy: Copy, begin: number, end: number): void {
    const { line } = copy;
    const version = this.#versions.get(line) ?? 0;
    assert(copy.version === version, 'a core sees the last write to a line');
    this.#misses.used(core, line, begin, end);
    if (kind === 'read') return;
    assert(copy.state === 'M', 'a core writes a copy that is modified');
    copy.version = version + 1;
    this.#versions.set(line, copy.version);
    this.#misses.wrote(core, line, begin, end);
  }

  /** Gets a line that the core does not have, after making room. */
  #fetch(core: number, line: number, kind: AccessKind, happening: Happening): Copy {
    const cache = this.#copies.caches[core]!;
    const victim = cache.victim(line);
    if (victim !== undefined) this.#giveUp(core, victim, happening);
    const cell = this.#protocol.rows.I![kind === 'read' ? 'read' : 'write'];
    assert(cell.request !== undefined, 'what is not there must be asked for');
    const grant = this.#interconnect.request(core, line, cell.request, happening);
    assert(grant.version !== undefined, 'who asks for a line gets it');
    const state = fillState(cell.next, grant.isShared);
    const copy = { line, state, version: grant.version, isPrefetched: false };
    cache.insert(copy);
    return copy;
  }

  #giveUp(core: number, copy: Copy, happening: Happening): void {
    const { line, state } = copy;
    const cell = this.#protocol.rows[state]!.evict;
    assert(cell !== undefined, 'a copy can be given up');
    if (cell.writesBack) this.#copies.writeBack(copy);
    this.#copies.caches[core]!.remove(copy);
    this.#interconnect.evicted(core, line, state, happening);
    const writesBack = cell.writesBack === true;
    happening.events.push({ kind: 'evict', line, from: state, writesBack });
  }

  /** The trace throws a line out. */
  #evict(access: Access, { line, begin, end }: Part): LineStep {
    const happening = newHappening(0);
    const copy = this.#copies.caches[access.core]!.find(line);
    const before = copy?.state ?? 'I';
    if (copy === undefined) {
      happening.events.push({ kind: 'evict', line, from: 'I', writesBack: false });
    } else {
      this.#giveUp(access.core, copy, happening);
      this.#misses.lost(access.core, line);
    }
    const step = this.#finish(line, false, happening, undefined);
    const row = this.tally.row(access, line * this.options.lineBytes + begin, end - begin, line);
    this.tally.add(row, 'evict', step, { before, after: 'I', wasPrefetched: false });
    return step;
  }

  /** Fetches the other line of a pair, unless the core has it. The core does not wait for it. */
  #prefetch(access: Access, line: number): LineStep | undefined {
    const { core } = access;
    const pair = line % 2 === 0 ? line + 1 : line - 1;
    if ((pair + 1) * this.options.lineBytes > Number.MAX_SAFE_INTEGER) return undefined;
    const cache = this.#copies.caches[core]!;
    if (cache.find(pair) !== undefined) return undefined;
    // A prefetch may not push out what the access has just brought, as it would with one way.
    if (cache.victim(pair)?.line === line) return undefined;
    const happening = newHappening(0);
    this.#fetch(core, pair, 'read', happening).isPrefetched = true;
    happening.cycles = 0;
    this.#misses.prefetched(core, pair);
    const step = this.#finish(pair, true, happening, undefined);
    this.tally.addPrefetch(core, pair, step);
    return step;
  }

  #finish(
    line: number,
    isPrefetch: boolean,
    { events, messages, hops, cycles }: Happening,
    miss: Miss | undefined,
  ): LineStep {
    // A hit that leaves the state as it was changes nothing that another copy could contradict.
    for (const event of events) {
      if (event.kind === 'hit' && event.from === event.to) continue;
      const changed = event.kind === 'evict' ? event.line : line;
      this.#states.delete(changed);
      this.#assertSound(changed);
    }
    const states = this.#statesOf(line);
    const whole = Math.round(cycles);
    return { line, isPrefetch, states, events, messages, hops, cycles: whole, miss };
  }

  /** The invariants of the head of this file. */
  #assertSound(line: number): void {
    const version = this.#versions.get(line) ?? 0;
    const holders: number[] = [];
    let owners = 0;
    let alone = 0;
    let dirty = 0;
    this.#copies.caches.forEach((cache, core) => {
      const copy = cache.find(line);
      if (copy === undefined) return;
      holders.push(core);
      if (isOwner(copy.state)) owners += 1;
      if (copy.state === 'M' || copy.state === 'E') alone += 1;
      if (isDirty(copy.state)) dirty += 1;
      assert(copy.version === version, 'every copy has the last write');
    });
    assert(owners <= 1, 'one copy at most is in M, E, O or F');
    assert(alone === 0 || holders.length === 1, 'a copy in M or E is alone');
    assert(dirty > 0 || this.#copies.inMemory(line) === version, 'somebody has the last write');
    const known = this.#interconnect.sharers(line);
    if (known === undefined) return;
    assert(known.join() === holders.join(), 'the directory knows who has a line');
  }
}

function newHappening(cycles: number): Happening {
  return { events: [], messages: [], hops: 0, cycles };
}

function checkAccess({ core, kind, address, size, site }: Access, cores: number): void {
  const at = 'Cannot simulate an access: its';
  if (!KINDS.has(kind)) {
    const kinds = [...KINDS].join(', ');
    throw misuse('ERR_OPTION_TYPE', `${at} kind must be one of ${kinds}, got ${kind}`);
  }
  if (site !== undefined && typeof site !== 'string') {
    throw misuse('ERR_OPTION_TYPE', `${at} site must be a string, got ${typeof site}`);
  }
  if (!Number.isInteger(core) || core < 0 || core >= cores) {
    throw outOfRange('ERR_OPTION_RANGE', `${at} core must be from 0 to ${cores - 1}, got ${core}`);
  }
  if (!Number.isInteger(size) || size < 1 || size > ACCESS_BYTES_MAX) {
    const range = `from 1 to ${ACCESS_BYTES_MAX}`;
    throw outOfRange('ERR_OPTION_RANGE', `${at} size must be ${range} bytes, got ${size}`);
  }
  if (!Number.isSafeInteger(address) || address < 0 || !Number.isSafeInteger(address + size)) {
    throw outOfRange('ERR_OPTION_RANGE', `${at} address must be from 0 to 2^53, got ${address}`);
  }
}
