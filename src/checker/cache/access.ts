/** What the simulator is fed with. */

/**
 * What a core does: `update` is an atomic read-modify-write, which needs the line as a write does;
 * `evict` throws a line out of the core's cache.
 */
export type AccessKind = 'read' | 'write' | 'update' | 'evict';

/** One access of one core. */
export interface Access {
  /** From 0. Threads stay on their cores, so this is the thread as well. */
  readonly core: number;
  readonly kind: AccessKind;
  /** First byte, 0 to 2⁵³ − 1. */
  readonly address: number;
  /** Bytes, 1 to 4096. An access across lines takes each of them. */
  readonly size: number;
  /** What did it, for reports: a source line, as a rule. */
  readonly site?: string;
}

/** A piece of memory with a name, for reports. */
export interface Named {
  readonly name: string;
  readonly address: number;
  /** Bytes. */
  readonly size: number;
}

/** Accesses in the order in which they happen. */
export interface Trace {
  readonly accesses: readonly Access[];
  /** Names of the threads, by core; a core without one is called `P0`, `P1`, …. */
  readonly threads?: readonly (string | undefined)[];
  readonly names?: readonly Named[];
}

/** The letters of the kinds in traces. */
export const KIND_LETTERS: Readonly<Record<AccessKind, string>> = {
  read: 'R',
  write: 'W',
  update: 'U',
  evict: 'X',
};

/** The largest access, in bytes. */
export const ACCESS_BYTES_MAX = 4096;

/** An address as it is shown. */
export function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

/** What lies at an address: `tail`, `slots+8`; undefined when it has no name. */
export function nameAt(names: readonly Named[], address: number): string | undefined {
  const found = names.find((each) => address >= each.address && address < each.address + each.size);
  if (found === undefined) return undefined;
  const inside = address - found.address;
  return inside === 0 ? found.name : `${found.name}+${inside}`;
}

/** What the thread on a core is called. */
export function threadName(trace: Pick<Trace, 'threads'>, core: number): string {
  return trace.threads?.[core] ?? `P${core}`;
}

/** An access as traces write it. */
export function accessText({ core, kind, address, size, site }: Access): string {
  const text = `P${core} ${KIND_LETTERS[kind]} ${hex(address)} ${size}`;
  return site === undefined ? text : `${text} ${site}`;
}
